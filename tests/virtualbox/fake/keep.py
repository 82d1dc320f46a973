"""What there is, and how it changes."""
import json
import os
import re
import signal
import sys

HOME = os.environ["FAKE_VBOX"]
STATE = os.path.join(HOME, "state.json")
WHEN = None


def fail(text):
    sys.stderr.write("VBoxManage: error: %s\n" % text)
    sys.exit(1)


def fail_locked(text, component):
    fail("%s\nVBoxManage: error: Details: code VBOX_E_INVALID_OBJECT_STATE (0x80bb0007), component %s, interface IMachine, callee nsISupports" % (text, component))


def syntax(text):
    sys.stderr.write("VBoxManage: error: %s\nUsage: VBoxManage ...\n" % text)
    sys.exit(2)


def read(name, default=None):
    try:
        with open(os.path.join(HOME, name)) as f:
            return f.read()
    except FileNotFoundError:
        return default


def write(name, text):
    path = os.path.join(HOME, name)
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


S = json.loads(read("state.json"))


def save():
    write("state.json", json.dumps(S, indent=1, sort_keys=True))


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def changes():
    """Counts a command that changes something, and dies where it was told to."""
    global WHEN
    count = int(read("count", "0")) + 1
    write("count", str(count))
    with open(os.path.join(HOME, "log"), "a") as f:
        f.write("\x1f".join(sys.argv[1:]) + "\n")
    told = read("die")
    if told:
        number, when = told.split()
        if int(number) == count:
            WHEN = when
    if WHEN == "before":
        die()


def middle():
    """What was done up to here stays, and nothing more is done."""
    if WHEN == "middle":
        save()
        die()


def end():
    save()
    if WHEN in ("middle", "after"):
        die()
    sys.exit(0)


def new_uuid():
    S["last"] += 1
    return "00000000-0000-4000-8000-%012x" % S["last"]


def at_least(*numbers):
    return tuple(int(n) for n in re.match(r"(\d+)\.(\d+)\.(\d+)", S["version"]).groups()) >= numbers


def options(words, known):
    """--name value pairs; `known` has each name with how many values it takes. Unknown ones are refused."""
    found, words = [], list(words)
    while words:
        word = words.pop(0)
        plain = re.sub(r"(?<=[a-z])\d$", "#", word)
        if word in known:
            count = known[word]
        elif plain in known:
            count = known[plain]
        else:
            syntax("Unknown option: %s" % word if word.startswith("-") else "Invalid parameter '%s'" % word)
        if plain == "--uartmode#" and words[:1] in (["file"], ["server"], ["client"]):
            count = 2
        if len(words) < count:
            syntax("Missing argument: %s" % word)
        found.append((word, words[:count]))
        del words[:count]
    return found


def machine(name):
    for uuid, vm in S["vms"].items():
        if name == uuid or (name == vm["name"] and not vm.get("inaccessible")):
            return uuid, vm
    fail("Could not find a registered machine named '%s'" % name)


def locked(vm):
    """Whether somebody holds it; one that was just stopped is let go of after a while."""
    if vm.get("letting_go", 0) > 0:
        vm["letting_go"] -= 1
        save()
        return True
    return vm["session"] != ""


def lock(uuid, vm):
    if locked(vm):
        fail_locked("The machine '%s' is already locked for a session (or being unlocked)" % vm["name"], "MachineWrap")


def medium_at(path):
    for uuid, medium in S["media"].items():
        if path in (uuid, medium["path"]):
            return uuid
    return None


def users(medium):
    return [u for u, vm in S["vms"].items() if medium in vm["ports"].values() or medium in vm.get("in_snapshots", [])]
