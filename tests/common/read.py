"""Reads rendered nodes with programs that are not ours, and prints what it found as JSON.

usage: read.py FOLDER...    each FOLDER holds a node's ks.cfg, user-data, meta-data and network-config

Kickstarts are read by pykickstart with the grammar of RHEL 7, as `ksvalidator -v RHEL7` does; user-data is checked by
cloud-init's own schema, and read by PyYAML. One process for all of them: starting each judge takes longer than judging.
"""

import base64
import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import warnings

import yaml
from cloudinit.config import schema
from pykickstart.errors import KickstartDeprecationWarning
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

SCHEMA = schema.get_schema()


def kickstart(path):
    """What pykickstart says of a kickstart, and the values that it read."""
    handler = makeVersion("RHEL7")
    parser = KickstartParser(handler, followIncludes=False, errorsAreFatal=True)
    told = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            parser.readKickstart(path)
        except Exception as error:  # the judge's word, whatever its kind
            told.append(str(error))
    told += [str(w.message) for w in caught if issubclass(w.category, KickstartDeprecationWarning)]
    network = [
        {
            "device": n.device, "ip": n.ip, "netmask": n.netmask, "gateway": n.gateway,
            "nameserver": n.nameserver, "hostname": n.hostname, "bootproto": n.bootProto, "mtu": n.mtu,
            "bondslaves": n.bondslaves, "vlanid": n.vlanid, "bridgeslaves": n.bridgeslaves, "ipv6": n.ipv6,
        }
        for n in handler.network.network
    ]
    facts = {
        "lang": handler.lang.lang,
        "keyboard": handler.keyboard.keyboard or handler.keyboard._keyboard,
        "timezone": handler.timezone.timezone,
        "rootpw": {"hash": handler.rootpw.password, "lock": handler.rootpw.lock, "crypted": handler.rootpw.isCrypted},
        "users": {u.name: {"groups": u.groups, "uid": u.uid, "shell": u.shell} for u in handler.user.userList},
        "groups": [g.name for g in handler.group.groupList],
        "network": network,
        "packages": sorted(handler.packages.packageList)
        + ["@" + g.name for g in handler.packages.groupList]
        + ["@^" + str(handler.packages.environment)],
        "scripts": [s.script for s in handler.scripts],
        "shapes": [shape(s.script) for s in handler.scripts],
    }
    return told, facts


def shape(script):
    """A script without what differs from node to node and says nothing to a linter: names, marks of disks, sizes."""
    script = re.sub(r"\bt[yd]-[0-9a-f]{9}\b", "ty-000000000", script)
    script = re.sub(r"\bw[0-9]\b", "w1", script)
    return re.sub(r"\b(size=|lab-|10\.77\.)[0-9a-z.]+", r"\g<1>1", script)


def user_data(path):
    """What cloud-init says of user-data, and what is in it."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    data = yaml.safe_load(text)
    told = [] if text.startswith("#cloud-config\n") else ["no #cloud-config"]
    try:
        schema.validate_cloudconfig_schema(data, schema=SCHEMA, strict=True, log_deprecations=False)
    except schema.SchemaValidationError as error:
        told.append(str(error))
    return told, data


def content_of(file):
    """What is in a file of user-data."""
    if file.get("encoding") == "b64":
        return base64.b64decode(file["content"]).decode()
    return file["content"]


def manifest(files, stage):
    """The lines of a stage's manifest, by keyword."""
    lines = {}
    for line in files.get(f"/etc/trainyard/stages/{stage}/manifest", "").splitlines():
        key, _, rest = line.partition(" ")
        lines.setdefault(key, []).append(rest)
    return lines


def pre_hooks(scripts):
    """The hooks that the installer runs, as bash puts them: name and script."""
    found = {}
    for script in scripts:
        _, begin, commands = script.partition("\nexport TRAINYARD_LAB=")
        if begin:
            reader = "put() { printf '%s\\0' \"$2\"; cat; printf '\\0'; }\nhook() { :; }\n: "
            done = subprocess.run(["bash", "-c", reader + commands], capture_output=True, check=True)
            words = done.stdout.decode().split("\0")
            found.update({os.path.basename(p)[:-3]: text for p, text in zip(words[::2], words[1::2])})
    return found


def repositories(text):
    """yum's configuration, which is an INI file of Python's."""
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",))
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def proxy(script):
    """What people who log in have."""
    words = shlex.split(script, comments=True)
    return dict(word.split("=", 1) for word in words if "=" in word)


def node(folder):
    """Everything of one node."""
    told, facts = kickstart(os.path.join(folder, "ks.cfg"))
    more, data = user_data(os.path.join(folder, "user-data"))
    files = {f["path"]: content_of(f) for f in data["write_files"]}
    with open(os.path.join(folder, "network-config"), encoding="utf-8") as file:
        network = yaml.safe_load(file)
    with open(os.path.join(folder, "meta-data"), encoding="utf-8") as file:
        meta = yaml.safe_load(file)
    environment = dict(
        line.split("=", 1) for line in files["/etc/trainyard/node.env"].splitlines()
    )
    stages = files["/etc/trainyard/stages/order"].split()
    ifcfg = {}
    prefix = "/etc/trainyard/stages/host-network/files/etc/sysconfig/network-scripts/ifcfg-"
    for path, content in files.items():
        if path.startswith(prefix):
            values = (word.split("=", 1) for word in shlex.split(content, comments=True))
            ifcfg[path[len(prefix):]] = dict(values)
    of_repositories = "/etc/trainyard/stages/repositories/files"
    return {
        "told": told + more,
        "kickstart": facts,
        "user_data": {key: value for key, value in data.items() if key != "write_files"},
        "files": files,
        "network_config": network,
        "meta_data": meta,
        "environment": environment,
        "stages": {stage: manifest(files, stage) for stage in stages},
        "ifcfg": ifcfg,
        "pre_hooks": pre_hooks(facts["scripts"]),
        "repositories": repositories(files.get(of_repositories + "/etc/trainyard/pinned.repo", "")),
        "proxy": proxy(files.get(of_repositories + "/etc/profile.d/trainyard-proxy.sh", "")),
    }


json.dump([node(folder) for folder in sys.argv[1:]], sys.stdout)
