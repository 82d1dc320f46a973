#!/bin/bash
# Exactly the pinned repositories are in use, and each of them answers.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/node/stage-lib.sh
. "$TRAINYARD_LIB"

pinned=$TRAINYARD_ROOT/etc/yum.repos.d/trainyard.repo

sections() { sed -n 's/^\[\(.*\)\]$/\1/p' "$@" | sort; }
in_use() { sed -n -e '/^\[/h' -e '/^enabled=1$/{g;s/^\[\(.*\)\]$/\1/p}' "$@" | sort; }

have_their_keys() {
    local wanted found
    wanted=$(sections "$CONFIGURATION/pinned.repo")
    found=$(sections "$pinned")
    [ "$wanted" = "$found" ] ||
        fail "left out, because their keys are missing: $(comm -23 <(echo "$wanted") <(echo "$found") | tr '\n' ' ')"
    say "$(tr '\n' ' ' <<<"$found")"
}

are_the_only_ones() {
    local wanted found
    # By what yum has kept, if it can: it would wait for a cache or a mirror that is silent, once for each repository.
    found=$({ yum --quiet -C repolist enabled 2>/dev/null || yum --quiet repolist enabled; } | awk 'NR > 1 && $1 != "repolist:" { sub(/^!/, "", $1); sub(/\/.*/, "", $1); print $1 }' | sort) ||
        fail "yum cannot list its repositories"
    wanted=$(in_use "$pinned")
    [ "$found" = "$wanted" ] || fail "yum uses $(tr '\n' ' ' <<<"$found")instead of $(tr '\n' ' ' <<<"$wanted")"
    say "$(tr '\n' ' ' <<<"$found")"
}

# places: of each repository in use, its name, its proxy or `-`, and its mirrors' URLs. In a file of yum's they stand one a line.
places() {
    # shellcheck disable=SC2016 # these are yum's
    awk '
        /^\[/ { name = substr($0, 2, length($0) - 2) }
        sub(/^baseurl=/, "") { urls[name] = $1; in_urls = 1; next }
        in_urls && /^[ \t]/ { urls[name] = urls[name] " " $1; next }
        { in_urls = 0 }
        sub(/^proxy=/, "") { proxy[name] = $1 }
        /^enabled=1$/ { used[++count] = name }
        END {
            for (i = 1; i <= count; i++) print used[i], (used[i] in proxy ? proxy[used[i]] : "-"), urls[used[i]]
        }' "$pinned" | sed -e 's/\$basearch/x86_64/g' -e 's/\$releasever/7/g'
}

# serves URL PROXY: whether that is a repository. Neither is seen in a process list: they may hold passwords.
serves() {
    local proxy=${2#-} found
    found=$(printf 'url = "%s/repodata/repomd.xml"\n' "${1%/}" |
        http_proxy=$proxy https_proxy=$proxy curl --silent --fail --location --connect-timeout 10 --max-time 30 --config -) || return 1
    case $found in *'<repomd'*) ;; *) return 1 ;; esac
}

# yum itself is content with what it has kept, where no mirror answers any more.
answer() {
    local name proxy urls url found from="no mirror"
    [ -z "$(marked "$CONFIGURATION/pinned.repo" medium)" ] || from="neither a disc with the lab's bundle nor a package cache"
    while read -r name proxy urls <&3; do
        found=
        for url in $urls; do
            if serves "$url" "$proxy"; then
                found=$url
                break
            fi
        done
        if [ -n "$found" ]; then
            say "$name: $found" | sed 's|//[^/@]*@|//|'
        else
            wrong "$name: $from answers"
        fi
    done 3< <(places)
}

TRAINYARD_CHECK_LIMIT=$((TRAINYARD_CHECK_LIMIT * 4)) # yum goes from mirror to mirror
# A boot leaves nothing mounted.
find_bundle "$CONFIGURATION/pinned.repo" || true
check "the repositories' keys are there" have_their_keys
check "yum uses the lab's repositories and no others" are_the_only_ones
check "the repositories answer" answer
verdict
