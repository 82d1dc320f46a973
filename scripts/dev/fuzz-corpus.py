#!/usr/bin/env python3
"""Chooses the inputs of a fuzzer that are worth keeping: one after the other that which reaches most of what none before it does.

usage: fuzz-corpus.py CONTROL SEEDS

CONTROL is what libFuzzer's -merge_control_file writes: the files' names, and the features of each. Inputs in the folder SEEDS are
replayed anyway, so what they reach is reached. Prints a name a line.
"""

import heapq
import os
import sys

MOST_FILES, MOST_BYTES = 380, 900_000


def read(path):
    """The names, and the features of each, of a control file."""
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        count = int(next(lines))
        next(lines)
        names = [next(lines).rstrip("\n") for _ in range(count)]
        features = {}
        for line in lines:
            word, number, *rest = line.split()
            if word == "FT":
                features[int(number)] = frozenset(map(int, rest))
    return names, features


def main(control, seeds):
    names, features = read(control)
    reached = set()
    waiting = []
    for number, of_file in features.items():
        if os.path.dirname(names[number]) == seeds.rstrip("/"):
            reached |= of_file
        else:
            # The one that may add most comes first; of those, the shortest.
            waiting.append((-len(of_file), os.path.getsize(names[number]), names[number], number))
    heapq.heapify(waiting)
    kept = size = 0
    while waiting and kept < MOST_FILES and size < MOST_BYTES:
        _, length, name, number = heapq.heappop(waiting)
        new = len(features[number] - reached)
        if waiting and (-new, length) > waiting[0][:2]:
            heapq.heappush(waiting, (-new, length, name, number))
            continue
        if new == 0:
            break
        reached |= features[number]
        kept, size = kept + 1, size + length
        print(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
