#!/usr/bin/env bash
# In place: Compose replaces each container whose image is another one now.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
# shellcheck source=common.sh
. "${0%/*}/common.sh"

step recreate
compose "$OLD" "$OLD_PORT" "$NEW_RELEASE" up --detach
step health
healthy "$OLD_PORT"
