# Images: the Debian base of everything, and the Pi-sized hosts made on top of it.

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

# base_images SUITE…: pulled where that is possible; where it is not, made from Debian's packages under
# the same name.
base_images() {
    local suite
    for suite in "$@"; do
        image_exists "debian:$suite-slim" && continue
        if [ -z "${registry_is_out_of_reach:-}" ]; then
            say "Pulling debian:$suite-slim."
            timeout 300 docker pull --quiet "debian:$suite-slim" >"$state/pull.log" 2>&1 9>&- && continue
            registry_is_out_of_reach=yes
            say "It cannot be pulled ($(tail -n 1 "$state/pull.log"))."
            command -v mmdebstrap >/dev/null || apt_install mmdebstrap
        fi
        say "Making debian:$suite-slim from Debian's packages (half a minute)."
        logged "base-$suite" as_root "$lab/standins/base-image" "$suite"
    done
}

# build_image IMAGE FOLDER BASE [ARGUMENT…]: built anew only when the folder, the base or the arguments
# have changed.
build_image() {
    local image=$1 folder=$2 base=$3 wanted
    shift 3
    wanted=$( (cd "$folder" && find . -type f ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum
        docker image inspect --format '{{.Id}}' "$base"; echo "$@") | sha256sum | cut -c1-16)
    [ "$(docker image inspect --format '{{index .Config.Labels "bluegreen.made-from"}}' "$image" 2>/dev/null)" \
        != "$wanted" ] || return 0
    say "Building $image (a minute or two)."
    logged "build-${image/:/-}" docker build --tag "$image" --label "bluegreen.made-from=$wanted" "$@" "$folder"
    docker image prune --force --filter label=bluegreen.made-from >/dev/null
}

host_images() {
    base_images trixie bookworm
    local folder=$lab/images/host
    build_image bluegreen-host:trixie "$folder" debian:trixie-slim --target pi --build-arg SUITE=trixie
    build_image bluegreen-host:trixie-bare "$folder" debian:trixie-slim --target bare --build-arg SUITE=trixie
    build_image bluegreen-host:bookworm-bare "$folder" debian:bookworm-slim --target bare --build-arg SUITE=bookworm
}

python39_image() {
    host_images
    base_images bullseye
    build_image bluegreen-host:python3.9 "$lab/images/python3.9" bluegreen-host:trixie
}

pull_image() {
    host_images
    build_image bluegreen-host:pull "$lab/images/pull" bluegreen-host:trixie
}

apt_repo_image() {
    host_images
    build_image bluegreen-apt-repo:latest "$lab/standins/apt-repo" bluegreen-host:trixie-bare
}

# The servers, beside the demo's own, that tasks are moved between.
redis_images() {
    base_images bullseye bookworm trixie
    local folder=$lab/images/redis
    build_image bluegreen-redis:6 "$folder" debian:bullseye-slim --build-arg SUITE=bullseye
    build_image bluegreen-redis:7 "$folder" debian:bookworm-slim --build-arg SUITE=bookworm
    build_image bluegreen-redis:valkey "$folder" debian:trixie-slim --build-arg SUITE=trixie \
        --build-arg PACKAGE=valkey-server
}

# The releases of the demo app that the demo and the scenarios deploy.
app_images() {
    local release
    base_images trixie
    for release in 1 2 3; do
        build_image "bluegreen-demo:$release" "$root/demo/app" debian:trixie-slim --build-arg "RELEASE=$release"
    done
}

# The app of the field bed (tests/system/field), of two versions of Celery and three releases each. Their packages come from PyPI by
# this machine's pip, because a build knows nothing of its proxies.
field_images() {
    venv
    app_images
    local source=$root/tests/system/field/app folder version release
    for version in newest 5.3; do
        folder=$state/field-$version
        if ! cmp -s "$source/celery-$version.txt" "$folder/requirements.txt"; then
            say "Fetching the packages of celery-$version.txt."
            rm -rf "$folder"
            logged "field-$version" "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
                --target "$folder/celery" --no-deps --python-version 3.13 --only-binary=:all: \
                --requirement "$source/celery-$version.txt"
            cp "$source/celery-$version.txt" "$folder/requirements.txt"
        fi
        cp "$source"/{Dockerfile,celery_program.py,field.py,worker.py} "$folder"
        for release in 1 2 3; do
            build_image "bluegreen-field:$version-$release" "$folder" bluegreen-demo:1 \
                --build-arg "RELEASE=$release"
        done
    done
}
