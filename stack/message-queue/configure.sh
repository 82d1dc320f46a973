#!/bin/bash
# User openstack. `rabbitmqctl add_user NAME PASSWORD` would show the password in the process list, so the broker itself
# reads it, from a file that only it can read, and does what add_user or change_password does. In RabbitMQ 3.6 (CentOS 7)
# those functions take two arguments, from 3.7 on a third one: who asks. The packaged rabbitmqctl wraps its arguments in
# single quotes, so there is none in the Erlang.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

shared=/var/lib/rabbitmq/.trainyard-password
trap 'rm -f "$TRAINYARD_ROOT$shared"' EXIT
password=$(secret RABBIT_PASS)
put_file 0600 rabbitmq rabbitmq "$shared" <(printf '%s' "$password")

timeout 120 rabbitmqctl eval "
    User = <<\"openstack\">>,
    {ok, Password} = file:read_file(\"$TRAINYARD_ROOT$shared\"),
    Module = rabbit_auth_backend_internal,
    Asks = case erlang:function_exported(Module, add_user, 2) of true -> []; false -> [<<\"trainyard\">>] end,
    Function = case Module:lookup_user(User) of {ok, _} -> change_password; _ -> add_user end,
    ok = apply(Module, Function, [User, Password | Asks]),
    {ok, _} = rabbit_access_control:check_user_pass_login(User, Password),
    Function." || fail "RabbitMQ did not take the user openstack"
timeout 120 rabbitmqctl set_permissions openstack ".*" ".*" ".*"

# guest's password is known to everyone, and nothing here uses it.
users=$(timeout 120 rabbitmqctl -q list_users)
if grep -qw '^guest' <<<"$users"; then timeout 120 rabbitmqctl delete_user guest; fi
