#!/bin/bash
# yum upgrade; a new kernel asks for a reboot before firewall rules and agents matter.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

TRAINYARD_YUM_LIMIT=3300 yum_run upgrade

newest=$(newest_kernel)
if [ -n "$newest" ] && [ "$newest" != "$(uname -r)" ]; then
    say "the kernel $(uname -r) runs, and $newest is installed"
    exit 100
fi
