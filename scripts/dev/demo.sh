#!/bin/bash
# The main job on a medium made on the spot: the reference lab's two ISOs, built, read back, and each booted in QEMU by BIOS and by UEFI.
# Together the four boots take all the ways that firmware knows to start such a medium: as a CD, as a stick, by its EFI partition. And one of
# a seed that boots, beside the medium as it is; and one of an ISO for the whole lab.
#
# The stand-in medium cannot install; it tells what the booted kernel saw, which is compared with what was rendered.
#
#     scripts/dev/demo.sh [TRAINYARD]      the program; default target/release/trainyard
set -euo pipefail

root=$(readlink -f -- "$(dirname -- "$0")/../..")
trainyard=$(readlink -f -- "${1:-$root/target/release/trainyard}")
demo=$root/target/demo
lab=$demo/lab
bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() {
    printf '$ %s\n' "$*"
    "$@"
}

SECONDS=0
rm -rf "$demo"
mkdir -p "$demo"
cd "$demo"

say 'A stand-in for CentOS-7-x86_64-Minimal-2009.iso'
run "$root/scripts/dev/standin-iso.sh" -o standin.iso

say 'The reference lab'
run "$trainyard" init lab
cd lab
run "$trainyard" check
run "$trainyard" render -o rendered
run "$trainyard" build -o isos --image ../standin.iso

say 'What the media say of themselves'
for node in controller compute; do
    run "$trainyard" inspect "isos/$node.iso"
done

# boot NODE WAY [ISO [OPTION...]]: what the booted kernel saw goes to NODE-WAY.boot.
boot() {
    "$root/scripts/dev/boot-iso.sh" "${3:-$lab/isos/$1.iso}" "$2" --log "$demo/$1-$2.serial" "${@:4}" >"$demo/$1-$2.boot" 2>&1
}

# judge NODE WAY [LABEL]: compares that with what was rendered; the kickstart is on the volume with this label, beside the medium.
judge() {
    local said=$demo/$1-$2.boot label=${3:-CentOSx207x20x86_64} rendered seen wrong=
    rendered=$(sha256sum "$lab/rendered/$1/ks.cfg" | cut -d ' ' -f 1)
    seen=$(sed -n 's/^standin: kickstart: .* sha256 //p' "$said")
    printf '\n%s, %s\n' "$1" "$2"
    sed -n 's/^standin: /  /p' "$said"
    [ "$seen" = "$rendered" ] || wrong="the kickstart it found is not the rendered one ($rendered)"
    # Debian's GRUB, which the stand-in starts with, hands the escapes on with fewer or more backslashes than CentOS's.
    sed -n 's/^standin: cmdline: //p' "$said" | tr -d '\134' |
        grep -q "inst\\.stage2=hd:LABEL=CentOSx207x20x86_64.* inst\\.ks=hd:LABEL=$label:/ks\\.cfg inst\\.nosave=all_ks" ||
        wrong='the command line is not that of the unattended entry'
    [ -z "${3:-}" ] || grep -q '^standin: stage2: CentOS 7 x86_64 on /dev/sr.* sha256 ' "$said" ||
        wrong='it found no second stage on the medium beside it'
    grep -q '^standin: done' "$said" || wrong="it did not boot: $(tail -n 3 "$said" | tr '\n' ' ')"
    if [ -n "$wrong" ]; then
        printf '  WRONG: %s\n' "$wrong"
        return 1
    fi
    printf '  right: the kickstart is the rendered one\n'
}

say 'Booting each, by BIOS and by UEFI (software emulation: about a minute each)'
passed=0 failed=0
for pair in 'controller bios-cd compute uefi-cd' 'compute bios-usb controller uefi-partition'; do
    read -r one way other otherway <<<"$pair"
    boot "$one" "$way" &
    first=$!
    boot "$other" "$otherway" || true
    wait "$first" || true
    for job in "$one $way" "$other $otherway"; do
        read -r node how <<<"$job"
        if judge "$node" "$how"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    done
done

say 'A seed that boots, beside the medium as it is'
run "$trainyard" seed compute --kind oemdrv --boot --image ../standin.iso
run "$trainyard" inspect compute-oemdrv.iso
boot compute uefi-partition compute-oemdrv.iso --beside "$demo/standin.iso" &
seed=$!

say 'One ISO for the whole lab, with a volume id of its own; the booted system itself checks the medium'
run "$trainyard" build --together -o isos --image ../standin.iso --volume-id TRAIN-LAB --menu-timeout 1 --kernel-arg rd.live.check
run "$trainyard" inspect isos/train.iso --diff ../standin.iso
said=$demo/lab.boot
"$root/scripts/dev/boot-iso.sh" isos/train.iso bios-cd >"$said" 2>&1 || true
sed -n 's/^standin: /  /p' "$said"
chooser=$("$trainyard" inspect isos/train.iso --extract /ks.cfg | sha256sum | cut -d ' ' -f 1)
if grep -q '^standin: mediacheck: pass' "$said" && grep -q "^standin: kickstart: .* sha256 $chooser" "$said" &&
    grep -q '^standin: cmdline: .*inst\.stage2=hd:LABEL=TRAIN-LAB ' "$said"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    printf '  WRONG: %s\n' "$(tail -n 3 "$said")"
fi
wait "$seed" || true
if judge compute uefi-partition OEMDRV; then passed=$((passed + 1)); else failed=$((failed + 1)); fi

size=$(stat -c %s "$trainyard")
printf '\ntrainyard is %s bytes; the demonstration took %s s\n' "$size" "$SECONDS"
if [ "$size" -gt 15000000 ] && [[ $trainyard == */release/* ]]; then
    printf 'that is more than 15 MB\n'
    failed=$((failed + 1))
fi
printf '\nboots: %s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
