#!/usr/bin/env bash
# Blue-green as it is usually shown: all of the new color comes up beside the old one, and takes over.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
# shellcheck source=common.sh
. "${0%/*}/common.sh"

step start_all
new up --detach
step health
healthy "$NEW_PORT"
step switch
switch "$OLD_PORT" "$NEW_PORT"
step remove_old
old down
