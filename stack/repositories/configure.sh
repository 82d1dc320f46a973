#!/bin/bash
# The centos-release packages have brought the keys of the SIGs, and repository files of their own: pin once more.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

pin_repositories
yum_run makecache fast
