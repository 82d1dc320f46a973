#!/bin/bash
# The user openstack enters, as a service does, and may do everything; nobody else is there.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

ask() { timeout 55 rabbitmqctl -q "$@"; }

answers_rabbitmqctl() { ask list_users; }

# A rule for each of: configure, write, read.
has_all_permissions() {
    local found
    found=$(ask list_permissions | awk '$1 == "openstack" { print $2, $3, $4 }')
    [ "$found" = ".* .* .*" ] || fail "user openstack may not do everything; its permissions: ${found:-none}"
    say "openstack: $found"
}

has_no_guest() {
    local users
    users=$(ask list_users)
    if grep -qw '^guest' <<<"$users"; then fail "user guest is there, whose password everyone knows"; fi
    say "$users"
}

holds_enough() {
    local limit
    limit=$(ask eval 'element(2, lists:keyfind(total_limit, 1, file_handle_cache:info([total_limit]))).')
    [ "$limit" -ge $((${PARAMETER_open_files:?} * 9 / 10)) ] || fail "RabbitMQ may hold only $limit files open"
    say "$limit open files"
}

greets() {
    amqp_greets "$TRAINYARD_ADDRESS" || fail "RabbitMQ does not greet at $TRAINYARD_ADDRESS:5672"
    say "RabbitMQ greets at $TRAINYARD_ADDRESS:5672"
}

# A method of AMQP 0-9-1, in a frame of channel 0. frame CLASS METHOD ARGUMENTS, which are escapes of printf: one \xHH a byte.
frame() {
    local method size
    method=$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' 0 "$1" 0 "$2")$3
    size=$((${#method} / 4))
    # shellcheck disable=SC2059 # escapes, and nothing else
    printf "\\x01\\x00\\x00$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' 0 0 $((size / 256)) $((size % 256)))$method\\xce"
}

# escapes TEXT: each of its bytes as \xHH.
escapes() { printf '%s' "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/ /\\x/g'; }

# short TEXT: with its length before it, in one byte.
short() { printf '\\x%02x%s' ${#1} "$(escapes "$1")"; }

# reply: reads a frame of descriptor 3, and prints its class and method.
reply() {
    local head size
    head=$(head -c 7 <&3 | od -An -v -tu1)
    # shellcheck disable=SC2086 # seven numbers
    set -- $head
    [ $# -eq 7 ] || return 0
    size=$((($4 << 24) + ($5 << 16) + ($6 << 8) + $7 + 1))
    head -c "$size" <&3 | od -An -v -tu1 | awk 'NR == 1 { print $2, $4 }'
}

# All by builtins, and the password by standard input: a process list shows none.
enters() {
    local password answer
    password=$(secret RABBIT_PASS)
    exec 3<>"/dev/tcp/$TRAINYARD_ADDRESS/5672"
    printf 'AMQP\0\0\11\1' >&3
    answer=$(reply)
    [ "$answer" = "10 10" ] || fail "RabbitMQ does not greet"
    # No properties, PLAIN, "\0NAME\0PASSWORD", a language.
    frame 10 11 "\\x00\\x00\\x00\\x00$(short PLAIN)$(plain openstack "$password")$(short en_US)" >&3
    answer=$(reply)
    [ "$answer" = "10 30" ] || fail "RabbitMQ does not let openstack in with the lab's password"
    # One channel, frames of 128 KiB, no heartbeat; then the virtual host `/`.
    frame 10 31 '\x00\x01\x00\x02\x00\x00\x00\x00' >&3
    frame 10 40 "$(short /)\\x00\\x00" >&3
    answer=$(reply)
    frame 10 50 '\x00\xc8\x00\x00\x00\x00\x00' >&3
    [ "$answer" = "10 41" ] || fail "RabbitMQ does not open the virtual host / to openstack"
    answer=$(reply)
    say "openstack enters / at $TRAINYARD_ADDRESS:5672"
}

# plain NAME PASSWORD: as SASL's PLAIN wants them, as a long text.
plain() {
    local text
    text="\\x00$(escapes "$1")\\x00$(escapes "$2")"
    printf '\\x00\\x00\\x%02x\\x%02x%s' $((${#text} / 4 / 256)) $((${#text} / 4 % 256)) "$text"
}

given "its services run"
check "the broker answers" answers_rabbitmqctl
given "the broker answers"
check "the user openstack may do everything" has_all_permissions
check "there is no user guest" has_no_guest
check "it may hold as many connections as the lab says" holds_enough
check "it greets at the management address" greets
given "it greets at the management address"
check "the user openstack enters with the lab's password" enters
verdict
