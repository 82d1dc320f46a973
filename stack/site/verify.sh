#!/bin/bash
# Packages are installed, files are whole, kernel parameters have their values, units run or do not run as the lab says.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

while read -r package <&3; do
    installed "$package" || fail "$package is not installed"
done 3< <(manifest site package)
while read -r mode owner group path <&3; do
    cmp -s "$STAGES/site/files$path" "$TRAINYARD_ROOT$path" || fail "$path is not what the lab says"
    found=$(stat -c '%a %U %G' "$TRAINYARD_ROOT$path")
    [ "$found" = "$(printf '%o' "$mode") $owner $group" ] || fail "$path has mode and owners $found"
done 3< <(manifest site file)
while read -r unit <&3; do
    systemctl --quiet is-active "$unit" || fail "$unit does not run"
done 3< <(manifest site service)
while read -r unit <&3; do
    ! systemctl --quiet is-active "$unit" || fail "$unit runs"
done 3< <(manifest site disabled && manifest site masked)
parameters=$TRAINYARD_ROOT/etc/sysctl.d/90-trainyard.conf
if [ -e "$parameters" ]; then
    while IFS= read -r line <&3; do
        name=${line%% = *} wanted=${line#* = }
        # The kernel shows tabs where a list was written with blanks, of which there may be more than one.
        found=$(sysctl -n "$name" | tr -s '\t ' ' ')
        wanted=$(tr -s '\t ' ' ' <<<"$wanted")
        [ "$found" = "$wanted" ] || fail "$name is $found, not $wanted"
        say "$name = $found"
    done 3<"$parameters"
fi
say "packages: $(manifest site package | wc -l), files: $(manifest site file | wc -l)," \
    "units: $( (manifest site service && manifest site disabled && manifest site masked) | wc -l)"
