#!/bin/bash
# What the services of this host take of memory, in MiB: the proportional share of each process, added up by service.
for process in /proc/[0-9]*; do
    unit=$(sed -n 's|.*/\([^/]*\.service\).*|\1|p' "$process/cgroup" 2>/dev/null | head -n 1)
    share=$(awk '$1 == "Pss:" { print $2 }' "$process/smaps_rollup" 2>/dev/null)
    [ -z "$unit" ] || [ -z "$share" ] || echo "$unit $share"
done | awk '{ share[$1] += $2; count[$1]++; all += $2 }
    END { for (unit in share) printf "%6d MiB %3d %s\n", share[unit] / 1024, count[unit], unit; printf "%6d MiB     in all\n", all / 1024 }' | sort -rn
