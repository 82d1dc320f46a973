#!/bin/bash
# The newest installed kernel is the one that runs. (Whether newer packages exist is yum's to say.)
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

newest=$(rpm -q kernel --queryformat '%{VERSION}-%{RELEASE}.%{ARCH}\n' | sort -V | tail -n 1) || newest=
say "running: $(uname -r); installed: ${newest:-none}"
[ -z "$newest" ] || [ "$newest" = "$(uname -r)" ] || fail "reboot into $newest"
