#!/bin/bash
# Each endpoint is reached by TLS, and what everyone may read proves its certificate.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

own=$TRAINYARD_ROOT/etc/pki/tls/private/endpoints.pem
authority=$TRAINYARD_ROOT/etc/pki/tls/certs/endpoints-authority.pem
ports=$(sed -n 's/^Listen //p' "$TRAINYARD_ROOT/etc/httpd/conf.d/ssl.conf" || true)

is_the_labs() {
    secret ENDPOINTS_TLS | base64 -d | cmp -s - "$own" || wrong "/etc/pki/tls/private/endpoints.pem is not what the lab's secrets say"
    [ "$(stat -c '%a %U %G' "$own")" = "600 root root" ] || wrong "/etc/pki/tls/private/endpoints.pem is not root's alone"
    openssl x509 -noout -subject -in "$own"
}

lasts() {
    local end
    end=$(openssl x509 -noout -enddate -in "$own")
    openssl x509 -noout -checkend $((30 * 86400)) -in "$own" >/dev/null || fail "the certificate is good for less than a month: $end"
    say "$end"
}

# Also what is behind httpd answers: 502 to 504 are httpd's own words for nothing.
answers_by_tls() {
    local port status
    [ -n "$ports" ] || fail "httpd has no port for TLS"
    for port in $ports; do
        status=$(curl --silent --show-error --noproxy '*' --max-time 30 --cacert "$authority" --output /dev/null --write-out '%{http_code}' \
            "https://$TRAINYARD_CONTROLLER:$port/") || status="nothing that can be trusted"
        case $status in
        [1-4]* | 50[01]) say "https://$TRAINYARD_CONTROLLER:$port/ answers $status" ;;
        *) wrong "https://$TRAINYARD_CONTROLLER:$port/ answers $status" ;;
        esac
    done
}

may_have_its_ports() {
    local port labelled
    labelled=$(semanage port -l | sed -n 's/^http_port_t  *tcp  *//p' | tr -s ', ' '\n')
    for port in $ports; do
        if grep -qx "$port" <<<"$labelled"; then say "$port"; else wrong "SELinux does not let httpd have the port $port"; fi
    done
}

check "its certificate is the lab's" is_the_labs
check "its certificate is good for a month" lasts
if selinuxenabled 2>/dev/null; then check "SELinux lets httpd have its ports" may_have_its_ports; fi
given "its services run"
check "each endpoint answers by TLS" answers_by_tls
verdict
