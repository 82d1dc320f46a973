#!/bin/bash
# Names are right here and everywhere, and this node reaches the others.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

[ "$(hostname)" = "$TRAINYARD_NODE" ] || fail "this host calls itself $(hostname), not $TRAINYARD_NODE"
[ -n "$(ip -4 -o address show to "$TRAINYARD_ADDRESS/32")" ] || fail "no interface has the address $TRAINYARD_ADDRESS"
say "$TRAINYARD_NODE is $TRAINYARD_ADDRESS"

if [ -n "$TRAINYARD_PROVIDER_INTERFACE" ]; then
    link=$(ip -o link show dev "$TRAINYARD_PROVIDER_INTERFACE") || fail "there is no $TRAINYARD_PROVIDER_INTERFACE"
    case $link in *[\<,]UP[,\>]*) ;; *) fail "$TRAINYARD_PROVIDER_INTERFACE is not up" ;; esac
    [ -z "$(ip -4 -o address show dev "$TRAINYARD_PROVIDER_INTERFACE")" ] ||
        fail "$TRAINYARD_PROVIDER_INTERFACE has an address; instances use that network, the host does not"
    say "$TRAINYARD_PROVIDER_INTERFACE is up without an address"
fi

# The installer does not label these; systemd starts only what it may execute.
if selinuxenabled 2>/dev/null; then
    for path in /usr/local/sbin/trainyard-node /usr/local/libexec/trainyard/stage-lib.sh /etc/systemd/system/trainyard-first-boot.service; do
        matchpathcon -V "$path" >/dev/null || fail "$path has a wrong SELinux type; restorecon -RF $path"
    done
fi

unreachable=
while read -r address name <&3; do
    case $address in '' | '#'* | 127.* | ::1) continue ;; esac
    found=$(getent ahostsv4 "$name" | cut -d ' ' -f 1 | sort -u)
    [ "$found" = "$address" ] || fail "$name resolves to ${found:-nothing}, not to $address alone"
    if ping -c 1 -W 5 "$name" >/dev/null; then say "$name answers"; else unreachable="$unreachable $name"; fi
done 3<"$TRAINYARD_ROOT/etc/hosts"
[ -z "$unreachable" ] || fail "no answer to a ping from:$unreachable"
