#!/bin/bash
# memcached keeps a value at both addresses, and does not listen on UDP.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

# Stores a value through one connection, reads it back, and removes it.
keeps_a_value() {
    # shellcheck disable=SC2016 # the inner bash expands them
    timeout 10 bash -c '
        exec 3<>"/dev/tcp/$0/11211" &&
        printf "set trainyard_verify 0 30 2\r\nok\r\nget trainyard_verify\r\ndelete trainyard_verify\r\nquit\r\n" >&3 &&
        cat <&3' "$1" | tr -d '\r' | grep -qx ok
}

for address in 127.0.0.1 "$TRAINYARD_ADDRESS"; do
    keeps_a_value "$address" || fail "memcached keeps no value at $address:11211"
done
[ -z "$(ss -lun 'sport = :11211' | tail -n +2)" ] || fail "memcached listens on UDP"
say "memcached keeps values at 127.0.0.1 and $TRAINYARD_ADDRESS"
