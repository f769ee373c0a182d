#!/usr/bin/env bash
# The script that this collection takes the place of, written anew from its description: the workers stop
# first, which frees the CPU for the new web, and start again in the new color.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
# shellcheck source=common.sh
. "${0%/*}/common.sh"

step stop_workers
old stop worker beat
step start_web
# shellcheck disable=SC2086
new up --detach $WEB
step health
healthy "$NEW_PORT"
step switch
switch "$OLD_PORT" "$NEW_PORT"
step start_workers
new up --detach
# Here somebody looks at the new color, and says yes: that takes no time in the benchmark.
step remove_old
old down
