# shellcheck shell=sh
# Prints how an app runs already although the upstream file names no live color, one name=value per line; changes nothing.
#   live        the color whose web runs and publishes that color's port: it is the live one
#   unadopted   a Compose project whose web runs and that is not such a color
# Prints nothing if the file names a live color or was not written by this collection, or while a deployment is open.

journal=$1 file=$2 src=$3 web=$4 blue=$5 blue_port=$6 green=$7 green_port=$8

[ ! -e "$journal" ] || exit 0
command -v docker >/dev/null || exit 0
if [ -e "$file" ]; then
    head -n 1 "$file" | grep -q '^# Written by smallfleet\.bluegreen' || exit 0
    grep -q '^ *server .* down;' "$file" || exit 0
fi

# Projects whose web runs, chosen by further filters of docker ps.
serving() {
    docker ps --filter status=running --filter label=com.docker.compose.oneoff=False \
        --filter "label=com.docker.compose.service${web:+=$web}" "$@" \
        --format '{{.Label "com.docker.compose.project"}}' | sort -u
}

runs_blue=$(serving --filter "label=com.docker.compose.project=$blue" --filter "publish=$blue_port/tcp")
runs_green=$(serving --filter "label=com.docker.compose.project=$green" --filter "publish=$green_port/tcp")
if [ "$runs_blue" ] && [ ! "$runs_green" ]; then
    echo live=blue
elif [ "$runs_green" ] && [ ! "$runs_blue" ]; then
    echo live=green
else
    # If both run, only Nginx knows which of them visitors see.
    # Without a name for the web, it is the service that publishes a port.
    [ "$web" ] || set -- --filter publish=1-65535/tcp
    from_folder=$(serving --filter "label=com.docker.compose.project.working_dir=$src" "$@" | head -n 1)
    echo "unadopted=${runs_blue:-$from_folder}"
fi
