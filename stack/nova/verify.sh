#!/bin/bash
# Its services are up, its cells are there, and each compute node that came is known to the scheduler.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

ask() { cloud rows --as nova:NOVA_PASS:service compute "$@"; }

services_are_up() {
    local binary host status state found
    found=$(ask /os-services services binary host status state)
    while IFS=$'\t' read -r binary host status state; do
        [ -n "$binary" ] || continue
        if [ "$state" = up ]; then say "$binary on $host"; else wrong "$binary on $host is $state"; fi
        [ "$status" = enabled ] || say "$binary on $host is $status"
    done <<<"$found"
    for binary in nova-scheduler nova-conductor; do
        grep -q "^$binary"$'\t' <<<"$found" || wrong "there is no $binary"
    done
}

has_two_cells() {
    local found
    found=$(sql <<<"SELECT COALESCE(name, '?') FROM nova_api.cell_mappings ORDER BY id" | tr '\n' ' ')
    [ "$found" = "cell0 cell1 " ] || fail "the cells are: ${found:-none}; they should be cell0 and cell1"
    say "$found"
}

# One that is not mapped to its cell gets no server, and `discover_hosts_in_cells_interval` maps it.
computes_are_mapped() {
    local host hosts
    hosts=$(ask '/os-services?binary=nova-compute' services host)
    for host in $hosts; do
        if [ "$(sql <<<"SELECT COUNT(*) FROM nova_api.host_mappings WHERE host = '$host'")" -gt 0 ]; then
            say "$host"
        else
            wrong "the compute node $host is not mapped to its cell yet"
        fi
    done
}

serves_consoles() {
    local status
    status=$(curl --silent --noproxy '*' --max-time 30 --output /dev/null --write-out '%{http_code}' "http://$TRAINYARD_CONTROLLER:6080/vnc_auto.html")
    [ "$status" = 200 ] || fail "http://$TRAINYARD_CONTROLLER:6080/vnc_auto.html answers $status"
    say "http://$TRAINYARD_CONTROLLER:6080/vnc_auto.html"
}

metadata_answers() {
    local status
    status=$(curl --silent --noproxy '*' --max-time 30 --output /dev/null --write-out '%{http_code}' "http://$TRAINYARD_CONTROLLER:8775/")
    [ "$status" = 200 ] || fail "http://$TRAINYARD_CONTROLLER:8775/ answers $status"
    say "http://$TRAINYARD_CONTROLLER:8775/"
}

given "its services run"
check "its services are up" services_are_up
check "its cells are mapped" has_two_cells
check "compute nodes are mapped to their cell" computes_are_mapped
check "consoles are served" serves_consoles
check "metadata are served" metadata_answers
verdict
