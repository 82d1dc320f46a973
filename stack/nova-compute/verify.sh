#!/bin/bash
# The Compute service sees this node: its service is up, and it is mapped, so that servers can be put here.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

ask() { cloud rows --as nova:NOVA_PASS:service compute "$@"; }

is_up() {
    local state
    state=$(ask "/os-services?binary=nova-compute&host=$TRAINYARD_NODE" services state status)
    case $state in
    up$'\t'enabled) say "nova-compute on $TRAINYARD_NODE is up" ;;
    '') fail "the Compute service does not know a nova-compute on $TRAINYARD_NODE" ;;
    *) fail "nova-compute on $TRAINYARD_NODE is ${state//$'\t'/, }" ;;
    esac
}

# The list has those that are mapped to their cell, which the controller does by itself, a minute after one came up.
is_a_hypervisor() {
    local found
    found=$(ask /os-hypervisors/detail hypervisors service.host hypervisor_hostname hypervisor_type vcpus memory_mb |
        awk -F '\t' -v node="$TRAINYARD_NODE" '$1 == node')
    [ -n "$found" ] || fail "$TRAINYARD_NODE is not among the hypervisors: is it mapped to its cell?"
    say "${found//$'\t'/, }"
}

is_an_initiator_of_its_own() {
    local name
    name=$(sed -n 's/^InitiatorName=//p' "$TRAINYARD_ROOT/etc/iscsi/initiatorname.iscsi")
    [ "InitiatorName=$name" = "$(cat "$TRAINYARD_ROOT/var/lib/trainyard/initiator-name")" ] ||
        fail "/etc/iscsi/initiatorname.iscsi names ${name:-nobody}, not this node"
    say "$name"
}

check "targets of volumes know it by a name of its own" is_an_initiator_of_its_own
check "LVM leaves servers' volumes alone" lvm_looks_at_no_others
given "its services run"
check "the Compute service sees it up" is_up
check "it is a hypervisor that servers can be put on" is_a_hypervisor
verdict
