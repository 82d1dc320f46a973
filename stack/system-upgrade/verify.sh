#!/bin/bash
# The newest installed kernel is the one that runs. (Whether newer packages exist is yum's to say.)
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

runs_the_newest() {
    local newest
    newest=$(newest_kernel)
    [ -z "$newest" ] || [ "$newest" = "$(uname -r)" ] || fail "$(uname -r) runs; reboot into $newest"
    say "running: $(uname -r); installed: ${newest:-none}"
}

check "the newest kernel runs" runs_the_newest
verdict
