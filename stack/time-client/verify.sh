#!/bin/bash
# One source, the controller, and this clock follows it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

# With -c, columns are: ^ (a server), state, name, stratum, ... ; and of tracking, the fifth is the clock's offset in seconds.
sources() { chronyc -c -n sources | awk -F, '{ print $2, $3 }'; }

answers_chronyc() {
    sources || fail "chronyd does not answer"
}

is_the_only_source() {
    local found
    found=$(sources | cut -d ' ' -f 2 | sort -u | tr '\n' ' ')
    [ "$found" = "$TRAINYARD_CONTROLLER_ADDRESS " ] ||
        fail "the time comes from ${found:-nowhere }instead of $TRAINYARD_CONTROLLER_ADDRESS ($TRAINYARD_CONTROLLER)"
    say "$TRAINYARD_CONTROLLER, $TRAINYARD_CONTROLLER_ADDRESS"
}

is_followed() {
    local found
    found=$(sources)
    grep -qxF "* $TRAINYARD_CONTROLLER_ADDRESS" <<<"$found" || fail "this clock does not follow $TRAINYARD_CONTROLLER"
    say "$TRAINYARD_CONTROLLER is selected"
}

given "its services run"
check "chronyd answers" answers_chronyc
given "chronyd answers"
check "the controller is the only source of time" is_the_only_source
check "this clock follows the controller" is_followed
given "this clock follows the controller"
check "this clock is right" clock_is_right
verdict
