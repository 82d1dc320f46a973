"""The interface files of a test host, and how an interface comes up by one."""

import glob
import ipaddress
import os
import subprocess

FOLDER = "/etc/sysconfig/network-scripts"


def files():
    """Name and keys of each interface file but the loopback's."""
    found = []
    for path in sorted(glob.glob(FOLDER + "/ifcfg-*")):
        keys = {}
        with open(path) as file:
            for line in file:
                key, sign, value = line.strip().partition("=")
                if sign and not key.startswith("#"):
                    keys[key] = value.strip("\"'")
        if keys.get("DEVICE") != "lo":
            found.append((keys.get("DEVICE") or path.rsplit("ifcfg-", 1)[1], keys))
    return found


def ip(*arguments, fails=False):
    done = subprocess.run(("ip",) + arguments, stderr=subprocess.PIPE, universal_newlines=True)
    if done.returncode and not fails:
        raise OSError("ip %s: %s" % (" ".join(arguments), done.stderr.strip()))


def is_there(name):
    return os.path.exists("/sys/class/net/" + name)


def has_carrier(name):
    try:
        with open("/sys/class/net/%s/carrier" % name) as file:
            return file.read().strip() == "1"
    except OSError:
        return False


def bring_up(name, keys):
    """The same for everything that reads these files."""
    if keys.get("TYPE", "Ethernet") != "Ethernet" or keys.get("BOOTPROTO", "none") not in ("none", "static", "dhcp"):
        raise OSError("a test host knows plain adapters only: %s" % name)
    if "MTU" in keys:
        ip("link", "set", name, "mtu", keys["MTU"])
    ip("link", "set", name, "up")
    if keys.get("BOOTPROTO") == "dhcp" and subprocess.call(("dhclient", "-1", "-q", name)):
        raise OSError("no address by DHCP: %s" % name)
    if "IPADDR" in keys:
        # cloud-init writes a mask.
        length = keys.get("PREFIX") or keys["NETMASK"]
        network = ipaddress.ip_interface("%s/%s" % (keys["IPADDR"], length))
        ip("address", "replace", network.with_prefixlen, "dev", name)
    if "IPV6ADDR" in keys:
        ip("-6", "address", "replace", keys["IPV6ADDR"], "dev", name)
    if "GATEWAY" in keys and keys.get("DEFROUTE") == "yes":
        ip("route", "replace", "default", "via", keys["GATEWAY"], "dev", name)
    routes = "%s/route-%s" % (FOLDER, name)
    if os.path.exists(routes):
        with open(routes) as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    ip("route", "replace", *line.split())
    servers = [keys[key] for key in sorted(keys) if key.startswith("DNS")]
    if servers:
        with open("/etc/resolv.conf.new", "w") as file:
            file.write("# Made by NetworkManager\n")
            if "DOMAIN" in keys:
                file.write("search %s\n" % keys["DOMAIN"])
            for server in servers:
                file.write("nameserver %s\n" % server)
        os.rename("/etc/resolv.conf.new", "/etc/resolv.conf")
