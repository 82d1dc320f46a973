#!/bin/bash
# Exactly the pinned repositories are in use, and each of them answers.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

sections() { sed -n 's/^\[\(.*\)\]$/\1/p' "$@" | sort; }
in_use() { sed -n -e '/^\[/h' -e '/^enabled=1$/{g;s/^\[\(.*\)\]$/\1/p}' "$@" | sort; }

wanted=$(sections "$CONFIGURATION/pinned.repo")
pinned=$(sections "$TRAINYARD_ROOT/etc/yum.repos.d/trainyard.repo")
[ "$wanted" = "$pinned" ] || fail "left out, because their keys are missing: $(comm -23 <(echo "$wanted") <(echo "$pinned") | tr '\n' ' ')"

enabled=$(yum --quiet repolist enabled | awk 'NR > 1 && $1 != "repolist:" { sub(/^!/, "", $1); sub(/\/.*/, "", $1); print $1 }' | sort) ||
    fail "yum cannot list its repositories"
wanted=$(in_use "$TRAINYARD_ROOT/etc/yum.repos.d/trainyard.repo")
[ "$enabled" = "$wanted" ] || fail "yum uses $(tr '\n' ' ' <<<"$enabled")instead of $(tr '\n' ' ' <<<"$wanted")"
yum --quiet makecache fast || fail "a repository does not answer"
say "in use, and answering: $(tr '\n' ' ' <<<"$enabled")"
