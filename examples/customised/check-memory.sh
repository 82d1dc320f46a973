#!/bin/bash
# The controller swaps itself to death with less.
set -eu
kib=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
if [ "$kib" -lt 3500000 ]; then
    echo "$TRAINYARD_NODE has $kib KiB of memory, and needs 3500000"
    exit 1
fi
