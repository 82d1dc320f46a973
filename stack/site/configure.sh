#!/bin/bash
# Kernel parameters come late: packages bring some of them. Units that are wanted run already. A unit that is not installed does not run, so there is nothing to switch off.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

# stop UNIT: bounded, for a unit may take as long as it likes. Its status is that of systemctl.
stop() {
    local status=0
    timeout -k 10 300 systemctl stop "$1" || status=$?
    case $status in 124 | 137) fail "$1 did not stop in 300 s" ;; esac
    return "$status"
}

parameters=$TRAINYARD_ROOT/etc/sysctl.d/90-trainyard.conf
if [ -e "$parameters" ]; then
    sysctl -p "$parameters"
fi

systemctl daemon-reload
while read -r unit <&3; do
    if systemctl cat "$unit" >/dev/null 2>&1; then
        stop "$unit"
        systemctl disable "$unit"
    else
        say "there is no $unit"
    fi
done 3< <(manifest site disabled)
while read -r unit <&3; do
    stop "$unit" || say "there is no $unit; nothing will be able to start one"
    systemctl mask "$unit"
done 3< <(manifest site masked)
