"""Reads what a node was given of single words and lines, with the readers of their languages: Python's shlex for a kickstart's
commands and for interface files, bash for its scripts, configparser for INI files, Python for its strings.

usage: read.py PLAN.json FOLDER...    prints a JSON list: for each folder a mapping of place to what stands there
"""

import ast
import base64
import configparser
import json
import os
import re
import shlex
import subprocess
import sys

import yaml


def bash(script):
    """What bash prints."""
    done = subprocess.run(["bash", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return done.stdout.decode()


def variables(script, *names):
    """The variables that a script sets. A NUL stands between them: no variable can hold one."""
    shown = " ".join('"${%s-}"' % name for name in names)
    return dict(zip(names, bash(script + "\nprintf '%s\\0' " + shown).split("\0")))


def content_of(file):
    if file.get("encoding") == "b64":
        return base64.b64decode(file["content"]).decode()
    return file["content"]


def guard(kickstart):
    """What the wipe guard looks for, and the commands that it writes, as bash expands them."""
    lines = kickstart.split("\n")
    # The disk to install to is looked for by the first of them.
    wanted = [line.lstrip() for line in lines if line.startswith("    want_name=")][0]
    serial = [line for line in lines if line.startswith("serial=$(first ")][0]
    found = variables(wanted, "want_name", "want_id", "want_serial", "want_model")
    found["serial"] = variables("first() { :; }; sys=; " + serial, "wanted")["wanted"]
    written = re.search(r'\ncat > "\$commands\.new" << END\n(.*?)\nEND\n', kickstart, re.S).group(1)
    commands = bash("disk=sda used=sda wiped=sda mark=m data_line=\ncat << END\n" + written + "\nEND\n")
    found["commands"] = [shlex.split(line) for line in commands.splitlines()]
    return found


def option(commands, name):
    """The values of an option of the installer's commands."""
    return [w[len(name) + 1:] for words in commands for w in words if w.startswith(name + "=")]


def ini(text):
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = str
    parser.read_string(text)
    return parser


def node(folder, plan):
    with open(os.path.join(folder, "ks.cfg"), encoding="utf-8", newline="") as file:
        kickstart = file.read()
    with open(os.path.join(folder, "user-data"), encoding="utf-8") as file:
        data = yaml.safe_load(file)
    with open(os.path.join(folder, "network-config"), encoding="utf-8") as file:
        network = yaml.safe_load(file)
    files = {f["path"]: content_of(f) for f in data["write_files"]}
    stages = "/etc/trainyard/stages/"

    def file_of(stage, path):
        return files.get(stages + stage + "/files" + path, "")

    def manifest(stage, key):
        lines = files.get(stages + stage + "/manifest", "").split("\n")
        return [line.split(" ", 1)[1] for line in lines if line.startswith(key + " ")]

    looks = guard(kickstart)
    commands = [line for line in kickstart.split("\n") if line.startswith("network ")]
    ifcfg = dict(
        word.split("=", 1)
        for word in shlex.split(file_of("host-network", "/etc/sysconfig/network-scripts/ifcfg-bond0"), comments=True)
    )
    bond = [one for one in network["config"] if one["type"] == "bond"][0]
    hosts = [line.split() for line in file_of("host-network", "/etc/hosts").split("\n")]
    proxy = variables(file_of("repositories", "/etc/profile.d/trainyard-proxy.sh"), "http_proxy", "https_proxy", "no_proxy")
    repositories = ini(file_of("repositories", "/etc/trainyard/pinned.repo"))
    database = ini(file_of("database", "/etc/my.cnf.d/openstack.cnf"))
    template = file_of("mine", "/etc/mine")
    account = [line.split(" ") for line in manifest("accounts", "account")]
    bonding = [w for w in ifcfg["BONDING_OPTS"].split(" ") if not w.startswith(("mode=", "miimon="))]
    of_installer = option([shlex.split(line) for line in commands], "--bondopts")[0].split(",")
    of_cloud = {k[5:].replace("-", "_"): v for k, v in bond["params"].items()}
    return {
        "machine.serial": [looks["serial"]],
        "storage.disk.serial": [looks["want_serial"]],
        "storage.disk.model": [looks["want_model"]],
        "storage.disk.by_id": [looks["want_id"]],
        "storage.partitions./srv.options": option(looks["commands"], "--fsoptions"),
        "proxy.url": sorted({proxy["http_proxy"], proxy["https_proxy"], repositories["base"]["proxy"]}),
        "proxy.no_proxy": [w for w in proxy["no_proxy"].split(",") if w not in plan["own"]],
        "hosts.10.0.0.99": [name for words in hosts if words[:1] == ["10.0.0.99"] for name in words[1:]],
        "search": sorted({ifcfg.get("DOMAIN", ""), *[" ".join(s.get("dns_search", [])) for s in bond["subnets"]]}),
        "installer.boot_arguments": plan["nodes"][os.path.basename(folder)],
        "kernel.arguments": sorted({*option(looks["commands"], "--append"), *manifest("kernel", "add")}),
        "interfaces.bond0.bond.options": sorted({
            " ".join(bonding),
            " ".join(w for w in of_installer if not w.startswith(("mode=", "miimon="))),
            " ".join(k + "=" + str(v) for k, v in of_cloud.items() if k not in ("mode", "miimon")),
        }),
        "users.u.shell": [words[2] for words in account if len(words) == 5],
        "users.u.groups": [words[3] for words in account if len(words) == 5],
        "users.u.sudo": [file_of("accounts", "/etc/sudoers.d/trainyard-u")],
        "repositories.r.name": sorted({
            repositories["r"]["name"],
            variables(re.search("^S=.*$", template, re.M).group(0), "S")["S"],
            ast.literal_eval(re.search("^P=(.*)$", template, re.M).group(1)).encode("latin-1").decode(),
            re.search("^# L=(.*)$", template, re.M).group(1),
        }),
        "repositories.r.baseurl": repositories["r"]["baseurl"].split(),
        "parameters.mine.word": manifest("mine", "parameter")[0].split(" ", 1)[1:],
        "settings./etc/my.cnf.d/openstack.cnf.mysqld.x": [database["mysqld"].get("x")],
        "packages": manifest("site", "package"),
        "mirror": sorted({line.split("/7.9.2009/")[0] for line in repositories["base"]["baseurl"].split()}),
    }


with open(sys.argv[1], encoding="utf-8") as known:
    KNOWN = json.load(known)
OWN = ["localhost", "127.0.0.1"] + [word for n in KNOWN["nodes"] for word in (n["name"], n["address"])]
PLAN = {"own": OWN, "nodes": {n["name"]: n["installer"]["boot_arguments"] for n in KNOWN["nodes"]}}
json.dump([node(folder, PLAN) for folder in sys.argv[2:]], sys.stdout)
