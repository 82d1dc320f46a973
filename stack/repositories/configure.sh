#!/bin/bash
# The centos-release packages have brought the keys of the SIGs, and repository files of their own: pin once more.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

pin_repositories

# yum takes no metadata that are older than what it has kept, as after another lock, or after one: and it ends well.
lock=$(marked "$(pinned_file)" lock)
if [ "$lock" != "$(cat "$YUM_LOCK" 2>/dev/null || true)" ]; then
    bounded_yum clean metadata
    printf '%s\n' "$lock" | replace_with "$YUM_LOCK"
fi

yum_run makecache fast
