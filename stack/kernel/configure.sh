#!/bin/bash
# A kickstart has given the kernel its arguments already; a cloud image needs a reboot for them. grubby changes the entries of
# every kernel, and later kernels inherit from them.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

if kernel_has_arguments; then
    exit 0
fi
say "this kernel was started as: $(cat "$TRAINYARD_ROOT/proc/cmdline")"
added=$(manifest kernel add | tr '\n' ' ')
removed=$(manifest kernel remove | sed p | tr '\n' ' ') # twice each: grubby takes away one of two that have the same name
set --
[ -z "$added" ] || set -- --args="${added% }"
[ -z "$removed" ] || set -- "$@" --remove-args="${removed% }"
grubby --update-kernel=ALL "$@"
exit 100
