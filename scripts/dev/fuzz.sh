#!/bin/bash
# Fuzzes what reads other people's bytes, guided by coverage: libFuzzer on the stable toolchain, without cargo-fuzz. There are two targets:
# `lab`, the way from a lab file's text to its rendered nodes, and `medium`, an installation medium, its EFI boot image and its menus.
# fuzz/lab.rs and fuzz/medium.rs say what must hold for any bytes at all. What is found is kept in target/fuzz/corpus and used by the next run.
#
#     scripts/dev/fuzz.sh [--target lab|medium] [SECONDS]    for so long (default 1800), each target half of it, from the corpus in git and
#                                                            from seeds: the examples and the cases of the rules; small media and menus
#     scripts/dev/fuzz.sh --target TARGET --replay FILE      one input, such as one that crashed
#     scripts/dev/fuzz.sh [--target lab|medium] --minimise   the corpus in git becomes the few hundred inputs that reach nearly all that was
#                                                            ever reached
set -euo pipefail

usage() {
    sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0"
    exit "$1"
}

root=$(readlink -f -- "$(dirname -- "$0")/../..")
fuzz=$root/target/fuzz
targets=(lab medium)
replay=
minimise=
seconds=1800
while [ $# -gt 0 ]; do
    case $1 in
        --target)
            case ${2:-} in
                lab | medium) targets=("$2") ;;
                *) usage 2 ;;
            esac
            shift
            ;;
        --replay)
            replay=$(readlink -e -- "${2:?a file}")
            shift
            ;;
        --minimise) minimise=yes ;;
        --help) usage 0 ;;
        '' | *[!0-9]*) usage 2 ;;
        *) seconds=$1 ;;
    esac
    shift
done
[ -z "$replay" ] || [ ${#targets[@]} -eq 1 ] || usage 2

"$root/scripts/dev/setup.sh" --quiet --fuzz
cd "$root"

# What cargo-fuzz passes when it is told to use no sanitizer, which is all that a program without unsafe code of its own needs; but for
# the tracing of comparisons, which would halve the speed, where the dictionary knows the words. Only the target is instrumented: with
# --target, build scripts and macros do not see these flags.
host=$(rustc -vV | sed -n 's/^host: //p')
flags=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-simplifycfg-branch-fold-threshold=0)
RUSTFLAGS=${flags[*]} cargo build --quiet --release --locked --manifest-path fuzz/Cargo.toml --target-dir "$fuzz" --target "$host"

# use TARGET: what the rest of this works on.
use() {
    target=$1
    program=$fuzz/$host/release/$target
    corpus=$root/fuzz/corpus/$target
    mine=$fuzz/$target
    mkdir -p "$corpus" "$mine/corpus" "$mine/found"
    # An input takes milliseconds; five seconds are a hang. A quarter of a gibibyte is a leak, and a whole one where templates are rendered.
    case $target in
        lab) inputs=(-max_len=16384) limits=(-rss_limit_mb=1024) ;;
        medium) inputs=(-max_len=32768) limits=(-rss_limit_mb=256) ;;
    esac
    inputs+=(-timeout=5)
    limits+=("-artifact_prefix=$mine/found/" "-dict=$root/fuzz/$target.dict")
}

plant() {
    rm -rf "$mine/seeds"
    mkdir "$mine/seeds"
    TRAINYARD_SEEDS=$mine/seeds cargo test --quiet --locked --test corpus "${target}_seeds" >"$mine/seeds.log" 2>&1 || {
        tail -n 40 "$mine/seeds.log" >&2
        exit 1
    }
}

# merge FROM... TO: what reaches each edge, and as few of them as libFuzzer finds.
merge() {
    rm -rf "${*: -1}"
    mkdir "${*: -1}"
    "$program" "${inputs[@]}" -use_counters=0 -set_cover_merge=1 "${options[@]}" "${*: -1}" "${@:1:$#-1}" 2>&1 | grep MERGE-OUTER
}

minimise() {
    options=()
    merge "$mine/seeds" "$corpus" "$mine/corpus" "$mine/merged"
    # Some hundred of those reach nearly as much as all.
    options=("-merge_control_file=$mine/control")
    rm -f "$mine/control"
    merge "$mine/seeds" "$mine/merged" "$mine/again"
    rm -rf "$mine/kept"
    mkdir "$mine/kept"
    "$root/scripts/dev/fuzz-corpus.py" "$mine/control" "$mine/seeds" | xargs -d '\n' cp -t "$mine/kept"
    rm -rf "$corpus"
    mv "$mine/kept" "$corpus"
    printf '%s: %s files, %s bytes\n' "$target" "$(find "$corpus" -type f | wc -l)" "$(du -sb --apparent-size "$corpus" | cut -f1)"
}

# search SECONDS
search() {
    local log=$mine/log code=0 points reached input
    "$program" "${inputs[@]}" "${limits[@]}" -max_total_time="$1" -print_final_stats=1 "$mine/corpus" "$corpus" "$mine/seeds" >"$log" 2>&1 || code=$?
    statistic() { sed -n "s/^stat::$1: *//p" "$log"; }
    points=$(sed -n 's/.*Loaded 1 PC tables (\([0-9]*\) PCs).*/\1/p' "$log")
    reached=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf 'fuzz: %s: %s executions, %s a second; %s of %s edges reached; at most %s MiB\n' "$target" "$(statistic number_of_executed_units)" \
        "$(statistic average_exec_per_sec)" "$reached" "$points" "$(statistic peak_rss_mb)"
    [ "$code" -ne 0 ] || return 0
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    tail -n 60 "$log" >&2
    [ -z "$input" ] ||
        printf 'fuzz: this input fails: %s\nfuzz: to see it again: scripts/dev/fuzz.sh --target %s --replay %q\n' "$input" "$target" "$input" >&2
    exit 1
}

for each in "${targets[@]}"; do
    use "$each"
    if [ -n "$replay" ]; then
        exec "$program" "${inputs[@]}" "${limits[@]}" "$replay"
    fi
    plant
    if [ -n "$minimise" ]; then
        minimise
    else
        search $((seconds / ${#targets[@]}))
    fi
done
