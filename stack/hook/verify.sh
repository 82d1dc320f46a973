#!/bin/bash
# What a hook is for, only its author knows: that it ended well is all that can be said.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/progress.sh
. "${TRAINYARD_LIB%/*}/progress.sh"

stage=${0%/*} stage=${stage##*/}

ended_well() {
    [ -e "$STATE/done/$stage" ] || fail "the hook has not ended well; see /var/log/trainyard/$stage.log"
    is_done "$stage" || fail "the hook ended well as it was before; it has not run since the lab changed"
    say "what it said is in /var/log/trainyard/$stage.log"
}

check "the hook ended well" ended_well
verdict
