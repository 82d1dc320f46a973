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

# bounded WHAT COMMAND...: a command that says nothing where it is cut off; so this says WHAT RabbitMQ did not do.
bounded() {
    local what=$1 status=0
    shift
    timeout -k 10 120 "$@" || status=$?
    case $status in
    0) ;;
    124 | 137) fail "RabbitMQ $what: it did not answer in 120 s" ;;
    *) fail "RabbitMQ $what (exit status $status)" ;;
    esac
}

bounded "did not take the user openstack" rabbitmqctl eval "
    User = <<\"openstack\">>,
    {ok, Password} = file:read_file(\"$TRAINYARD_ROOT$shared\"),
    Module = rabbit_auth_backend_internal,
    Asks = case erlang:function_exported(Module, add_user, 2) of true -> []; false -> [<<\"trainyard\">>] end,
    Function = case Module:lookup_user(User) of {ok, _} -> change_password; _ -> add_user end,
    ok = apply(Module, Function, [User, Password | Asks]),
    {ok, _} = rabbit_access_control:check_user_pass_login(User, Password),
    Function."

# From here on what is there is a broker, and no remains of a first start (prepare.sh).
mark=$TRAINYARD_ROOT/var/lib/trainyard/first-start.message-queue
if [ -e "$mark" ]; then
    sync
    rm -f "$mark"
    sync
fi

bounded "did not let openstack do everything" rabbitmqctl set_permissions openstack ".*" ".*" ".*"

# guest's password is known to everyone, and nothing here uses it.
users=$(bounded "did not tell its users" rabbitmqctl -q list_users)
if grep -qw '^guest' <<<"$users"; then bounded "did not remove the user guest" rabbitmqctl delete_user guest; fi
