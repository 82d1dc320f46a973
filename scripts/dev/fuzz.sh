#!/bin/bash
# Fuzzes the way from a lab file's text to its rendered nodes, guided by coverage: libFuzzer on the stable toolchain, without cargo-fuzz.
# fuzz/lab.rs says what must hold for any text at all. What it finds is kept in target/fuzz/corpus and used by the next run.
#
#     scripts/dev/fuzz.sh [SECONDS]        for so long (default 1800), from the corpus in git, the examples and the cases of the rules
#     scripts/dev/fuzz.sh --replay FILE    one input, such as one that crashed
#     scripts/dev/fuzz.sh --minimise       the corpus in git becomes the few hundred inputs that reach nearly all that was ever reached
set -euo pipefail

root=$(readlink -f -- "$(dirname -- "$0")/../..")
fuzz=$root/target/fuzz
corpus=$root/fuzz/corpus/lab
replay=
minimise=
seconds=1800
case ${1:-} in
    '') ;;
    --replay) replay=$(readlink -e -- "${2:?a file}") ;;
    --minimise) minimise=yes ;;
    *[!0-9]*)
        sed -n '2,/^set /{/^#/!d; s/^# \{0,1\}//; p}' "$0"
        [ "$1" = --help ] || exit 2
        exit
        ;;
    *) seconds=$1 ;;
esac

"$root/scripts/dev/setup.sh" --quiet --fuzz
rm -rf "$fuzz/seeds"
mkdir -p "$fuzz/corpus" "$fuzz/seeds" "$fuzz/found"
cd "$root"

# What cargo-fuzz passes when it is told to use no sanitizer, which is all that a program without unsafe code of its own needs; but for
# the tracing of comparisons, which would halve the speed, where the dictionary knows the words. Only the target is instrumented: with
# --target, build scripts and macros do not see these flags.
host=$(rustc -vV | sed -n 's/^host: //p')
flags=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-simplifycfg-branch-fold-threshold=0)
RUSTFLAGS=${flags[*]} cargo build --quiet --release --locked --manifest-path fuzz/Cargo.toml --target-dir "$fuzz" --target "$host"
program=$fuzz/$host/release/lab

# An input takes milliseconds; five seconds are a hang, a gibibyte is a leak.
limits=(-timeout=5 -rss_limit_mb=1024 -max_len=16384 "-artifact_prefix=$fuzz/found/" "-dict=$root/fuzz/lab.dict")

if [ -n "$replay" ]; then
    exec "$program" "${limits[@]}" "$replay"
fi

TRAINYARD_SEEDS=$fuzz/seeds cargo test --quiet --locked --test corpus every_example >"$fuzz/seeds.log" 2>&1 || {
    tail -n 40 "$fuzz/seeds.log" >&2
    exit 1
}
if [ -n "$minimise" ]; then
    # merge FROM... TO: what reaches each edge, and as few of them as libFuzzer finds.
    merge() {
        rm -rf "${*: -1}"
        mkdir "${*: -1}"
        "$program" -timeout=5 -max_len=16384 -use_counters=0 -set_cover_merge=1 "${options[@]}" "${*: -1}" "${@:1:$#-1}" 2>&1 | grep MERGE-OUTER
    }
    options=()
    merge "$fuzz/seeds" "$corpus" "$fuzz/corpus" "$fuzz/merged"
    # Some hundred of those reach nearly as much as all.
    options=("-merge_control_file=$fuzz/control")
    rm -f "$fuzz/control"
    merge "$fuzz/seeds" "$fuzz/merged" "$fuzz/again"
    rm -rf "$fuzz/kept"
    mkdir "$fuzz/kept"
    "$root/scripts/dev/fuzz-corpus.py" "$fuzz/control" "$fuzz/seeds" | xargs -d '\n' cp -t "$fuzz/kept"
    rm -rf "$corpus"
    mv "$fuzz/kept" "$corpus"
    printf '%s files, %s bytes\n' "$(find "$corpus" -type f | wc -l)" "$(du -sb --apparent-size "$corpus" | cut -f1)"
    exit
fi

log=$fuzz/log
code=0
"$program" "${limits[@]}" -max_total_time="$seconds" -print_final_stats=1 "$fuzz/corpus" "$corpus" "$fuzz/seeds" >"$log" 2>&1 || code=$?

statistic() { sed -n "s/^stat::$1: *//p" "$log"; }
points=$(sed -n 's/.*Loaded 1 PC tables (\([0-9]*\) PCs).*/\1/p' "$log")
reached=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
printf 'fuzz: %s executions, %s a second; %s of %s edges reached; at most %s MiB\n' "$(statistic number_of_executed_units)" \
    "$(statistic average_exec_per_sec)" "$reached" "$points" "$(statistic peak_rss_mb)"
if [ "$code" -ne 0 ]; then
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    tail -n 60 "$log" >&2
    [ -z "$input" ] ||
        printf 'fuzz: this input fails: %s\nfuzz: to see it again: scripts/dev/fuzz.sh --replay %q\n' "$input" "$input" >&2
    exit 1
fi
