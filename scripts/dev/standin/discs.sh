#!/bin/bash
# The first process of the machine that boot-discs.sh starts: the node's own scripts look for the lab's bundle while discs come and go.
# It prints, on the serial line,
#     standin: WHEN: DEVICE at FOLDER, REPOMD    or    standin: WHEN: none
#     standin: WHEN: what is mounted: LINE       or    standin: WHEN: nothing is mounted
#     standin: said: LINE                        what the scripts said themselves
#     standin: ask: COMMAND                      of QEMU's monitor; `@` stands for the folder with the discs
#     standin: done
export PATH=/real:/bin HOME=/ LC_ALL=C
/bin/busybox --install -s /bin
mkdir -p /run
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module.ko"; done </modules/order
# Kernel messages must not cut a line of ours in two.
echo 1 >/proc/sys/kernel/printk
for _ in {1..60}; do
    if [ -e /dev/sr1 ] && [ -e /dev/sda ]; then break; fi
    sleep 0.5
done
exec >/dev/ttyS0 2>&1 5</dev/ttyS1

tell() { printf 'standin: %s\n' "$*"; }

# ask COMMAND: goes on when it was done.
ask() {
    tell "ask: $1"
    read -r -t 60 _ <&5
}

# look WHEN: has the scripts look, and tells what they found.
look() {
    local said=/said found=none line=
    if find_bundle /etc/trainyard/pinned.repo >"$said" 2>&1; then
        found="$(mounted_device) at $(readlink -f /run/trainyard/packages), $(cat /run/trainyard/packages/base/repodata/repomd.xml)"
    fi
    while read -r line; do tell "said: $line"; done <"$said"
    tell "$1: $found"
    line=$(grep ' /run/trainyard/medium ' /proc/mounts) && line="what is mounted: $line"
    tell "$1: ${line:-nothing is mounted}"
}

# shellcheck disable=SC2034 # for stage-lib.sh
TRAINYARD_ROOT=
# shellcheck source-path=SCRIPTDIR source=../../node/stage-lib.sh
. /usr/local/libexec/trainyard/stage-lib.sh
set -u -o pipefail

look first
look again
ask 'eject -f bundle'
tell "in memory: $(cat /run/trainyard/packages/packages.lock 2>&1)"
look 'taken out'
ask 'eject -f installer'
look 'both taken out'
ask 'change bundle @bundle.iso'
look 'put back'
ask 'eject -f bundle'
ask 'change bundle @other.iso'
look 'another one in its place'
tell 'done'
poweroff -f
