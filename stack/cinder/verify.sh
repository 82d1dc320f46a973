#!/bin/bash
# Its user lists volumes, and its services are up, wherever they are.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

ask() { cloud rows --as cinder:CINDER_PASS:service volumev3 "$@"; }

lists_volumes() {
    local found
    found=$(ask '/volumes/detail?all_tenants=1' volumes id status)
    say "volumes: ${found//$'\n'/, }"
}

services_are_up() {
    local binary host state found
    found=$(ask /os-services services binary host state)
    while IFS=$'\t' read -r binary host state; do
        if [ "$state" = up ]; then say "$binary on $host"; else wrong "$binary on $host is $state"; fi
    done <<<"$found"
    grep -q ^cinder-scheduler <<<"$found" || wrong "there is no cinder-scheduler"
}

given "its services run"
check "its volumes are listed" lists_volumes
check "its scheduler and volume services are up" services_are_up
verdict
