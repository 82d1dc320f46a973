#!/bin/bash
# Kernel parameters come late: packages bring some of them. Units that are wanted run already. A unit that is not installed does not run, so there is nothing to switch off.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

parameters=$TRAINYARD_ROOT/etc/sysctl.d/90-trainyard.conf
if [ -e "$parameters" ]; then
    sysctl -p "$parameters"
fi

systemctl daemon-reload
while read -r unit <&3; do
    if systemctl cat "$unit" >/dev/null 2>&1; then
        systemctl stop "$unit"
        systemctl disable "$unit"
    else
        say "there is no $unit"
    fi
done 3< <(manifest site disabled)
while read -r unit <&3; do
    systemctl stop "$unit" || say "there is no $unit; nothing will be able to start one"
    systemctl mask "$unit"
done 3< <(manifest site masked)
