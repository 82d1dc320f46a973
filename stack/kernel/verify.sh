#!/bin/bash
# The running kernel has the arguments of the lab.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

has_its_arguments() {
    say "started as: $(cat "$TRAINYARD_ROOT/proc/cmdline")"
    kernel_has_arguments || fail "these are not the arguments that the lab says; reboot"
}

check "the kernel was started with the lab's arguments" has_its_arguments
verdict
