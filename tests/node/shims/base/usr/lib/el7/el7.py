"""What rpm and yum of a test host share: which packages there are, which are installed, and how one is."""

import os
import shutil
import subprocess
import time

PACKAGES = "/usr/share/el7/packages"  # NAME/root: files; NAME/post: a script; NAME/requires, NAME/provides: names
INSTALLED = "/var/lib/rpm/installed"  # NAME SECONDS
VERSION, RELEASE = "1.0", "1.el7"


def known(name):
    """The package that is called so, or that provides it."""
    if os.path.isdir(os.path.join(PACKAGES, name)):
        return name
    for package in sorted(os.listdir(PACKAGES)):
        if name in words(package, "provides"):
            return package
    return None


def words(package, what):
    try:
        with open(os.path.join(PACKAGES, package, what)) as file:
            return file.read().split()
    except FileNotFoundError:
        return []


def is_known_as(name, package):
    return name == package or name in words(package, "provides")


def installed():
    try:
        with open(INSTALLED) as file:
            return dict(line.split() for line in file)
    except FileNotFoundError:
        return {}


def note_installed(name):
    """The list appears whole or not at all."""
    names = installed()
    names[name] = str(int(time.time()))
    os.makedirs(os.path.dirname(INSTALLED), exist_ok=True)
    with open(INSTALLED + ".new", "w") as file:
        for each in sorted(names):
            file.write("%s %s\n" % (each, names[each]))
        file.flush()
        os.fsync(file.fileno())
    os.rename(INSTALLED + ".new", INSTALLED)


def place(source, path):
    shutil.copy(source, path + ".rpm-new")
    os.rename(path + ".rpm-new", path)


def install(package):
    """Its files, then its script, then its entry. A configuration file that is there and differs stays as it is."""
    root = os.path.join(PACKAGES, package, "root")
    for where, _, files in os.walk(root):
        there = os.path.normpath(os.path.join("/", os.path.relpath(where, root)))
        os.makedirs(there, exist_ok=True)
        for file in files:
            source, path = os.path.join(where, file), os.path.join(there, file)
            if there.startswith("/etc") and os.path.exists(path):
                with open(source, "rb") as new, open(path, "rb") as old:
                    if new.read() == old.read():
                        continue
                path += ".rpmnew"
            place(source, path)
    script = os.path.join(PACKAGES, package, "post")
    if os.path.exists(script):
        subprocess.run(["/bin/sh", "-eu", script], check=True)
    note_installed(package)
