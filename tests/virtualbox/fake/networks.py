"""The same of networks."""
import re
import sys

from keep import S, changes, fail, middle, options, syntax


def rule(text):
    if not re.match(r"^[^:]{1,63}:(tcp|udp):\[[\d.]*\]:\d+:\[[\d.]+\]:\d+$", text):
        syntax("Invalid port-forward rule %s" % text)
    return text


def natnetwork(words):
    if words[0] == "list":
        print("NAT Networks:\n")
        for name, net in S["natnets"].items():
            print("Name:         %s\nEnabled:      %s\nNetwork:      %s\nGateway:      %s" % (name, "Yes" if net["enabled"] else "No", net["network"], "10.0.0.1"))
            print("DHCP Server:  %s\nIPv6:         No\nIPv6 Prefix:  fd17:625c:f037:2::/64\nIPv6 Default: No" % ("Yes" if net["dhcp"] else "No"))
            if net["forwards"]:
                print("Port-forwarding (ipv4)")
            for forward in net["forwards"]:
                print("        %s" % forward)
            print("loopback mappings (ipv4)\n        127.0.0.1=2\n")
        print("%d networks found" % len(S["natnets"]))
        sys.exit(0)
    changes()
    known = {"--netname": 1}
    if words[0] in ("add", "modify"):
        known.update({"--network": 1, "--dhcp": 1, "--enable": 0, "--port-forward-4": 1})
    # `--port-forward-4 delete NAME` is three words.
    told, words_ = [], list(words[1:])
    while words_:
        count = 3 if words_[:2] == ["--port-forward-4", "delete"] else None
        if count:
            told.append(("delete", words_[2]))
            del words_[:3]
            continue
        take = known.get(words_[0])
        if take is None:
            syntax("Unknown option: %s" % words_[0])
        told.append((words_[0], words_[1] if take else True))
        del words_[:1 + take]
    name = dict(told)["--netname"]
    if words[0] == "add":
        if name in S["natnets"]:
            fail("NATNetwork server already exists")
        S["natnets"][name] = {"network": "10.0.2.0/24", "dhcp": True, "enabled": False, "forwards": []}
        middle()
    elif name not in S["natnets"]:
        fail("NATNetwork server does not exist")
    net = S["natnets"][name]
    if words[0] == "remove":
        del S["natnets"][name]
        return
    for option, value in told:
        if option == "--network":
            net["network"] = value
        elif option == "--dhcp":
            if value not in ("on", "off"):
                syntax("Invalid value")
            net["dhcp"] = value == "on"
        elif option == "--enable":
            net["enabled"] = True
        elif option == "delete":
            if not any(f.split(":")[0] == value for f in net["forwards"]):
                fail("Failed to delete pf")
            net["forwards"] = [f for f in net["forwards"] if f.split(":")[0] != value]
        elif option == "--port-forward-4":
            rule(value)
            if any(f.split(":")[0] == value.split(":")[0] for f in net["forwards"]):
                fail("A NAT rule of this name already exists")
            net["forwards"].append(value)


def hostonlyif(words):
    changes()
    if words[0] == "create":
        names = [it["name"] for it in S["hostonly"]]
        name = next("vboxnet%d" % n for n in range(99) if "vboxnet%d" % n not in names)
        # As getDefaultIPv4Address in HostNetworkInterfaceImpl.cpp.
        S["hostonly"].append({"name": name, "ip": "192.168.%d.1" % (56 + int(name[7:])), "mask": "255.255.255.0"})
        print("Interface '%s' was successfully created" % name)
        return
    found = [it for it in S["hostonly"] if it["name"] == words[1]]
    if not found:
        fail("The host network interface named '%s' could not be found" % words[1])
    if words[0] == "remove":
        S["hostonly"].remove(found[0])
    else:
        told = dict((k, v[0]) for k, v in options(words[2:], {"--ip": 1, "--netmask": 1}))
        found[0]["ip"], found[0]["mask"] = told["--ip"], told["--netmask"]
