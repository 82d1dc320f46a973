#!/bin/bash
# Runs while the node is installed, so that people can log in whatever becomes of the other stages. Accounts come before
# groups, or a group could take the name of an account's own.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

is_known() { getent "$1" "$2" >/dev/null; }

while read -r name uid shell groups hash <&3; do
    if is_known passwd "$name"; then
        usermod --shell "$shell" "$name"
        [ "$uid" = - ] || [ "$(id -u "$name")" = "$uid" ] ||
            fail "$name is there already with the number $(id -u "$name"), and the lab says $uid"
    else
        set -- --create-home --user-group --shell "$shell" "$name"
        [ "$uid" = - ] || set -- --uid "$uid" "$@"
        useradd "$@"
    fi
    # By standard input: a process list shows no hash.
    if [ "$hash" = - ]; then
        usermod --lock "$name"
    else
        value=$(secret "$hash")
        printf '%s:%s\n' "$name" "$value" | chpasswd --encrypted
    fi
done 3< <(manifest accounts account)

while read -r name uid shell groups hash <&3; do
    [ "$groups" != - ] || groups=
    for group in ${groups//,/ }; do
        is_known group "$group" || groupadd "$group"
    done
    usermod --groups "$groups" "$name"

    keys=$CONFIGURATION/accounts/$name.keys folder=/home/$name/.ssh
    if [ -s "$keys" ]; then
        put_folder 0700 "$name" "$name" "$folder"
        put_file 0600 "$name" "$name" "$folder/authorized_keys" "$keys"
    fi
    relabel "$TRAINYARD_ROOT/home/$name"
done 3< <(manifest accounts account)

for file in passwd shadow group gshadow; do
    relabel "$TRAINYARD_ROOT/etc/$file"
done
visudo -c >/dev/null || fail "sudo does not take its rules; \`visudo -c\` tells why"
