#!/bin/bash
# The certificate with its key, which httpd reads as root; what proves it, for everyone; and ports that SELinux lets httpd have.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

certificate() { secret ENDPOINTS_TLS | base64 -d; }
# All certificates but the first, or the only one.
proof() {
    certificate | awk '
        /^-----BEGIN CERTIFICATE-----/ { count++; inside = 1 }
        inside { text[count] = text[count] $0 "\n" }
        /^-----END CERTIFICATE-----/ { inside = 0 }
        END { for (i = (count > 1 ? 2 : 1); i <= count; i++) printf "%s", text[i] }'
}
# Of a pipe, nobody would hear that it failed.
certificate >/dev/null
put_file 0600 root root /etc/pki/tls/private/endpoints.pem <(certificate)
put_file 0644 root root /etc/pki/tls/certs/endpoints-authority.pem <(proof)

if selinuxenabled 2>/dev/null; then
    labelled=$(semanage port -l | sed -n 's/^http_port_t  *tcp  *//p' | tr -s ', ' '\n')
    while read -r port <&3; do
        grep -qx "$port" <<<"$labelled" || semanage port -a -t http_port_t -p tcp "$port" || semanage port -m -t http_port_t -p tcp "$port"
    done 3< <(sed -n 's/^Listen //p' "$TRAINYARD_ROOT/etc/httpd/conf.d/ssl.conf")
fi
