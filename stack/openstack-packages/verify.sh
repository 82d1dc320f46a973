#!/bin/bash
# SELinux enforces with OpenStack's policy in it, and the client starts.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

enforces() {
    local mode
    mode=$(getenforce)
    [ "$mode" = Enforcing ] || fail "SELinux is $mode"
    say "SELinux is enforcing"
}

has_the_policy() {
    local modules
    modules=$(semodule -l | grep -c '^os-') || fail "the SELinux modules of openstack-selinux are not loaded"
    say "$modules modules for OpenStack"
}

check "SELinux enforces" enforces
check "SELinux has OpenStack's policy" has_the_policy
check "the OpenStack client starts" openstack --version
verdict
