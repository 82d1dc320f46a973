# shellcheck shell=bash
# Packages: yum from the lab's own repositories, and what a yum that was cut off leaves behind. It is sourced by
# stage-lib.sh, never run.

YUM_RUNS=$TRAINYARD_ROOT/var/lib/trainyard/yum-runs     # while yum runs: since when, in seconds since 1970
YUM_LOCK=$TRAINYARD_ROOT/var/lib/trainyard/yum-lock     # the lock of the repositories that yum has read; empty: none
YUM_TURN=$TRAINYARD_ROOT/run/trainyard/mirror-turn      # how many mirrors yum is to begin behind; gone after a boot

# pinned_sections FILE: prints those repositories of FILE whose signing key is on the node. The keys of the SIGs come
# with their centos-release packages; before that, their repositories must not be used.
pinned_sections() {
    local line section=
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '#'*) printf '%s\n' "$line" ;;
        '['*) section=$line ;;
        gpgkey=file://*)
            [ ! -e "$TRAINYARD_ROOT${line#gpgkey=file://}" ] || printf '\n%s\n%s\n' "$section" "$line"
            section=
            ;;
        gpgcheck=0) # of the lab's own, which says that it has no key
            printf '\n%s\n%s\n' "$section" "$line"
            section=
            ;;
        *) section=$section$'\n'$line ;;
        esac
    done <"$1"
}

# marked FILE NAME: what a comment of the pinned repositories says of where packages are: `#cache=`, `#medium=`, `#lock=`.
marked() { sed -n "s/^#$2=//p" "$1"; }

# cache_place FILE: where the package cache that FILE names stands among the mirrors: `first`, or `nowhere` if it does not answer,
# for yum would wait for it at each repository.
cache_place() {
    local cache
    cache=$(marked "$1" cache)
    if [ -z "$cache" ] || curl -s -f -o /dev/null --noproxy '*' --connect-timeout 3 -m 10 "$cache/packages/"; then
        echo first
    else
        echo nowhere
    fi
}

# from_mirror TURN CACHE BUNDLE: lets each repository of standard input begin with the mirror TURN places further on; the ones before it
# come last. One that answers well and sends rubbish would otherwise be asked first at every attempt. The package cache, which the
# lab has before the mirrors, stands at CACHE: `first`, `last` or `nowhere`; the bundle, before all of them, at BUNDLE: `first` or
# `nowhere`. What would leave a repository without any place stays.
from_mirror() {
    awk -v turn="$1" -v cached="$2" -v bundled="$3" '
        function put(one) { printf "%s%s\n", lines++ ? "        " : "baseurl=", one }
        function is_below(one, folder) { return folder && index(one, folder) == 1 } # plain text: no letter of a URL is a pattern
        function flush(   from, kept, rest, i) {
            lines = from = 0
            if (count && is_below(url[0], bundle)) {
                from = 1
                if (bundled == "first" || count == 1) put(url[0])
            }
            kept = is_below(url[from], cache) && (lines || count > from + 1)
            rest = count - from - kept
            if (kept && cached == "first") put(url[from])
            for (i = 0; i < rest; i++) put(url[from + kept + (i + turn) % rest])
            if (kept && cached == "last") put(url[from])
            count = 0
            delete url
        }
        /^#cache=/ { cache = substr($0, 8) "/packages/" }
        /^#medium=/ { bundle = "file://" substr($0, 9) "/" }
        /^baseurl=/ { sub(/^baseurl=/, ""); url[count++] = $0; next }
        count && /^[ \t]/ { sub(/^[ \t]+/, ""); url[count++] = $0; next }
        { flush(); print }
        END { flush() }'
}

# ---- the bundle of a locked lab, on a disc or a stick ----------------------------------------------------------------

MEDIUM=$TRAINYARD_ROOT/run/trainyard/medium # where what holds the bundle is mounted
BUNDLE_LABEL=TRAINYARD_PACKAGES             # the label of a disc that is nothing but a bundle
BUNDLE_FOLDER=trainyard-packages            # where it lies on an install ISO

# mounted_device: what is mounted at $MEDIUM.
mounted_device() { awk -v at="$MEDIUM" '$2 == at { device = $1 } END { print device }' "$TRAINYARD_ROOT/proc/self/mounts"; }

# discs NAME=VALUE: devices whose file system has that, as they are read now: what blkid keeps may be of a disc that was there before.
discs() { timeout 60 blkid -c /dev/null -o device -t "$1" || true; }

# lock_of FOLDER: the SHA-256 of the lock that the bundle in FOLDER was made of; nothing, where it cannot be read.
lock_of() {
    local found
    ! found=$(sha256sum 2>/dev/null <"$1/packages.lock") || printf '%s\n' "${found%% *}"
}

# is_in_drive DEVICE: whether a disc that was mounted is still there. The device itself is asked: of one that was taken out, the kernel
# goes on to give what it has in memory.
is_in_drive() { timeout 60 dd if="$1" of=/dev/null bs=4096 skip=8 count=1 iflag=direct 2>/dev/null; }

# take_bundle DEVICE FOLDER LOCK: has DEVICE mounted and FOLDER lead to its bundle, where that is the one of LOCK.
take_bundle() {
    local said inside found
    if ! said=$(mount -t iso9660 -o ro,nodev,nosuid,noexec "$1" "$MEDIUM" 2>&1); then
        warn "$1 is passed over, for it cannot be mounted: $said"
        return 1
    fi
    inside=$MEDIUM
    [ ! -e "$MEDIUM/$BUNDLE_FOLDER/packages.lock" ] || inside=$MEDIUM/$BUNDLE_FOLDER
    if [ -e "$inside/packages.lock" ]; then
        found=$(lock_of "$inside")
        if [ "$found" != "$3" ]; then
            warn "$1 is passed over, for its bundle is of another packages.lock than the lab's:" \
                "${found:-it cannot be read}, and not $3 (SHA-256)"
        elif ln -sfnT "$inside" "$2"; then
            say "packages come from the lab's bundle on $1"
            return 0
        fi
    fi
    umount "$MEDIUM" || umount -l "$MEDIUM" || true
    return 1
}

# find_bundle FILE: has the bundle of the lab's packages mounted, where FILE, the pinned repositories, names one: `#medium=` a folder
# which then leads to it, `#lock=` the SHA-256 of the lock that it must be made of. Fails where there is none. Two at once would take
# it away from each other.
find_bundle() {
    local folder lock device tried=' '
    folder=$(marked "$1" medium)
    [ -n "$folder" ] || return 1
    folder=$TRAINYARD_ROOT$folder
    lock=$(marked "$1" lock)
    mkdir -p "$MEDIUM" || return 1
    (
        flock -w 300 8 || exit 1
        device=$(mounted_device)
        if [ -n "$device" ]; then
            if is_in_drive "$device" && [ "$(lock_of "$folder")" = "$lock" ]; then exit 0; fi
            say "$device, which was mounted for packages, is gone or not the lab's bundle (any more); it is looked for again"
            umount -l "$MEDIUM" || true
        fi
        for device in $(discs "LABEL=$BUNDLE_LABEL") $(discs TYPE=iso9660); do
            case $tried in *" $device "*) continue ;; esac
            tried="$tried$device "
            if take_bundle "$device" "$folder" "$lock"; then exit 0; fi
        done
        exit 1
    ) 8>"$TRAINYARD_ROOT/run/trainyard/medium-lock"
}

# pinned_file: where the pinned repositories are. Whichever stage calls yum first, they are there.
pinned_file() {
    local file=$CONFIGURATION/pinned.repo
    [ -e "$file" ] || file=$STAGES/repositories/files/etc/trainyard/pinned.repo
    printf '%s\n' "$file"
}

# pin_repositories [TURN CACHE BUNDLE]: makes the lab's repositories the only ones. CentOS 7's own mirror list is gone, and every package
# that brings repository files (centos-release, centos-release-*) brings dead ones: so this runs before and after every
# yum. Commenting the lines out, rather than deleting the files, keeps rpm from writing them anew at the next upgrade.
pin_repositories() {
    local wanted folder=$TRAINYARD_ROOT/etc/yum.repos.d file
    wanted=$(pinned_file)
    [ -e "$wanted" ] || return 0
    for file in "$folder"/CentOS-*.repo "$folder"/epel*.repo; do
        if [ -e "$file" ] && grep -q '^[^#]' "$file"; then
            sed -i 's/^[^#]/#&/' "$file"
            relabel "$file"
        fi
    done
    put_file 0644 root root /etc/yum.repos.d/trainyard.repo <(pinned_sections "$wanted" | from_mirror "${1:-0}" "${2:-first}" "${3:-first}")
}

# pin_for_yum TURN CACHE: the same for one yum. A bundle that is not there is left out, as a cache is that does not answer. What is
# locked comes from these two alone.
pin_for_yum() {
    local wanted bundle=first
    wanted=$(pinned_file)
    if [ -e "$wanted" ] && ! find_bundle "$wanted"; then
        bundle=nowhere
        if [ -n "$(marked "$wanted" medium)" ] && [ -z "$(marked "$wanted" cache)" ]; then
            fail "the lab's packages are locked, no disc here has them (label $BUNDLE_LABEL, or /$BUNDLE_FOLDER on another ISO,"                 "made of the packages.lock with the SHA-256 $(marked "$wanted" lock)), and the lab names no package_cache:"                 "attach what \`trainyard packages bundle\` writes, and try again with \`trainyard-node run\`"
        fi
    fi
    pin_repositories "$1" "$2" "$bundle"
}

# bounded_yum ARGUMENTS...: one yum, bounded in time.
bounded_yum() { timeout -k 300 "${TRAINYARD_YUM_LIMIT:-1500}" yum -y --disableplugin=fastestmirror "$@"; }

# noted_yum ARGUMENTS...: the same. That it runs is written down first: where that is still there at the next one, the machine was
# switched off, or yum killed, in the middle of it.
noted_yum() {
    local status=0
    date +%s | replace_with "$YUM_RUNS" || return 1
    sync
    bounded_yum "$@" || status=$?
    [ "$status" -ge 124 ] || rm -f "$YUM_RUNS"
    return "$status"
}

# by_age: all packages, `SECONDS NAME.ARCH NAME-VERSION-RELEASE.ARCH`, in the order in which they were installed.
by_age() {
    rpm -qa --queryformat '%{INSTALLTIME} %{NAME}.%{ARCH} %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n' | sort -n | grep -v ' gpg-pubkey\.' || true
}

# older_twins: packages that a newer version of themselves was to replace: yum was cut off between installing that and erasing
# these. Kernels stand beside each other by right.
older_twins() {
    awk '$2 !~ /^kernel(-(debug|devel|modules|PAE|smp)[a-z-]*)?\./ { if ($2 in last) print last[$2]; last[$2] = $3 }' < <(by_age)
}

# heal_packages: makes good what a yum left that did not end by itself. A package can be known as installed while its files
# or its scripts are not done, or twice in two versions: those that came since that yum began are installed once more. Until all
# of that is done, it is still known when that was.
heal_packages() {
    local since
    [ -e "$YUM_RUNS" ] || return 0
    since=$(cat "$YUM_RUNS")
    since=${since:-$(stat -c %Y "$YUM_RUNS")}
    warn "yum was cut off at $(date -u -d "@$since" +%FT%TZ); what came since then is installed again"
    rm -f "$TRAINYARD_ROOT"/var/lib/rpm/__db.* # locks of processes that are no more
    # shellcheck disable=SC2046 # names of packages are plain words
    set -- $(older_twins)
    # Their scripts would undo what those of the newer ones have done.
    [ $# -eq 0 ] || timeout 600 rpm -e --nodeps --noscripts "$@" || return 1
    # shellcheck disable=SC2046 # names of packages are plain words
    set -- $(awk -v since="$since" '$1 >= since { print $3 }' < <(by_age))
    if [ $# -gt 0 ] && ! bounded_yum reinstall "$@"; then
        warn "what yum did not finish is not installed again yet: $* (if it is whole, remove $YUM_RUNS)"
        return 1
    fi
    rm -f "$YUM_RUNS"
}

# forget_other_lock FILE: yum takes no metadata that are older than what it has kept, and ends well all the same. The repositories of
# another lock than the one of FILE, the pinned repositories, may be older; and so are the archive's after any lock.
forget_other_lock() {
    local lock
    lock=$(marked "$1" lock)
    [ "$lock" != "$(cat "$YUM_LOCK" 2>/dev/null || true)" ] || return 0
    bounded_yum clean metadata >/dev/null || return 0 # the next yum tries it again
    printf '%s\n' "$lock" | replace_with "$YUM_LOCK"
}

# yum_run ARGUMENTS...: yum from the pinned repositories, bounded in time and tried again, each time from the next mirror on.
# The mirror that answered is the first one for the next yum, too; on the disk they stand in the lab's order, with bundle and cache.
# The cache is asked once in a stage whether it answers: what it said goes on to the stage's scripts.
yum_run() {
    local attempt=1 delay=$TRAINYARD_BACKOFF turn=0 place wanted
    wanted=$(pinned_file)
    [ -n "${TRAINYARD_CACHE_PLACE:-}" ] || [ ! -e "$wanted" ] || TRAINYARD_CACHE_PLACE=$(cache_place "$wanted")
    export TRAINYARD_CACHE_PLACE
    place=${TRAINYARD_CACHE_PLACE:-first}
    [ ! -e "$YUM_TURN" ] || turn=$(cat "$YUM_TURN")
    pin_for_yum "$turn" "$place"
    [ ! -e "$wanted" ] || forget_other_lock "$wanted"
    until heal_packages && noted_yum "$@"; do
        [ "$attempt" -lt "$TRAINYARD_ATTEMPTS" ] || fail "yum $* failed"
        turn=$((turn + 1))
        printf '%d\n' "$turn" | replace_with "$YUM_TURN"
        say "attempt $attempt of $TRAINYARD_ATTEMPTS failed; the next one, from the next mirror, in $delay s: yum $*"
        pause "$delay"
        delay=$((delay * 2)) attempt=$((attempt + 1))
        # A cache may list what no mirror has any more. The last attempt believes the mirrors.
        [ "$attempt" -lt "$TRAINYARD_ATTEMPTS" ] || [ "$place" != first ] || place=last
        pin_for_yum "$turn" "$place"
    done
    pin_repositories
}

# installed NAME: by what it provides (python-openstackclient is python2-...), or by its name with a version.
installed() { rpm -q --whatprovides "$1" >/dev/null 2>&1 || rpm -q --quiet "$1"; }

# install_packages NAME...: installs those that are missing.
install_packages() {
    local count=$# name
    while [ "$count" -gt 0 ]; do # rotates through "$@", dropping what is installed
        name=$1 count=$((count - 1))
        shift
        installed "$name" || set -- "$@" "$name"
    done
    [ $# -gt 0 ] || return 0
    yum_run install "$@"
    for name in "$@"; do # yum succeeds when it finds only some of them
        installed "$name" || fail "yum ended well but did not install $name"
    done
}

# installed_packages: a line for each package: name, epoch, version, release, architecture, and the SHA-256 of the file that it came
# from, as the repository's metadata had it when yum installed it, or `-`. yum has a folder for each, named
# PKGID-NAME-VERSION-RELEASE-ARCH; where two are left of one name, nobody knows which is right. One grep and one awk for all of them.
installed_packages() {
    # Of the digests that a repository may have, only SHA-256 has 64 digits.
    timeout 120 rpm -qa --queryformat '%{NAME} %{EPOCHNUM} %{VERSION} %{RELEASE} %{ARCH}\n' |
        awk -F '[/:]' '
            of == "yum" && length($5) == 64 && $5 !~ /[^0-9a-f]/ {
                name = substr($3, index($3, "-") + 1)
                if (name in sha256 && sha256[name] != $5) sha256[name] = "-"
                else sha256[name] = $5
            }
            of == "rpm" {
                split($0, word, " ")
                name = word[1] "-" word[3] "-" word[4] "-" word[5]
                print $0, (name in sha256 ? sha256[name] : "-")
            }' of=yum <(cd "$TRAINYARD_ROOT/var/lib/yum/yumdb" 2>/dev/null && grep -raH '' --include=checksum_data .) of=rpm - |
        LC_ALL=C sort
}
