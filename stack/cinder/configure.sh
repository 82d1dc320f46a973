#!/bin/bash
# A storage node that finds the port open finds a service behind it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

ask() { cloud rows --as cinder:CINDER_PASS:service volumev3 /os-services services binary host state; }
scheduler_is_up() {
    local found
    found=$(ask 2>/dev/null) || return 1
    grep -q $'^cinder-scheduler\t.*\tup$' <<<"$found"
}

await 600 "cinder's scheduler to come up" scheduler_is_up || {
    ask
    fail "cinder's scheduler did not come up in 600 s"
}
