#!/bin/bash
# libvirt's own network has a bridge, a dnsmasq and firewall rules that nothing here uses.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

if virsh net-info default >/dev/null 2>&1; then
    virsh net-destroy default >/dev/null 2>&1 || true
    virsh net-undefine default
fi
