#!/bin/bash
# SELinux enforces with OpenStack's policy in it, and the client starts.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

mode=$(getenforce)
[ "$mode" = Enforcing ] || fail "SELinux is $mode"
modules=$(semodule -l | grep -c '^os-') || fail "the SELinux modules of openstack-selinux are not loaded"
say "SELinux enforces, with $modules modules for OpenStack"
openstack --version 2>&1 || fail "the OpenStack client does not start"
