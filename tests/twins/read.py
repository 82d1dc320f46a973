"""Reads each spelling of rendered nodes by itself, and prints where they differ.

usage: read.py FOLDER...    each FOLDER holds a node's ks.cfg, user-data and network-config
       read.py --files FOLDER    prints the files of both spellings of one node

A difference is what it is about, what the kickstart says, and what user-data says; nothing where one says nothing.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile

import kickstart
import network
import user_data

PUBLIC = {}


def public_half(private):
    """What ssh-keygen makes of a private key; nothing of what is none."""
    if private not in PUBLIC:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(private)
            file.flush()
            made = subprocess.run(["ssh-keygen", "-y", "-f", file.name], capture_output=True, text=True)
        PUBLIC[private] = " ".join(made.stdout.split())
    return PUBLIC[private]


def both(folder):
    """The two systems of a node."""
    installed = kickstart.read(os.path.join(folder, "ks.cfg"))
    network.of_stage(installed)
    booted = user_data.read(os.path.join(folder, "user-data"))
    network.of_cloud_init(os.path.join(folder, "network-config"), booted)
    for system in installed, booted:
        for path, file in system.files.items():
            if path.endswith("/authorized_keys"):
                file[2] = user_data.lines(file[2].splitlines())
            elif path.startswith("/etc/ssh/") and path.endswith(".pub"):
                made = public_half(system.files[path.removesuffix(".pub")][2])
                file[2] = "of the private half" if matches(file[2], made) else file[2]
    return installed, booted


def matches(public, made):
    """Whether a public half is that of its private half: made on the node, or with a comment of its own."""
    return public.startswith("public half of /etc/ssh/") or public.split()[:2] == made.split()[:2]


def differences(folder):
    installed, booted = (system.finish() for system in both(folder))
    names = sorted(installed.keys() | booted.keys())
    return [
        {"about": name, "kickstart": short(installed.get(name)), "user_data": short(booted.get(name))}
        for name in names
        if installed.get(name) != booted.get(name)
    ]


def main():
    if sys.argv[1] == "--files":
        json.dump([system.files for system in both(sys.argv[2])], sys.stdout)
        return
    with multiprocessing.Pool() as pool:
        found = pool.map(differences, sys.argv[1:], chunksize=4)
    json.dump(found, sys.stdout)


def short(text):
    """Enough of a text to see what it is about."""
    return text if text is None or len(text) < 400 else text[:400] + "..."


main()
