#!/bin/bash
# httpd goes on with the certificate that it started with.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

port=$(sed -n 's/^Listen //p' "$TRAINYARD_ROOT/etc/httpd/conf.d/ssl.conf" | sed -n 1p)
shown() { timeout 20 openssl s_client -connect "$TRAINYARD_CONTROLLER:$port" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256; }
own=$(openssl x509 -noout -fingerprint -sha256 -in "$TRAINYARD_ROOT/etc/pki/tls/private/endpoints.pem")

[ "$(shown)" = "$own" ] || run_service httpd.service restart
shows_it() { [ "$(shown 2>/dev/null)" = "$own" ]; }
await 60 "httpd to show the lab's certificate" shows_it || fail "httpd shows another certificate on port $port than the lab's"
