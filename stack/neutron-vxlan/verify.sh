#!/bin/bash
# Tunnels begin at this node's address, and use the port that the firewall lets in.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

has_the_address() {
    local found
    found=$(ip -o address show)
    case $found in *" $TRAINYARD_ADDRESS/"*) ;; *) fail "no interface has the address $TRAINYARD_ADDRESS" ;; esac
    say "$TRAINYARD_ADDRESS"
}

# There are none where no network reaches this node yet.
tunnels_are_as_agreed() {
    local device
    for device in $(ip -o link show type vxlan | awk -F '[: @]+' '{ print $2 }'); do
        case $(ip -d link show "$device") in
        *"local $TRAINYARD_ADDRESS "*"dstport 8472"*) say "$device" ;;
        *) wrong "$device does not begin at $TRAINYARD_ADDRESS with the port 8472: $(ip -d link show "$device" | grep vxlan)" ;;
        esac
    done
}

check "an interface has the address that tunnels begin at" has_the_address
check "tunnels begin there, with the port that is open" tunnels_are_as_agreed
verdict
