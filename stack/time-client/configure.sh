#!/bin/bash
# A controller that is itself not synchronised yet tells its own time, with stratum 10. Following that would use up the
# three steps that chrony.conf allows, and the right time would then be slewed towards for hours: so wait, then step.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

# The controller's stratum; 0 while it has not answered. Columns: state, name, stratum, ...
stratum() { chronyc -n sources | awk -v server="$TRAINYARD_CONTROLLER_ADDRESS" '$2 == server { print $3 }'; }

has_upstream() {
    local now
    now=$(stratum)
    [ "${now:-0}" -gt 0 ] && [ "$now" -lt 10 ] && return 0
    chronyc burst 2/4 >/dev/null || true # asks again now, instead of in a minute
    return 1
}

if ! await "${PARAMETER_wait_seconds:?}" "$TRAINYARD_CONTROLLER to tell the right time (port 123/udp)" has_upstream; then
    now=$(stratum)
    [ "${now:-0}" -gt 0 ] ||
        fail "$TRAINYARD_CONTROLLER did not tell the time in $PARAMETER_wait_seconds s (port 123/udp)"
    warn "$TRAINYARD_CONTROLLER goes by its own clock (stratum $now); following it all the same"
fi
chronyc makestep
chronyc burst 4/8 >/dev/null || true # as many samples as it wants before it follows a source, now
await_clock 30
