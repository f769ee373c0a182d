# Images: the Debian base of everything, and the Pi-sized hosts made on top of it.

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

# Pulled where that is possible; where it is not, made from Debian's packages under the same name.
base_images() {
    local suite registry=yes
    for suite in trixie bookworm; do
        image_exists "debian:$suite-slim" && continue
        if [ $registry = yes ]; then
            say "Pulling debian:$suite-slim."
            timeout 300 docker pull --quiet "debian:$suite-slim" >"$state/pull.log" 2>&1 9>&- && continue
            registry=no
            say "It cannot be pulled ($(tail -n 1 "$state/pull.log"))."
            command -v mmdebstrap >/dev/null || apt_install mmdebstrap
        fi
        say "Making debian:$suite-slim from Debian's packages (half a minute)."
        logged "base-$suite" as_root "$lab/standins/base-image" "$suite"
    done
}

# host_image TAG SUITE TARGET: built anew only when what it is made from has changed.
host_image() {
    local image=bluegreen-host:$1 suite=$2 target=$3 base wanted
    base=$(docker image inspect --format '{{.Id}}' "debian:$suite-slim")
    wanted=$( (cat "$lab"/images/host/*; printf '%s %s\n' "$base" "$target") | sha256sum | cut -c1-16)
    [ "$(docker image inspect --format '{{index .Config.Labels "bluegreen.made-from"}}' "$image" 2>/dev/null)" != "$wanted" ] ||
        return 0
    say "Building $image (a minute or two)."
    logged "image-$1" docker build --tag "$image" --target "$target" --build-arg "SUITE=$suite" \
        --label "bluegreen.made-from=$wanted" "$lab/images/host"
}

host_images() {
    host_image trixie trixie pi
    host_image trixie-bare trixie bare
    host_image bookworm-bare bookworm bare
}
