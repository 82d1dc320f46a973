#!/bin/bash
# The time comes from the servers that the lab names, and the other nodes are told it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

conf=$STAGES/time-server/files/etc/chrony.conf

sources() { chronyc -c -n sources | awk -F, '{ print $1 $2, $3 }'; }

# sources_of KEYWORD: what the lab's chrony.conf names so, one a line.
sources_of() { awk -v keyword="$1" '$1 == keyword { print $2 }' "$conf"; }

answers_chronyc() {
    sources || fail "chronyd does not answer"
}

# Names of public servers stand for other addresses at each look, so a name counts as one source, whatever its address.
are_those_of_the_lab() {
    local found name names=0 rest
    found=$(sources | cut -d ' ' -f 2)
    rest=$found
    for name in $(sources_of server); do
        case $name in
        *[!0-9.]*) names=$((names + 1)) ;;
        *)
            grep -qxF "$name" <<<"$found" || wrong "$name is no source of time"
            rest=$(grep -vxF "$name" <<<"$rest") || true
            ;;
        esac
    done
    set -f
    # shellcheck disable=SC2086 # addresses
    set -- $rest
    if [ -n "$(sources_of pool)" ]; then
        [ $# -gt "$names" ] || wrong "no server of the pool is a source of time"
    elif [ $# -lt "$names" ]; then
        wrong "$((names - $#)) of $(sources_of server | tr '\n' ' ')is no source of time; does its name resolve?"
    elif [ $# -gt "$names" ]; then
        wrong "there are other sources than the lab's; these are none of its addresses: $*"
    fi
    say "${found:-none}"
}

# A lab without time servers goes by this machine's own clock, and so the lab says.
follows_one() {
    local found
    found=$(sources | awk '$1 ~ /\*$/ { print $2 }')
    if [ -n "$found" ]; then
        say "$found is selected"
    elif [ -z "$(sources_of server)$(sources_of pool)$(sources_of refclock)" ]; then
        say "the lab names no time servers: it goes by this machine's own clock"
    else
        fail "none of the lab's time servers is selected: the lab goes by this machine's own clock"
    fi
}

# As another node asks: a request of NTP version 4 by a client is 48 bytes, of which the first says so.
tells_the_time() {
    local said
    # shellcheck disable=SC2016 # the inner bash expands them
    said=$(timeout 5 bash -c '
        exec 3<>"/dev/udp/$0/123" && printf "\43$(printf "\\\\0%.0s" {1..47})" >&3 && head -c 48 <&3' "$TRAINYARD_ADDRESS" |
        od -An -v -tu1) || said=
    # shellcheck disable=SC2086 # numbers
    set -- $said
    [ $# -eq 48 ] || fail "nothing tells the time at $TRAINYARD_ADDRESS:123/udp"
    # The first two bits say whether the clock is synchronised, the second byte how far away the reference is.
    if [ $(($1 >> 6)) -eq 3 ] || [ "$2" -eq 0 ] || [ "$2" -ge 16 ]; then
        fail "the clock is not synchronised: the other nodes are told nothing"
    fi
    say "the other nodes are told the time, with stratum $2"
}

given "its services run"
check "chronyd answers" answers_chronyc
given "chronyd answers"
check "the sources of time are the lab's" are_those_of_the_lab
check "this clock follows one of them" follows_one
check "the other nodes are told the time" tells_the_time
given "this clock follows one of them"
check "this clock is right" clock_is_right
verdict
