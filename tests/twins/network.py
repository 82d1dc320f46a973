"""Interfaces, as files of CentOS 7 say them: those that a stage brings, and those that cloud-init makes of a network-config."""

import ipaddress
import os
import shlex
import tempfile

import yaml
from cloudinit import distros
from cloudinit.net import network_state, sysconfig

FOLDER = "/etc/sysconfig/network-scripts/"
OF_STAGE = "/etc/trainyard/stages/host-network/files" + FOLDER
# It writes all that it knows into its log after each interface, which takes longer than everything else.
network_state.NetworkStateInterpreter.dump_network_state = lambda self: ""
CONFIG = distros.fetch("rhel")("rhel", {}, None).renderer_configs["sysconfig"]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def interfaces(files, system):
    """What interface files say, as facts."""
    for name, text in files.items():
        kind, _, interface = name.partition("-")
        if kind == "ifcfg":
            keys = dict(word.split("=", 1) for word in shlex.split(text, comments=True))
            which = f"interface {interface}"
            which += ", a VLAN" if keys.get("VLAN") == "yes" else ""
            which += ", by DHCP" if keys.get("BOOTPROTO") == "dhcp" else ""
            for key, value in (one for key in keys for one in said(key, keys[key])):
                system.say(f"{which}: {key}", value)
        else:
            for route in routes(kind, text):
                system.say(f"interface {interface}: route {route}")


def said(key, value):
    """A key in one form, where there are several that mean the same."""
    if key == "NETMASK":
        yield "PREFIX", str(ipaddress.ip_network(f"0.0.0.0/{value}").prefixlen)
    elif key == "BONDING_OPTS":
        for option in value.split():
            yield f"bond option {option}", "yes"
    else:
        yield key, value


def routes(kind, text):
    """Routes of a file of either form: `TO via GATEWAY dev NAME`, or ADDRESS0, NETMASK0, GATEWAY0."""
    keys = {}
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if "via" in words:
            yield f"{ipaddress.ip_network(words[0])} via {words[words.index('via') + 1]}"
        else:
            key, _, value = line.partition("=")
            keys[key] = value
    for key in keys:
        if key.startswith("ADDRESS"):
            number = key.removeprefix("ADDRESS")
            to = ipaddress.ip_network(f"{keys[key]}/{keys['NETMASK' + number]}")
            yield f"{to} via {keys['GATEWAY' + number]}"


def of_stage(system):
    """The interface files that are in place before the first boot."""
    found = {p.removeprefix(OF_STAGE): f[2] for p, f in system.files.items() if p.startswith(OF_STAGE)}
    interfaces(found, system)


def of_cloud_init(path, system):
    """The interface files that cloud-init makes, until the stage's are in place; it looks for ports by their addresses."""
    with open(path, encoding="utf-8") as file:
        config = yaml.load(file.read(), Loader=LOADER)
    with tempfile.TemporaryDirectory() as folder:
        # What `cloud-init devel net-convert -D rhel -O sysconfig` does.
        renderer = sysconfig.Renderer(config=CONFIG)
        state = network_state.parse_net_config_data(config, renderer=renderer)
        renderer.render_network_state(network_state=state, target=folder + "/")
        found = {}
        for parent, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(parent, name), encoding="utf-8") as file:
                    text = file.read()
                if parent.endswith(FOLDER.rstrip("/")):
                    found[name] = text
                else:
                    system.say(f"cloud-init's file {os.path.join(parent, name)[len(folder):]}")
    interfaces(found, system)
