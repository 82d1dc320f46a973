#!/bin/bash
# Three things that only the machine itself can say.
#
# By its name, a target knows who attaches a volume: nodes that were made of one image have one, and are taken for the same.
#
# Which disks are its own: what servers make with LVM on their volumes is not for it.
#
# Which virtualisation there is, only the machine itself knows: kvm needs the processor's flag, and the device that the kernel gives where
# it can use it. In a virtual machine both are there only with nested virtualisation.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

name=$TRAINYARD_ROOT/var/lib/trainyard/initiator-name
if [ ! -s "$name" ]; then
    iscsi-iname | sed 's/^/InitiatorName=/' >"$name.new"
    grep -q '^InitiatorName=iqn' "$name.new" || fail "iscsi-iname gives no name"
    mv "$name.new" "$name"
fi
put_file 0644 root root /etc/iscsi/initiatorname.iscsi "$name" "${TRAINYARD_CHANGED:?}"

put_lvm_filter

# A program of oslo.config's reads the file of its own name after that of its project.
file=/etc/nova/nova-compute.conf
type=${PARAMETER_virt_type:?}
if [ "$type" = auto ]; then
    type=qemu
    if grep -Eqw 'vmx|svm' "$TRAINYARD_ROOT/proc/cpuinfo" && [ -e "$TRAINYARD_ROOT/dev/kvm" ]; then type=kvm; fi
fi
if grep -q '^virt_type = ' "$STAGES/nova-compute/files/etc/nova/nova.conf"; then
    say "the lab's settings say which virtualisation is used"
    rm -f "$TRAINYARD_ROOT$file"
    exit 0
fi
say "servers are run by $type"
# An emulated processor has no model of the machine's.
mode=host-model
[ "$type" = kvm ] || mode=none
put_file 0640 root nova "$file" <(printf '[libvirt]\nvirt_type = %s\ncpu_mode = %s\n' "$type" "$mode") "${TRAINYARD_CHANGED:?}"
