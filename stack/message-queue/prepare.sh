#!/bin/bash
# The broker's name is rabbit@HOST: it does not start where HOST does not resolve, and a new HOST is a new, empty broker.
#
# It makes its tables when it starts for the first time. Where that was cut off, later starts wait for tables that never come. So a mark
# stands from before the first start until the broker has answered, and as long as it does, the tables are moved aside. Those that
# were there before the first start are somebody's: they get no mark, and are not touched.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

[ "$(hostname -s)" = "$TRAINYARD_NODE" ] || fail "this host calls itself $(hostname -s), not $TRAINYARD_NODE"
getent hosts "$TRAINYARD_NODE" >/dev/null || fail "$TRAINYARD_NODE does not resolve"

data=$TRAINYARD_ROOT/var/lib/rabbitmq
mark=$TRAINYARD_ROOT/var/lib/trainyard/first-start.message-queue

found=$([ ! -d "$data/mnesia" ] || find -P "$data/mnesia/" -mindepth 1 -maxdepth 1)
if [ ! -e "$mark" ]; then
    if [ -z "$found" ]; then
        : >"$mark"
        sync
    fi
elif [ -n "$found" ]; then
    timeout 300 systemctl stop rabbitmq-server.service || fail "rabbitmq-server.service does not stop" # it is trying again, or runs with what is there
    say "RabbitMQ's first start was cut off; what it left is moved to /var/lib/rabbitmq/mnesia.cut-off"
    rm -rf "$data/mnesia.cut-off"
    mv "$data/mnesia" "$data/mnesia.cut-off"
fi
# An empty cookie is what a cut between two writes leaves; no Erlang starts with it, and each makes one where there is none.
if [ -e "$mark" ] && [ -e "$data/.erlang.cookie" ] && [ ! -s "$data/.erlang.cookie" ]; then rm "$data/.erlang.cookie"; fi
