#!/usr/bin/env bash
# One project: a second web comes up beside the first and takes over; then the workers are replaced in place.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
# shellcheck source=common.sh
. "${0%/*}/common.sh"

# A range, so that the second web finds a port of its own: it gets the one that is free.
both() { compose "$OLD" 18001-18002 "$NEW_RELEASE" "$@"; }

first=$(both ps --quiet web)
step scale_up
both up --detach --no-deps --no-recreate --scale web=2 web
step health
healthy "$NEW_PORT"
step switch
switch "$OLD_PORT" "$NEW_PORT"
step remove_old
docker stop "$first" >/dev/null
docker rm "$first" >/dev/null
step recreate_workers
both up --detach --no-deps worker beat
