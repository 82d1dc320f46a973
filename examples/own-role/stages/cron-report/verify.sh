#!/bin/bash
# cron reads the file: it is root's, and nobody else may write to it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

file=$TRAINYARD_ROOT/etc/cron.d/trainyard-report
[ "$(stat -c '%a %U' "$file")" = "644 root" ] || fail "$file is not root's with mode 644"
say "a report each day at ${PARAMETER_hour:?}"
