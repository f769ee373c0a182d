# shellcheck shell=sh
# Prints what of an app runs already while no color is live by the upstream file, a name=value a line; changes nothing.
#   live        the color whose web runs and publishes that color's port, so that it is the live one
#   unadopted   a Compose project whose web runs and that is not such a color
# Nothing is printed where the file names a live color, where somebody else wrote it, or while a deployment is open.

journal=$1 file=$2 src=$3 web=$4 blue=$5 blue_port=$6 green=$7 green_port=$8

[ ! -e "$journal" ] || exit 0
command -v docker >/dev/null || exit 0
if [ -e "$file" ]; then
    head -n 1 "$file" | grep -q '^# Written by smallfleet\.bluegreen' || exit 0
    grep -q '^ *server .* down;' "$file" || exit 0
fi

# Projects whose web runs, as further filters of docker ps choose them.
serving() {
    docker ps --filter status=running --filter label=com.docker.compose.oneoff=False \
        --filter "label=com.docker.compose.service=$web" "$@" --format '{{.Label "com.docker.compose.project"}}' | sort -u
}

runs_blue=$(serving --filter "label=com.docker.compose.project=$blue" --filter "publish=$blue_port/tcp")
runs_green=$(serving --filter "label=com.docker.compose.project=$green" --filter "publish=$green_port/tcp")
if [ "$runs_blue" ] && [ ! "$runs_green" ]; then
    echo live=blue
elif [ "$runs_green" ] && [ ! "$runs_blue" ]; then
    echo live=green
else
    # Where both run, only Nginx can tell which of them visitors see.
    from_folder=$(serving --filter "label=com.docker.compose.project.working_dir=$src" | head -n 1)
    echo "unadopted=${runs_blue:-$from_folder}"
fi
