#!/bin/bash
# Each account is there with its shell, its groups and its keys, and sudo takes its rules.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

while read -r name uid shell groups hash <&3; do
    entry=$(getent passwd "$name") || fail "there is no account $name"
    [ "${entry##*:}" = "$shell" ] || fail "the shell of $name is ${entry##*:}, not $shell"
    [ "$uid" = - ] || [ "$(id -u "$name")" = "$uid" ] || fail "the number of $name is $(id -u "$name"), not $uid"
    member=" $(id -nG "$name") "
    [ "$groups" != - ] || groups=
    for group in ${groups//,/ }; do
        case $member in *" $group "*) ;; *) fail "$name is not in the group $group" ;; esac
    done
    keys=$CONFIGURATION/accounts/$name.keys
    [ ! -s "$keys" ] || cmp -s "$keys" "$TRAINYARD_ROOT/home/$name/.ssh/authorized_keys" ||
        fail "the keys of $name are not those of the lab"
    [ "$hash" != - ] || [ -s "$keys" ] || say "nobody can log in as $name"
    say "$name:$member"
done 3< <(manifest accounts account)
said=$(visudo -c 2>&1) || fail "$said"
