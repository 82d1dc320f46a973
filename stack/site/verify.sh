#!/bin/bash
# What the lab switches off is off and stays off, and kernel parameters have their values. (Packages, files and services: see `check_stage`.)
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

# A unit that is not installed has nothing to start at boot; one without [Install] is started by others alone.
are_off() {
    local how unit state
    while read -r how unit <&3; do
        state=$(systemctl is-enabled "$unit" 2>/dev/null | tail -n 1) || true
        if systemctl --quiet is-active "$unit"; then
            wrong "$unit runs"
        elif [ "$how" = masked ] && [ "$state" != masked ]; then
            wrong "$unit is ${state:-not installed}, not masked"
        else
            case $state in
            enabled*) wrong "$unit starts at boot: it is $state" ;;
            *) say "$unit is ${state:-not installed}" ;;
            esac
        fi
    done 3< <(grep -E '^(disabled|masked) ' "$STAGES/site/manifest" || true)
}

have_their_values() {
    local line name wanted found parameters=$TRAINYARD_ROOT/etc/sysctl.d/90-trainyard.conf
    [ -e "$parameters" ] || return 0
    while IFS= read -r line <&3; do
        name=${line%% = *} wanted=${line#* = }
        # The kernel shows tabs where a list was written with blanks, of which there may be more than one.
        found=$(sysctl -n "$name" | tr -s '\t ' ' ')
        wanted=$(tr -s '\t ' ' ' <<<"$wanted")
        if [ "$found" = "$wanted" ]; then say "$name = $found"; else wrong "$name is $found, not $wanted"; fi
    done 3<"$parameters"
}

check "what the lab switches off is off" are_off
check "kernel parameters have their values" have_their_values
verdict
