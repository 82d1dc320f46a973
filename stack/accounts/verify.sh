#!/bin/bash
# Each account is there with its shell, its groups and its keys, and sudo takes its rules.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

are_there() {
    local name uid shell groups hash entry
    while read -r name uid shell groups hash <&3; do
        if ! entry=$(getent passwd "$name"); then
            wrong "there is no account $name"
            continue
        fi
        [ "${entry##*:}" = "$shell" ] || wrong "the shell of $name is ${entry##*:}, not $shell"
        [ "$uid" = - ] || [ "$(id -u "$name")" = "$uid" ] || wrong "the number of $name is $(id -u "$name"), not $uid"
        say "$entry"
    done 3< <(manifest accounts account)
}

# An account that is not there is told once.
are_in_their_groups() {
    local name uid shell groups hash group member
    while read -r name uid shell groups hash <&3; do
        getent passwd "$name" >/dev/null || continue
        member=" $(id -nG "$name") "
        [ "$groups" != - ] || groups=
        for group in ${groups//,/ }; do
            case $member in *" $group "*) ;; *) wrong "$name is not in the group $group" ;; esac
        done
        say "$name:${member% }"
    done 3< <(manifest accounts account)
}

have_their_keys() {
    local name uid shell groups hash keys
    while read -r name uid shell groups hash <&3; do
        getent passwd "$name" >/dev/null || continue
        keys=$CONFIGURATION/accounts/$name.keys
        if [ -s "$keys" ]; then
            cmp -s "$keys" "$TRAINYARD_ROOT/home/$name/.ssh/authorized_keys" || wrong "the keys of $name are not those of the lab"
            say "$name: $(wc -l <"$keys") of them"
        elif [ "$hash" = - ]; then
            say "nobody can log in as $name"
        fi
    done 3< <(manifest accounts account)
}

# The hash itself is not compared: people may change their passwords.
are_locked() {
    local name uid shell groups hash entry
    while read -r name uid shell groups hash <&3; do
        if [ "$hash" != - ] || ! entry=$(getent shadow "$name"); then continue; fi
        entry=${entry#*:}
        case $entry in '!'* | '*'*) say "$name" ;; *) wrong "$name has a password, and the lab gives it none" ;; esac
    done 3< <(manifest accounts account)
}

check "the accounts are there" are_there
check "the accounts are in their groups" are_in_their_groups
check "the accounts have the lab's keys" have_their_keys
check "accounts without a password are locked" are_locked
check "sudo takes its rules" visudo -c
verdict
