#!/bin/bash
# Tables, keys, and the first user. Each of these may be done again; the last one gives admin the lab's password again.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

# A power cut leaves keys that are empty. keystone starts with none of these, and makes no others while they are there. A key that is
# whole has 44 characters; what others have opened nothing yet.
for key in "$TRAINYARD_ROOT"/etc/keystone/fernet-keys/* "$TRAINYARD_ROOT"/etc/keystone/credential-keys/*; do
    [ ! -f "$key" ] || [ "$(tr -d '\n' <"$key" | wc -c)" -eq 44 ] || rm -f "$key"
done

make_tables keystone keystone keystone-manage db_sync
keystone-manage fernet_setup --keystone-user keystone --keystone-group keystone
keystone-manage credential_setup --keystone-user keystone --keystone-group keystone
sync

# By the environment, for a process list would show an argument.
password=$(secret ADMIN_PASS)
export OS_BOOTSTRAP_PASSWORD="$password"
url=http://$TRAINYARD_CONTROLLER:5000/v3/ public=''
# It says the URLs each time, and endpoints-tls moves this one only once.
identity=$STAGES/endpoints-tls/identity.json
[ ! -e "$identity" ] || public=$(sed -n 's/^ *"public": "\(.*\)",\{0,1\}$/\1/p' "$identity")
as_user keystone keystone-manage bootstrap --bootstrap-region-id RegionOne \
    --bootstrap-admin-url "$url" --bootstrap-internal-url "$url" --bootstrap-public-url "${public:-$url}"
