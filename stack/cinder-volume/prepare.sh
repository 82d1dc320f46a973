#!/bin/bash
# The group of volumes, on the data disk that the installer found; and LVM looks at no server's volumes.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

group=cinder-volumes
disk=${TRAINYARD_DATA_DISK:-}
[ -n "$disk" ] || fail "this node has no data disk for volumes: say one under \`storage: {data: {disk: sdb}}\`, without a \`mount\`"
[ -b "$disk" ] || fail "the data disk $disk is not there"

if ! vgs "$group" >/dev/null 2>&1; then
    # Whatever is on it is somebody's. (`wipefs` writes nothing with -n.)
    found=$(wipefs -n "$disk")
    case $found in
    '') ;;
    *LVM2_member*)
        # A physical volume that a power cut left before it had a group.
        [ -z "$(pvs --noheadings -o vg_name "$disk" | tr -d ' ')" ] || fail "$disk belongs to another volume group: $(pvs --noheadings "$disk")"
        ;;
    *) fail "$disk is not empty, and nothing of it is touched: $found" ;;
    esac
    pvs "$disk" >/dev/null 2>&1 || pvcreate "$disk"
    vgcreate "$group" "$disk"
fi

put_lvm_filter "$disk"
