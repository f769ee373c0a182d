# shellcheck shell=bash
# What every way is made of. Sourced on the host; bench/machine.py sets the environment:
#
#   OLD, OLD_PORT, OLD_RELEASE   the color that is live, its port, its release
#   NEW, NEW_PORT, NEW_RELEASE   the other color, its port, the release to deploy
#   SHARED                       the image of the one Redis outside of both colors, or nothing
#   WEB                          what comes up before the switch: web, and Redis if a color has one

source=/srv/shop
upstream=/etc/nginx/conf.d/bluegreen-shop.conf

# step NAME: from here on, that is what happens.
step() { printf 'step %s %s\n' "$(date +%s.%3N)" "$1"; }

# compose COLOR PORT RELEASE ARGUMENT…
compose() {
    BG_COLOR=$1 BG_PORT=$2 BG_RELEASE=$3 docker compose --progress quiet --project-directory "$source" \
        --project-name "shop-$1" "${@:4}"
}

old() { compose "$OLD" "$OLD_PORT" "$OLD_RELEASE" "$@"; }
new() { compose "$NEW" "$NEW_PORT" "$NEW_RELEASE" "$@"; }

# healthy PORT: asks once a second, as such scripts do.
healthy() {
    until curl --silent --fail --max-time 2 --output /dev/null "http://127.0.0.1:$1/health/"; do
        sleep 1
    done
}

# switch FROM TO: Nginx sends new requests to another port.
switch() {
    sed "s/127\.0\.0\.1:$1/127.0.0.1:$2/" "$upstream" >/tmp/upstream
    cp /tmp/upstream "$upstream"
    nginx -t -q
    nginx -s reload
}
