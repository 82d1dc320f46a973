#!/bin/bash
# Sets the clock before anything depends on it: signatures, TLS and tokens are refused when it is wrong.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

has_upstream() {
    local sources
    sources=$(chronyc -n sources) && grep -q '^^\*' <<<"$sources"
}

if await "${PARAMETER_wait_seconds:?}" "a time server" has_upstream; then
    chronyc makestep
    await_clock 12
else
    warn "no time server answered in $PARAMETER_wait_seconds s; the lab goes by this machine's own clock: $(date)"
fi
