#!/bin/bash
# Boots a test host. Runs in namespaces of its own for mounts and processes, and in the host's network namespace:
#
#     start.sh NAME LOWER UPPER WORK ROOT [MEDIUM]
#
# MEDIUM is a folder with what is on a CD. A container has no drive, so what would be read from /dev/sr0 is mounted in that name.
set -euo pipefail
name=$1 lower=$2 upper=$3 work=$4 root=$5 medium=${6:-}

# Two hosts in one group would take each other's services for their own. Where cgroups are of both versions, systemd uses these two.
for base in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    if [ -e "$base/cgroup.procs" ]; then
        mkdir -p "$base/$name"
        echo 0 >"$base/$name/cgroup.procs"
    fi
done
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root"
if [ -n "$medium" ]; then
    mkdir -p "$root/mnt/cd"
    mount -t tmpfs -o mode=0700 /dev/sr0 "$root/mnt/cd"
    cp "$medium"/* "$root/mnt/cd"
fi
# Only what belongs to its network namespace may be written to in /proc/sys. Without CAP_SYS_TIME nothing can set the machine's clock.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
exec systemd-nspawn --quiet --directory="$root" --machine="$name" --register=no --keep-unit --resolv-conf=off \
    --capability=CAP_NET_ADMIN,CAP_NET_RAW --timezone=off --boot --console=pipe
