#!/usr/bin/env bash
# The state that each way starts from: one color whole on OLD_RELEASE, nothing of the other.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
# shellcheck source=common.sh
. "${0%/*}/common.sh"

new down
case ${1:-} in
    # After `rolling` the right color runs, only that its web has the other port: the rest stays as it is.
    keep) ;;
    anew)
        old down
        docker rm --force shop-shared >/dev/null 2>&1 || true
        docker network inspect shop-shared >/dev/null 2>&1 || docker network create shop-shared >/dev/null
        # What the deployments before left: the releases that it knows, or one that somebody interrupted. What prepare.yml
        # put there stays.
        find /var/lib/bluegreen/shop -mindepth 1 ! -name guard.pyz -delete
        rm -f /run/bluegreen/shop
        if [ -n "$SHARED" ]; then
            docker run --detach --restart unless-stopped --name shop-shared --network shop-shared \
                --network-alias redis "$SHARED" \
                redis-server --save '' --appendonly no --protected-mode no >/dev/null
        fi
        ;;
esac
old up --detach
healthy "$OLD_PORT"
printf 'upstream shop {\n    server 127.0.0.1:%s;\n}\n' "$OLD_PORT" >"$upstream"
nginx -t -q
nginx -s reload
