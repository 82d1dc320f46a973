#!/bin/bash
# memcached keeps a value at both of its addresses, and listens nowhere else.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

keeps_a_value() {
    memcached_keeps "$1" || fail "memcached keeps no value at $1:11211"
    say "memcached keeps values at $1"
}

listens_nowhere_else() { listens_only tcp 11211 127.0.0.1 "$TRAINYARD_ADDRESS"; }

# A request by UDP may bear any sender's address, and the answer is much larger.
is_silent_on_udp() { listens_only udp 11211; }

given "its services run"
check "memcached keeps a value at the management address" keeps_a_value "$TRAINYARD_ADDRESS"
check "memcached keeps a value at 127.0.0.1" keeps_a_value 127.0.0.1
check "memcached listens at no other address" listens_nowhere_else
check "memcached does not listen on UDP" is_silent_on_udp
verdict
