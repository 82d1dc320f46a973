#!/bin/bash
# Installs what building and testing trainyard needs, on a bare Debian machine; on a Fedora-like one as far as its package names are
# known. Run it as often as you like: what is there is left alone, and when all is there it takes no second and no network.
#
#     scripts/dev/setup.sh [--quiet] [--fuzz]      --quiet tells only what is changed and what fails;
#                                                  --fuzz adds what scripts/dev/fuzz.sh needs: a C++ compiler
#
# System-wide, by apt-get or dnf (as root or by sudo): the packages listed below, none of which starts a service.
# In this checkout, under target/: pykickstart in a virtual environment, cloud-init, chronyd, a kernel and busybox for the stand-ins.
# In your home, only when there is no cargo, or one that is too old: a Rust toolchain, by rustup.
set -euo pipefail

root=$(readlink -f -- "$(dirname -- "$0")/../..")
target=$root/target
tools=$target/bin # what the tests call: target/bin/ksvalidator and target/bin/cloud-init
# A toolchain of rustup goes before a cargo of the distribution, which may be too old; the Makefile does the same.
PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH:/usr/sbin:/sbin

pykickstart=3.78 # a later one could drop the RHEL7 grammar that the kickstarts are checked against

debian=(ca-certificates curl git gcc libc6-dev make
    xorriso mtools dosfstools isomd5sum genisoimage isolinux syslinux-common syslinux-utils
    grub-common grub-pc-bin grub-efi-amd64-bin qemu-system-x86 qemu-utils ovmf ipxe ipxe-qemu
    cpio gzip xz-utils zstd openssl openssh-client shellcheck sudo python3 python3-venv
    e2fsprogs fdisk gnupg time xfsprogs
    mmdebstrap systemd-container iproute2 dnsmasq-base pxelinux
    rpm createrepo-c dnf
    chromium chromium-driver)
fedora=(ca-certificates curl git-core gcc glibc-devel make
    xorriso mtools dosfstools isomd5sum genisoimage syslinux syslinux-nonlinux
    grub2-tools grub2-tools-minimal grub2-pc-modules grub2-efi-x64-modules qemu-system-x86-core qemu-img edk2-ovmf ipxe-bootimgs-x86 ipxe-roms-qemu
    cpio gzip xz zstd openssl openssh ShellCheck sudo python3 python3-pip dnf-plugins-core
    e2fsprogs util-linux xfsprogs gnupg2 time
    mmdebstrap debian-keyring systemd-container iproute dnsmasq
    rpm-build rpm-sign createrepo_c dnf
    chromium chromedriver
    python3-configobj python3-jinja2 python3-jsonpatch python3-jsonschema python3-oauthlib python3-pyserial python3-pyyaml python3-requests)

quiet=
locks=("$root/Cargo.lock")
for option; do
    case $option in
        --quiet) quiet=yes ;;
        --fuzz)
            debian+=(g++)
            fedora+=(gcc-c++)
            locks+=("$root/fuzz/Cargo.lock")
            ;;
        *)
            sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0"
            [ "$option" = --help ] || exit 2
            exit
            ;;
    esac
done

# The first is for what is there already, the second for what is done now.
there() { [ -n "$quiet" ] || printf 'setup: %s\n' "$*"; }
doing() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup.sh: %s\n' "$*" >&2
    exit 1
}

# run COMMAND...: shows its output only if it fails, and then names it.
run() {
    local output code=0
    output=$("$@" 2>&1) || code=$?
    if [ "$code" -ne 0 ]; then
        [ -z "$output" ] || printf '%s\n' "$output" | tail -n 40 >&2
        die "this command failed (exit code $code): ${*@Q}"
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        run env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        # Not through `run`: sudo may ask for a password.
        sudo env DEBIAN_FRONTEND=noninteractive "$@" >/dev/null || die "this command failed: sudo ${*@Q}"
    else
        die "neither root nor sudo; as root, run: ${*@Q}"
    fi
}

is_debian() { command -v apt-get >/dev/null; }

lists_are_fresh=
refresh_lists() {
    if is_debian && [ -z "$lists_are_fresh" ]; then
        doing 'fetching the package lists (apt-get update)'
        as_root apt-get -q update
        lists_are_fresh=yes
    fi
}

# with_lists COMMAND...: a command that downloads packages; when it fails, the lists may be missing or stale: once more with new ones.
with_lists() {
    if is_debian && [ -z "$lists_are_fresh" ]; then
        "$@" >/dev/null 2>&1 && return
        refresh_lists
    fi
    run "$@"
}

# missing PACKAGE...: those that are not installed.
missing() {
    local known
    if is_debian; then
        # shellcheck disable=SC2016  # for dpkg-query to expand
        known=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
        for package in "$@"; do
            grep -qx "$package installed" <<<"$known" || printf '%s\n' "$package"
        done
    else
        # A name that another package provides counts, too.
        for package in "$@"; do
            rpm -q --whatprovides "$package" >/dev/null 2>&1 || printf '%s\n' "$package"
        done
    fi
}

# A machine may have a part of QEMU (qemu-utils) from backports. The release's own QEMU would push it out, so the rest comes from
# backports too: for this run only, from the mirror that the machine is configured for.
apt_options=()
use_backports_for_qemu() {
    local version folder uri suite
    version=$(dpkg-query -W -f '${Version}' qemu-utils 2>/dev/null) || return 0
    case $version in *~bpo*) ;; *) return 0 ;; esac
    [[ " ${wanted[*]} " == *" qemu-system-x86 "* ]] || return 0
    # shellcheck disable=SC2016  # for apt-get to expand
    read -r uri suite < <(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
        grep -vE -e '-(security|updates|backports)$') || die "qemu-utils is of backports ($version), and apt names no mirror to take the rest of QEMU from"
    folder=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder of now
    trap "rm -rf '$folder'" EXIT
    { cat /etc/apt/sources.list 2>/dev/null || true; printf 'deb %s %s-backports main\n' "${uri%/}" "$suite"; } >"$folder/sources.list"
    printf 'Package: qemu* seabios ipxe-qemu ovmf\nPin: release a=*-backports\nPin-Priority: 500\n' >"$folder/preferences"
    chmod 0755 "$folder"
    apt_options=(-o "Dir::Etc::SourceList=$folder/sources.list" -o "Dir::Etc::Preferences=$folder/preferences")
    as_root apt-get -q "${apt_options[@]}" update
}

install_packages() {
    local wanted=()
    mapfile -t wanted < <(missing "$@")
    if [ ${#wanted[@]} -eq 0 ]; then
        there "packages: all $# are there"
        return
    fi
    refresh_lists
    doing "installing ${#wanted[@]} packages: ${wanted[*]}"
    if is_debian; then
        use_backports_for_qemu
        # Recommended packages would bring a desktop's worth of QEMU; nothing may be removed for ours.
        as_root apt-get -q "${apt_options[@]}" install --yes --no-install-recommends --no-remove "${wanted[@]}"
    else
        as_root dnf --quiet --assumeyes --setopt=install_weak_deps=False install "${wanted[@]}"
    fi
}

# new_enough VERSION: whether the cargo on the PATH is at least that.
new_enough() {
    local have
    have=$(cargo --version 2>/dev/null | awk '{ print $2 }') || return 1
    [ -n "$have" ] && printf '%s\n%s\n' "$1" "${have%%-*}" | sort -V -C
}

rust_toolchain() {
    local least installer component
    least=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    if ! command -v cargo >/dev/null || ! new_enough "$least"; then
        if command -v rustup >/dev/null; then
            doing "Rust: the toolchain is older than $least; updating it by rustup"
            run rustup toolchain install stable --profile minimal --component clippy --component rustfmt
        else
            doing "Rust: no cargo of version $least or newer; installing a toolchain by rustup into ${CARGO_HOME:-$HOME/.cargo}"
            installer=$(mktemp)
            if ! curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --max-time 120 --output "$installer" https://sh.rustup.rs; then
                rm -f "$installer"
                die "https://sh.rustup.rs cannot be reached. Install Rust $least or newer with clippy and rustfmt in another way (https://www.rust-lang.org/tools/install), put cargo on the PATH, and run this again"
            fi
            # A cargo of the distribution that is too old may stay where it is.
            run env RUSTUP_INIT_SKIP_PATH_CHECK=yes sh "$installer" -y --no-modify-path --profile minimal --component clippy --component rustfmt
            rm -f "$installer"
        fi
        hash -r
        new_enough "$least" || die "cargo is still not $least or newer: $(command -v cargo || echo none)"
    fi
    for component in clippy rustfmt; do
        if ! command -v "cargo-${component/rust/}" >/dev/null; then
            command -v rustup >/dev/null || die "cargo is there but not $component: install it beside cargo"
            doing "Rust: adding $component"
            run rustup component add "$component"
        fi
    done
    there "Rust: $(cargo --version)"
}

# wrapper NAME FOLDER COMMAND: target/bin/NAME runs the command, with that folder of target/ as PYTHONPATH. By its own place, so that a checkout
# may be moved.
wrapper() {
    # shellcheck disable=SC2016  # for the wrapper to expand
    {
        printf '#!/bin/sh\n# Made by scripts/dev/setup.sh.\ntarget=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")\n'
        printf 'PYTHONPATH=$target/%s PYTHONDONTWRITEBYTECODE=1 exec %s "$@"\n' "$2" "$3"
    } >"$tools/.$1.new"
    chmod +x "$tools/.$1.new"
    mv "$tools/.$1.new" "$tools/$1"
}

# The judge of kickstart grammar. From PyPI by pip, as pip is configured on this machine.
kickstart_checker() {
    local venv=$target/venv python=/usr/bin/python3
    # The interpreter is asked, too: an upgrade of the distribution leaves an environment without one.
    if [ -e "$venv/.pykickstart-$pykickstart" ] && [ -x "$tools/ksvalidator" ] && "$venv/bin/python" -S -c pass 2>/dev/null; then
        there "pykickstart: $pykickstart is in target/venv"
        return
    fi
    doing "pykickstart: installing $pykickstart into target/venv"
    # The distribution's own python3: that is the one that its venv package belongs to.
    [ -x "$python" ] || python=python3
    rm -rf "$venv"
    run "$python" -m venv "$venv"
    run "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "pykickstart==$pykickstart"
    # shellcheck disable=SC2016  # the same
    wrapper ksvalidator venv '"$target/venv/bin/python" "$target/venv/bin/ksvalidator"'
    touch "$venv/.pykickstart-$pykickstart"
}

# The nodes' own Python, where this machine has one: no distribution of today brings it. Without it, what nodes run is tried by python3.
old_python() {
    local python
    for python in $(type -ap python2.7) "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python2.7; do
        if "$python" -c '' 2>/dev/null; then
            ln -sfn "$python" "$tools/python2.7"
            there "Python 2.7: $python"
            return
        fi
    done
    there 'Python 2.7: none; the tests try what nodes run by python3'
}

# unpack PACKAGE FOLDER NEEDS: the distribution's package, unpacked into FOLDER/tree and not installed; on Debian those that it depends on and
# whose names match NEEDS are installed.
unpack() {
    local needs
    if is_debian; then
        (cd "$2" && with_lists apt-get -q -o APT::Sandbox::User=root download "$1")
        needs=$(dpkg-deb -f "$2"/*.deb Depends | tr ',' '\n' | sed 's/^ *//' | grep -ox "\($3\).*" | sed 's/ .*//')
        # shellcheck disable=SC2086  # several names
        install_packages $needs
        run dpkg-deb -x "$2"/*.deb "$2/tree"
    else
        (cd "$2" && run dnf -q download "$1")
        mkdir "$2/tree"
        (cd "$2/tree" && run sh -c 'rpm2cpio ../*.rpm | cpio --quiet -idm')
    fi
}

# The judge of user-data and network-config: the distribution's cloud-init, unpacked and never installed. Installing it enables its
# services, and a cloud-init that believes to be on a new machine sets host name, users and SSH keys at the next boot. Switching it off by
# /etc/cloud/cloud-init.disabled would only be safe where nobody else wants it; unpacked, it cannot reach the machine at all.
cloud_init() {
    local folder=$target/cloud-init work module needs
    if [ -x "$tools/cloud-init" ] && [ -s "$folder/.version" ]; then
        there "cloud-init: $(cat "$folder/.version") is in target/cloud-init"
        return
    fi
    doing 'cloud-init: unpacking it into target/cloud-init (it is not installed)'
    work=$(mktemp -d "$target/.cloud-init.XXXXXX")
    unpack cloud-init "$work" 'python3-[a-z0-9.-]*'
    module=$(find "$work/tree" -path '*-packages/cloudinit' -type d | head -n 1)
    [ -n "$module" ] || die 'cloud-init: its package holds no Python module'
    module=$(dirname "${module#"$work/tree/"}")
    rm -rf "$folder"
    mv "$work/tree" "$folder"
    rm -rf "$work"
    wrapper cloud-init "cloud-init/$module" '/usr/bin/python3 -m cloudinit.cmd.main'
    run "$tools/cloud-init" --version
    "$tools/cloud-init" --version 2>&1 | awk '{ last = $NF } END { print last }' >"$folder/.version"
}

# The judge of chrony.conf: the distribution's chronyd, unpacked too. Installed, it would set this machine's clock.
chrony() {
    local work
    if [ -x "$tools/chronyd" ]; then
        there 'chronyd: it is in target/bin'
        return
    fi
    doing 'chronyd: unpacking it into target/bin (it is not installed)'
    work=$(mktemp -d "$target/.chrony.XXXXXX")
    unpack chrony "$work" 'lib[a-z0-9.+-]*'
    mv "$work/tree/usr/sbin/chronyd" "$tools/chronyd"
    rm -rf "$work"
    run "$tools/chronyd" --version
}

standin_parts() {
    if "$root/scripts/dev/standin/fetch-kernel.sh" --there; then
        there "stand-in medium: kernel $(cat "$target/standin/kernel/release") and busybox are in target/standin"
        return
    fi
    doing 'stand-in medium: fetching a kernel and busybox into target/standin (they are not installed)'
    with_lists "$root/scripts/dev/standin/fetch-kernel.sh"
}

# crates LOCK: those that this Cargo.lock names, so that a build needs no network.
crates() {
    local lock=$1 name stamp
    [ -f "$lock" ] || return 0
    name=${lock#"$root/"}
    stamp=$target/.fetched-${name//\//-}-$(sha256sum "$lock" | cut -c1-16)
    if [ -e "$stamp" ]; then
        there "crates: those of $name were fetched"
        return
    fi
    doing "crates: fetching those of $name"
    run cargo fetch --quiet --locked --manifest-path "${lock%.lock}.toml"
    rm -f "$target/.fetched-${name//\//-}-"*
    touch "$stamp"
}

mkdir -p "$tools"
if is_debian; then
    install_packages "${debian[@]}"
elif command -v dnf >/dev/null; then
    install_packages "${fedora[@]}"
else
    die "neither apt-get nor dnf is here; install these (Debian's names) and run this again: ${debian[*]}"
fi
rust_toolchain
kickstart_checker
old_python
cloud_init
chrony
standin_parts
for lock in "${locks[@]}"; do crates "$lock"; done
there 'ready'
