#!/bin/bash
# The group is there, LVM looks where it should, and the service sees it up.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

has_its_group() { vgs --noheadings -o vg_name,vg_size,vg_free cinder-volumes; }

is_up() {
    local state
    state=$(cloud rows --as cinder:CINDER_PASS:service volumev3 "/os-services?host=$TRAINYARD_NODE@lvm" services state)
    [ "$state" = up ] || fail "cinder-volume on $TRAINYARD_NODE@lvm is ${state:-unknown}"
    say "cinder-volume on $TRAINYARD_NODE@lvm"
}

given "its services run"
check "its volume group is there" has_its_group
check "LVM looks at no server's volumes" lvm_looks_at_no_others
check "the Block Storage service sees it up" is_up
verdict
