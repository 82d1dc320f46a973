#!/bin/bash
# The firewall lets in what the stages and the lab opened, from where they opened it, and ssh; nothing else. So what listens and
# was not opened cannot be reached.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

# zone [--permanent]: the default zone as lines `KEY: VALUE`, sorted, of which a key with several values has one each.
zone() {
    firewall-cmd "$@" --zone="$(firewall-cmd --get-default-zone)" --list-all | awk '
        /^\t/ { sub(/^\t/, ""); print key ": " $0; next }
        /^  / {
            sub(/^  /, "")
            at = index($0, ":")
            key = substr($0, 1, at - 1)
            count = split(substr($0, at + 1), words, " ")
            for (i = 1; i <= count; i++) print key ": " words[i]
        }' | sort
}

# values KEY: those in `now`, which a check has asked for once: each question takes half a second.
values() { sed -n "s/^$1: //p" <<<"$now"; }

# What the manifests of all stages open, as firewalld writes it.
wanted_rules() {
    local stage port protocol source
    while read -r stage <&4; do
        while read -r port protocol source <&3; do
            rich_rule "$port" "$protocol" "$source"
        done 3< <(manifest "$stage" firewall)
    done 4<"$STAGES/order" | sort -u
}

answers_firewall_cmd() { firewall-cmd --state 2>&1 || fail "firewalld is not running"; }

opens_what_was_asked() {
    local now rules wanted rule
    now=$(zone)
    wanted=$(wanted_rules)
    rules=$(values "rich rules" | sort -u)
    while read -r rule <&3; do
        [ -z "$rule" ] || wrong "closed, though a stage opens it: $rule"
    done 3< <(comm -13 <(echo "$rules") <(echo "$wanted"))
    while read -r rule <&3; do
        [ -z "$rule" ] || wrong "open, though nothing of the lab opens it: $rule"
    done 3< <(comm -23 <(echo "$rules") <(echo "$wanted"))
    say "$rules"
}

# dhcpv6-client is part of CentOS's default zone; it lets in answers to the node's own requests.
lets_ssh_in() {
    local now services other
    now=$(zone)
    services=$(values services)
    grep -qx ssh <<<"$services" || wrong "ssh is closed"
    other=$(grep -vx -e ssh -e dhcpv6-client <<<"$services" | tr '\n' ' ') || true
    [ -z "${other// /}" ] || wrong "open, though nothing of the lab opens it: $other"
    say "$(tr '\n' ' ' <<<"$services")"
}

# A zone may let in by its target, by ports, by whole sources; another zone by having an interface or a source.
lets_nothing_else_in() {
    local now key found default
    now=$(zone)
    default=$(firewall-cmd --get-default-zone)
    found=$(values target)
    case $found in default | DROP | %%REJECT%%) ;; *) wrong "the target of the zone $default is $found" ;; esac
    for key in ports protocols sources forward-ports source-ports; do
        found=$(values "$key" | tr '\n' ' ')
        [ -z "$found" ] || wrong "$key of the zone $default: $found"
    done
    [ "$(values masquerade)" != yes ] || wrong "the zone $default masquerades"
    found=$(firewall-cmd --get-active-zones | awk -v ours="$default" '/^[^ \t]/ { zone = $1; next } zone != ours { print zone ":" $0 }')
    [ -z "$found" ] || wrong "in use beside the zone $default: ${found//$'\n'/; }"
    found=$(firewall-cmd --direct --get-all-rules)
    [ -z "$found" ] || wrong "direct rules: ${found//$'\n'/; }"
    say "the zone $default refuses what it does not name; what listens beside loopback: $(ss -ltun |
        awk 'NR > 1 && $5 !~ /^(127\.|\[?::1)/ { sub(/.*:/, "", $5); print $5 "/" $1 }' | sort -n | uniq | tr '\n' ' ')"
}

# The interfaces of the running zone are NetworkManager's to tell.
lasts() {
    local now later
    now=$(zone | grep -v '^interfaces: ')
    later=$(zone --permanent | grep -v '^interfaces: ')
    [ "$now" = "$later" ] ||
        fail "$(diff <(echo "$now") <(echo "$later") | sed -n -e 's/^< /only until the next boot: /p' -e 's/^> /only after the next boot: /p')"
    say "the same after a boot"
}

given "its services run"
check "the firewall answers" answers_firewall_cmd
given "the firewall answers"
check "what the stages and the lab open is open, from there alone" opens_what_was_asked
check "ssh is let in, and no other service" lets_ssh_in
check "nothing else is let in" lets_nothing_else_in
check "the running firewall is the one that lasts" lasts
verdict
