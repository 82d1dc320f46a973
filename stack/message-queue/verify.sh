#!/bin/bash
# The broker listens, knows the user openstack with all permissions, and may hold enough connections.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

permissions=$(timeout 120 rabbitmqctl -q list_permissions | grep '^openstack') || fail "user openstack has no permissions"
[ "$(awk '{ print $2, $3, $4 }' <<<"$permissions")" = ".* .* .*" ] || fail "user openstack may not do everything: $permissions"
users=$(timeout 120 rabbitmqctl -q list_users)
! grep -qw '^guest' <<<"$users" || fail "user guest is there, whose password everyone knows"
limit=$(timeout 120 rabbitmqctl -q eval 'element(2, lists:keyfind(total_limit, 1, file_handle_cache:info([total_limit]))).')
[ "$limit" -ge $((${PARAMETER_open_files:?} * 9 / 10)) ] || fail "RabbitMQ may hold only $limit files open"
answers "$TRAINYARD_ADDRESS" 5672 || fail "nothing answers on $TRAINYARD_ADDRESS:5672"
say "RabbitMQ on $TRAINYARD_ADDRESS:5672, user openstack, $limit open files"
