"""What is asked: it prints as the real one does."""
import os
import sys

from keep import S, machine, syntax, users


def list_(words):
    long = words[0] in ("-l", "--long")
    what = words[1 if long else 0]
    if what == "vms":
        for uuid, vm in S["vms"].items():
            print('"%s" {%s}' % ("<inaccessible>" if vm.get("inaccessible") else vm["name"], uuid))
    elif what in ("hdds", "dvds"):
        kind = {"hdds": "disk", "dvds": "dvd"}[what]
        for uuid, medium in S["media"].items():
            if medium["kind"] != kind:
                continue
            there = os.path.exists(medium["path"])
            print("UUID:           %s" % uuid)
            print("Parent UUID:    %s" % medium.get("parent", "base"))
            print("State:          %s" % ("created" if there else "inaccessible"))
            print("Type:           normal (base)" if kind == "disk" else "Type:           readonly")
            print("Location:       %s" % medium["path"])
            print("Storage format: %s" % ("VDI" if kind == "disk" else "RAW"))
            print("Capacity:       %d MBytes" % medium["size"])
            if long:
                print("Size on disk:   2 MBytes")
            print("Encryption:     disabled")
            if long:
                print("Property:       AllocationBlockSize=1048576")
                head = "In use by VMs:  "
                for user in users(uuid):
                    print("%s%s (UUID: %s)" % (head, S["vms"][user]["name"], user))
                    head = " " * 16
            print()
    elif what in ("bridgedifs", "hostonlyifs"):
        for it in S["bridged"] if what == "bridgedifs" else S["hostonly"]:
            print("Name:            %s" % it["name"])
            print("GUID:            786f6276-656e-4074-8000-0a0027000000")
            print("DHCP:            Disabled")
            print("IPAddress:       %s" % it["ip"])
            print("NetworkMask:     %s" % it["mask"])
            print("IPV6Address:     ")
            print("IPV6NetworkMaskPrefixLength: 0")
            print("HardwareAddress: 0a:00:27:00:00:00")
            print("MediumType:      Ethernet")
            print("Wireless:        %s" % ("Yes" if it.get("wireless") else "No"))
            print("Status:          %s" % it.get("status", "Up"))
            print("VBoxNetworkName: HostInterfaceNetworking-%s\n" % it["name"])
    elif what == "hostinfo":
        print("Host Information:\n\nHost time: 2026-01-01T00:00:00.000000000Z\nProcessor online count: 8\nProcessor count: 8")
        print("Processor supports HW virtualization: %s" % S["host"]["hwvirt"])
        print("Processor supports nested paging: yes")
        print("Processor supports nested HW virtualization: %s" % S["host"]["nested"])
        print("Memory size: %d MByte\nMemory available: %d MByte" % (S["host"]["memory"], S["host"]["free"]))
    else:
        syntax("Unknown subcommand \"%s\"." % what)


def quote(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def showvminfo(words):
    uuid, vm = machine(words[0])
    readable = "--machinereadable" in words
    if vm.get("inaccessible"):
        if readable:
            print('name="<inaccessible>"\nUUID="%s"' % uuid)
        else:
            print("Name:            <inaccessible!>\nUUID:            %s\nConfig file:     %s\nAccess error details:" % (uuid, vm["file"]))
            sys.stderr.write("VBoxManage: error: Runtime error opening '%s' for reading: -102 (File not found.)\n" % vm["file"])
        return
    if not readable:
        print("Name:                        %s" % vm["name"])
        return
    def show(key, value):
        print("%s=%s" % (key, quote(value)))
    show("name", vm["name"])
    show("groups", "/")
    show("ostype", "Red Hat (64-bit)")
    show("UUID", uuid)
    show("CfgFile", vm["file"])
    for key in ("memory", "cpus"):
        if key in vm["settings"]:
            print("%s=%s" % (key, vm["settings"][key]))
    show("VMState", vm["state"])
    show("VMStateChangeTime", "2026-01-01T00:00:00.000000000")
    for at, (name, ports) in enumerate(sorted(vm["controllers"].items())):
        show("storagecontrollername%d" % at, name)
        show("storagecontrollertype%d" % at, "IntelAhci")
    for name, ports in sorted(vm["controllers"].items()):
        for port in range(ports):
            key = "%s-%d-0" % (name, port)
            medium = vm["ports"].get(key, "none")
            path = S["media"][medium]["path"] if medium in S["media"] else medium
            print('"%s"=%s' % (key, quote(path)))
            if medium in S["media"]:
                print('"%s-ImageUUID-%d-0"=%s' % (name, port, quote(medium)))
    for number in range(1, 9):
        if "nat-network%d" % number in vm["settings"]:
            show("nat-network%d" % number, vm["settings"]["nat-network%d" % number])
        if vm["settings"].get("nic%d" % number) == "hostonly":
            show("hostonlyadapter%d" % number, vm["settings"]["hostonlyadapter%d" % number])
        show("nic%d" % number, vm["settings"].get("nic%d" % number, "none"))
    if vm["session"]:
        show("SessionName", vm["session"])


def getextradata(words):
    data = S["extradata"] if words[0] == "global" else machine(words[0])[1]["extradata"]
    if len(words) < 2 or words[1] == "enumerate":
        for key, value in data.items():
            print("Key: %s, Value: %s" % (key, value))
    elif words[1] in data:
        print("Value: %s" % data[words[1]])
    else:
        print("No value set!")
