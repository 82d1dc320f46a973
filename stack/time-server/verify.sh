#!/bin/bash
# The other nodes are content when this one tells them the time; a public server makes it the right time.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

sources=$(chronyc -n sources) || fail "chronyd does not answer"
say "$sources"
grep -q '^^\*' <<<"$sources" || warn "no public server is in use: the lab goes by this machine's own clock"
tracking=$(chronyc tracking)
if grep -q '^Leap status *: Not sync' <<<"$tracking"; then
    fail "the clock is not synchronised: the other nodes are told nothing"
fi
say "the other nodes are told the time"
