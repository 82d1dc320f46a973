#!/bin/bash
# What a hook is for, only its author knows: that it ended well is all that can be said.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

stage=${0%/*} stage=${stage##*/}

ended_well() {
    [ -e "$TRAINYARD_ROOT/var/lib/trainyard/done/$stage" ] || fail "the hook has not ended well; see /var/log/trainyard/$stage.log"
    say "what it said is in /var/log/trainyard/$stage.log"
}

check "the hook ended well" ended_well
verdict
