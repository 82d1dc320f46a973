#!/bin/bash
# Its user lists images, and it has where to put them.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

lists_images() {
    local found
    found=$(cloud rows --as glance:GLANCE_PASS:service image /v2/images images name status)
    say "images: ${found//$'\n'/, }"
}

keeps_images() {
    local folder=/var/lib/glance/images
    as_user glance test -w "$TRAINYARD_ROOT$folder" || fail "glance cannot write to $folder"
    say "$folder: $(df -Ph "$TRAINYARD_ROOT$folder" | awk 'NR == 2 { print $4 " free" }')"
}

given "its services run"
check "its user lists images" lists_images
check "it can keep images" keeps_images
verdict
