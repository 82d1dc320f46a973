"""Which packages a role's nodes would have: dnf's own solver, with an empty install root.

Reads what is wanted from the file that it is given, as JSON, and prints what dnf would install, as JSON. It installs nothing.
"""

import json
import os
import sys

import dnf
import dnf.exceptions
import dnf.repo


def base_of(wanted, ids):
    """A base with these of the wanted repositories and no others, below a folder of its own."""
    base = dnf.Base()
    conf = base.conf
    folder = wanted["folder"]
    conf.installroot = os.path.join(folder, "root")
    conf.cachedir = os.path.join(folder, "cache")
    conf.persistdir = os.path.join(folder, "state")
    conf.logdir = os.path.join(folder, "log")
    for needed in (conf.installroot, conf.logdir):
        os.makedirs(needed, exist_ok=True)
    conf.config_file_path = os.devnull
    conf.reposdir = []
    conf.pluginpath = []
    conf.gpgcheck = False  # nothing is installed; a node looks at signatures
    conf.install_weak_deps = False  # yum of EL7 knows none
    conf.best = True
    for name, value in wanted["variables"].items():
        conf.substitutions[name] = value
    for one in wanted["repositories"]:
        if one["id"] not in ids:
            continue
        repo = dnf.repo.Repo(one["id"], conf)
        repo.baseurl = [one["url"]]
        repo.excludepkgs = one["exclude"]
        repo.skip_if_unavailable = False
        base.repos.add(repo)
    base.fill_sack(load_system_repo=False)
    base.read_comps(arch_filter=True)
    return base


def resolve(base, specs, also):
    """What would be installed for these, or the words that say why that cannot be. `also` may be there as well, as far as it exists."""
    base.reset(goal=True)
    known = base.sack.query().available()
    also = [name for name in also if known.filter(name=name)]
    try:
        base.install_specs([spec.replace("@^", "@") for spec in specs] + also, strict=True)
        base.resolve()
    except dnf.exceptions.Error as error:
        return {"error": str(error).strip()}
    return {
        "packages": [
            {
                "name": package.name,
                "epoch": package.epoch,
                "version": package.version,
                "release": package.release,
                "arch": package.arch,
                "repository": package.repoid,
                "checksum": package.chksum[1].hex(),
                "location": package.location,
            }
            for package in base.transaction.install_set
        ]
    }


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        wanted = json.load(file)
    answers = {}
    try:
        for role, of_role in wanted["roles"].items():
            with base_of(wanted, of_role["repositories"]) as base:
                answers[role] = [resolve(base, of_role["specs"], also) for also in ([], wanted["also"])]
    except dnf.exceptions.Error as error:
        sys.exit("dnf cannot read the repositories: " + str(error).strip())
    json.dump(answers, sys.stdout)


main()
