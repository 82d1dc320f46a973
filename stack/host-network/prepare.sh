#!/bin/bash
# Interface files that the lab does not have are put aside: those of the installer or the cloud image, some of them under
# names that a port had before, and those of a lab that has changed. Each would be a second configuration of a port, or one
# that network.service fails on.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

scripts=/etc/sysconfig/network-scripts
aside=$TRAINYARD_ROOT/var/lib/trainyard/replaced
ours=$(manifest host-network file | cut -d ' ' -f 4)
for file in "$TRAINYARD_ROOT$scripts"/ifcfg-* "$TRAINYARD_ROOT$scripts"/route-* "$TRAINYARD_ROOT$scripts"/route6-*; do
    name=${file##*/}
    if [ ! -f "$file" ] || [ "$name" = ifcfg-lo ] || grep -qxF "$scripts/$name" <<<"$ours"; then
        continue
    fi
    say "$scripts/$name is not the lab's; it goes to ${aside#"$TRAINYARD_ROOT"}"
    mkdir -p "$aside"
    mv -f "$file" "$aside/$name"
done

# A port that is found by its address gets its name from its interface file (60-net.rules). Rules that cloud-init made for that address under
# another name would come after: without a seed at hand it takes the first port as eth0.
rules=$TRAINYARD_ROOT/etc/udev/rules.d/70-persistent-net.rules
if [ -f "$rules" ]; then
    kept=$(cat "$rules")
    for file in "$STAGES"/host-network/files"$scripts"/ifcfg-*; do
        mac=$(sed -n 's/^HWADDR=//p' "$file" | tr '[:upper:]' '[:lower:]')
        [ -z "$mac" ] || kept=$(awk -v mac="\"$mac\"" -v name="NAME=\"${file##*/ifcfg-}\"" \
            'index(tolower($0), mac) == 0 || index($0, name) > 0' <<<"$kept")
    done
    if [ "$kept" != "$(cat "$rules")" ]; then
        say "${rules#"$TRAINYARD_ROOT"} no longer names ports that the lab finds by their addresses"
        printf '%s\n' "$kept" >"$rules"
    fi
fi
