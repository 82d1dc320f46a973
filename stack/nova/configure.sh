#!/bin/bash
# A compute node that finds the port open finds a service behind it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

services_are_up() {
    local up
    up=$(cloud rows --as nova:NOVA_PASS:service compute /os-services services binary state 2>/dev/null) || return 1
    grep -q '^nova-scheduler.up$' <<<"$up" && grep -q '^nova-conductor.up$' <<<"$up"
}

await 600 "nova's scheduler and conductor to come up" services_are_up || {
    cloud rows --as nova:NOVA_PASS:service compute /os-services services binary host state
    fail "nova's scheduler and conductor did not come up in 600 s"
}
