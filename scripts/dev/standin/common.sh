# shellcheck shell=bash
# What the stand-in's scripts share: where things are, how a failure is told, how a tool is found. Sourced, never run.
# shellcheck disable=SC2034  # used by the scripts that source this

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
root=$(readlink -f -- "$here/../../..")
cache=$root/target/standin

# A failure inside $(...) is a failure, too.
shopt -s inherit_errexit

# Debian keeps mkfs.vfat where only root's PATH looks.
PATH=$PATH:/usr/sbin:/sbin
# Names sort, and numbers print, the same everywhere.
export LC_ALL=C
# Every date on the medium: the day of the medium that it stands in for (its volume's creation, 2020-11-03 14:55:29 UTC).
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1604415329}
# And in one time zone: FAT and ISO 9660 write local time down.
export TZ=UTC

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# need TOOL...: each must be on the PATH.
need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || die "\`$tool\` is missing; run scripts/dev/setup.sh"
    done
}

# first_file PATH...: prints the first that exists; distributions put boot loaders in different places.
first_file() {
    local file
    for file in "$@"; do
        if [ -e "$file" ]; then
            printf '%s\n' "$file"
            return
        fi
    done
    die "none of these is here: $*; run scripts/dev/setup.sh"
}

# fingerprint FILE...: one short name for these files' content, for the cache.
fingerprint() {
    cat -- "$@" | sha256sum | cut -c1-16
}

# same_time FOLDER: gives everything in it SOURCE_DATE_EPOCH as its time.
same_time() {
    find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

# with_label LABEL FILE: a boot menu with another volume label; once as it is, once as the kernel's command line spells it.
with_label() {
    local label=$1 file=$2 stock='CentOS 7 x86_64' text
    text=$(cat -- "$file")
    text=${text//"$stock"/"$label"}
    stock=${stock// /\\x20}
    text=${text//"$stock"/"${label// /\\x20}"}
    printf '%s\n' "$text"
}
