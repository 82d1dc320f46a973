"""What is told of machines and media, and what the real one refuses."""
import os
import shutil
import sys

from keep import S, at_least, changes, fail, fail_locked, lock, locked, machine, medium_at, middle, new_uuid, options, read, syntax, users


def setextradata(words):
    changes()
    data = S["extradata"] if words[0] == "global" else machine(words[0])[1]["extradata"]
    if len(words) < 3:
        data.pop(words[1], None)
    else:
        data[words[1]] = words[2]


def createvm(words):
    changes()
    known = {"--name": 1, "--ostype": 1, "--basefolder": 1, "--register": 0}
    if at_least(7, 1, 0):
        known["--platform-architecture"] = 1
    told = dict((k, v[0] if v else True) for k, v in options(words, known))
    file = os.path.join(told["--basefolder"], told["--name"], told["--name"] + ".vbox")
    if any(vm["name"] == told["--name"] for vm in S["vms"].values()) or os.path.exists(file):
        fail("Machine settings file '%s' already exists" % file)
    os.makedirs(os.path.dirname(file))
    with open(file, "w") as f:
        f.write("<VirtualBox/>\n")
    middle()
    uuid = new_uuid()
    S["vms"][uuid] = {"name": told["--name"], "file": file, "settings": {}, "extradata": {}, "controllers": {}, "ports": {},
                      "state": "poweroff", "session": "", "snapshots": []}
    print("Virtual machine '%s' is created and registered.\nUUID: %s\nSettings file: '%s'" % (told["--name"], uuid, file))


MODIFY = dict((name, 1) for name in (
    "--name --memory --cpus --ioapic --rtcuseutc --firmware --graphicscontroller --vram --boot# --uart# --uartmode# --nested-hw-virt"
    " --hardwareuuid --system-uuid-le --nic# --nat-network# --bridgeadapter# --hostonlyadapter# --nictype# --macaddress# --cableconnected# --nicpromisc#"
).split())
MODIFY["--uart#"] = 2


def modifyvm(words):
    changes()
    uuid, vm = machine(words[0])
    lock(uuid, vm)
    for option, values in options(words[1:], MODIFY):
        vm["settings"][option[2:]] = " ".join(values)
        if option.startswith("--bridgeadapter") and not any(it["name"] == values[0] for it in S["bridged"]):
            fail("Nonexistent host networking interface, name '%s' (VERR_INTERNAL_ERROR)" % values[0])
        if option.startswith("--hostonlyadapter") and not any(it["name"] == values[0] for it in S["hostonly"]):
            fail("Nonexistent host networking interface, name '%s'" % values[0])


def storagectl(words):
    changes()
    uuid, vm = machine(words[0])
    lock(uuid, vm)
    known = {"--name": 1, "--add": 1, "--controller": 1, "--portcount": 1, "--bootable": 1}
    told = dict((k, v[0]) for k, v in options(words[1:], known))
    if told["--name"] in vm["controllers"]:
        fail("Storage controller named '%s' already exists" % told["--name"])
    vm["controllers"][told["--name"]] = int(told["--portcount"])


def storageattach(words):
    changes()
    uuid, vm = machine(words[0])
    known = {"--storagectl": 1, "--port": 1, "--device": 1, "--type": 1, "--medium": 1, "--forceunmount": 0}
    told = dict((k, v[0] if v else True) for k, v in options(words[1:], known))
    runs = vm["state"] in ("running", "paused")
    medium = told["--medium"]
    if runs:
        if medium != "emptydrive":
            fail("The machine is not mutable (state is Running)")
    else:
        lock(uuid, vm)
    if told["--storagectl"] not in vm["controllers"]:
        fail("Could not find a controller named '%s'" % told["--storagectl"])
    if int(told["--port"]) >= vm["controllers"][told["--storagectl"]]:
        fail("The port and/or device parameter are out of range: port=%s (must be in range [0, %d])" % (told["--port"], vm["controllers"][told["--storagectl"]] - 1))
    key = "%s-%s-%s" % (told["--storagectl"], told["--port"], told["--device"])
    if medium == "none":
        vm["ports"].pop(key, None)
        return
    if medium == "emptydrive":
        vm["ports"][key] = "emptydrive"
        return
    if key in vm["ports"] and vm["ports"][key] != "emptydrive":
        fail("Medium is already attached to port %s, device 0 of this virtual machine" % told["--port"])
    kind = {"hdd": "disk", "dvddrive": "dvd"}[told["--type"]]
    uuid_of = medium_at(medium)
    if not os.path.exists(S["media"][uuid_of]["path"] if uuid_of else medium):
        fail("Could not find file for the medium '%s' (VERR_FILE_NOT_FOUND)" % medium)
    if uuid_of is None:
        uuid_of = new_uuid()
        S["media"][uuid_of] = {"kind": kind, "path": medium, "size": 0}
    if kind == "disk" and users(uuid_of):
        fail("Medium '%s' is already attached to another virtual machine" % medium)
    vm["ports"][key] = uuid_of


def createmedium(words):
    changes()
    if words[0] != "disk":
        syntax("Invalid parameter")
    told = dict((k, v[0]) for k, v in options(words[1:], {"--filename": 1, "--size": 1, "--format": 1}))
    path = told["--filename"]
    if os.path.exists(path) or medium_at(path):
        fail("Failed to create medium\nVBoxManage: error: Cannot register the hard disk '%s' because it already exists (VERR_ALREADY_EXISTS)" % path)
    with open(path, "w") as f:
        f.write("VDI\n")
    middle()
    uuid = new_uuid()
    S["media"][uuid] = {"kind": "disk", "path": path, "size": int(told["--size"])}
    print("Medium created. UUID: %s" % uuid)


def closemedium(words):
    changes()
    uuid = medium_at(words[1])
    if uuid is None or S["media"][uuid]["kind"] != words[0]:
        fail("Could not find file for the medium '%s' (VERR_FILE_NOT_FOUND)" % words[1])
    if users(uuid):
        fail("Medium '%s' cannot be closed because it is still attached to %d virtual machines" % (S["media"][uuid]["path"], len(users(uuid))))
    if any(medium.get("parent") == uuid for medium in S["media"].values()):
        fail("Medium '%s' cannot be closed because it has 1 child media" % S["media"][uuid]["path"])
    del S["media"][uuid]


def unregistervm(words):
    changes()
    uuid, vm = machine(words[0])
    if words[1:]:
        for option in words[1:]:
            if option not in ("--delete", "--delete-all"):
                syntax("unknown option: %s" % option)
    if locked(vm):
        fail_locked("Cannot unregister the machine '%s' while it is locked" % vm["name"], "MachineWrap")
    media = [m for m in vm["ports"].values() if m in S["media"]]
    del S["vms"][uuid]
    middle()
    for medium in media:
        if users(medium) or S["media"][medium]["kind"] == "dvd":
            continue
        if "--delete" in words and os.path.exists(S["media"][medium]["path"]):
            os.unlink(S["media"][medium]["path"])
        del S["media"][medium]
    if "--delete" in words:
        shutil.rmtree(os.path.dirname(vm["file"]), ignore_errors=True)


def startvm(words):
    changes()
    uuid, vm = machine(words[0])
    options(words[1:], {"--type": 1})
    lock(uuid, vm)
    for medium in vm["ports"].values():
        if medium in S["media"] and not os.path.exists(S["media"][medium]["path"]):
            fail("Could not open the medium '%s'" % S["media"][medium]["path"])
    for key, name in vm["settings"].items():
        if key.startswith("nat-network") and name not in S["natnets"]:
            fail("Failed to find NAT network '%s'" % name)
    vm["state"], vm["session"] = "running", "headless"
    print('Waiting for VM "%s" to power on...\nVM "%s" has been successfully started.' % (vm["name"], vm["name"]))


def controlvm(words):
    uuid, vm = machine(words[0])
    if vm["state"] not in ("running", "paused", "gurumeditation"):
        fail("Machine '%s' is not currently running." % vm["name"])
    changes()
    if words[1] in ("poweroff", "acpipowerbutton"):
        if words[1] == "acpipowerbutton" and vm["state"] != "running":
            fail("Invalid machine state: %s" % vm["state"])
        vm["state"], vm["session"] = "poweroff", ""
        vm["letting_go"] = int(read("slow", "0"))
    elif words[1] == "resume":
        if vm["state"] != "paused":
            fail("Cannot resume the machine as it is not paused")
        vm["state"] = "running"
    elif words[1] == "screenshotpng":
        with open(words[2], "wb") as f:
            f.write(b"\x89PNG\r\n\x1a\n")
    else:
        syntax("Invalid parameter '%s'" % words[1])


def snapshot(words):
    uuid, vm = machine(words[0])
    if words[1] == "list":
        if not vm["snapshots"]:
            print("This machine does not have any snapshots")
            sys.exit(1)
        for depth, (id, name) in enumerate(vm["snapshots"]):
            print('SnapshotName%s="%s"\nSnapshotUUID%s="%s"' % ("-1" * depth, name, "-1" * depth, id))
        print('CurrentSnapshotName="%s"' % vm["snapshots"][-1][1])
        return
    changes()
    if words[1] == "take":
        vm["snapshots"].append([new_uuid(), words[2]])
        return
    found = [s for s in vm["snapshots"] if words[2] in s]
    if not found:
        fail("Could not find a snapshot named '%s'" % words[2])
    if words[1] == "delete":
        vm["snapshots"].remove(found[0])
    elif words[1] == "restore":
        lock(uuid, vm)
        vm["restored"] = found[0][1]
