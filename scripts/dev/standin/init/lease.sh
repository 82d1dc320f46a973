#!/bin/sh
# What udhcpc runs when it has an address, with the answer in the environment.
# shellcheck disable=SC2154  # interface, ip, mask and router are udhcpc's
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
for each in $router; do
    ip route add default via "$each"
done
