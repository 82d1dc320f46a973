"""A node as its kickstart makes it. Commands are read by pykickstart with the grammar of RHEL 7, scripts are run by bash.

Running a script calls no program: bash hands each one that it does not have itself to a function that notes it. What a quoted
here-document holds is taken as it stands, which is what bash does with it; tests/common/installed.rs runs the same scripts with
real programs.
"""

import os
import re
import shlex
import subprocess
import tempfile
import warnings

from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from system import PASSWORDS, RUNNER, System

SECTION = re.compile(r"^%(?:pre|post|onerror)\b.*\n(?:.*\n)*?%end\n", re.M)
TEXT = re.compile(r"^put (?P<words>.*) <<'(?P<end>[^']+)'\n(?P<text>(?:.*\n)*?)(?P=end)\n", re.M)
PUT = re.compile(r"^put\(\) \{\n(?:.*\n)*?\}\n", re.M)
STOP = re.compile(r"^stop\(\) \{\n(?:.*\n)*?\}\n", re.M)
# Where a script looks, reads and writes by itself.
OWN = re.compile(r"((?:^|\s)\[ -\w |[<>] ?)(/(?!dev/null)[\w./-]*)", re.M)

# Commands of the installation itself: what they say is over when the node has been installed.
ACTS = {"cdrom", "cmdline", "eula", "firstboot", "reboot", "skipx"}
# Names that pykickstart knows the same command by.
SAME = {"auth": "authconfig", "graphical": "", "text": "", "halt": "", "poweroff": "", "shutdown": ""}

PRELUDE = f"""
PATH=/nowhere
note() {{ printf '%s\\0' "$#" "$@" >&3; }}
command_not_found_handle() {{ note "$@"; }}
{RUNNER}() {{ note {RUNNER} "$@"; note attempts "${{TRAINYARD_ATTEMPTS-}}" "${{TRAINYARD_REBOOT-}}"; }}
umask() {{ note umask "$@"; builtin umask "$@"; }}
ssh-keygen() {{ [ "$1 $2" = '-y -f' ] && printf 'public half of %s' "$3"; }}
text() {{ note text "$@"; }}
put() {{ local text=; IFS= read -r -d '' text || :; note put "$1" "$2" "$text"; }}
stop() {{ note stop "$@"; exit 9; }}
"""


def commands(text, system):
    """What the commands say: all of a kickstart but its scripts."""
    handler = makeVersion("RHEL7")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        KickstartParser(handler, followIncludes=False, errorsAreFatal=True).readKickstartFromString(text)
    seen = {SAME.get(name, name) for name, c in handler.commands.items() if getattr(c, "seen", False)} - {""}
    seen -= {name for name in ("reboot", "cmdline") if f"\n{name}" not in text}
    for name in sorted(seen & ACTS):
        system.say(f"installation {name}")
    for name in sorted(seen - ACTS - set(READERS)):
        system.say(f"kickstart command {name}")
    for name, reader in READERS.items():
        if name in seen or name == "user" and handler.user.userList:
            reader(handler, system)
    for line in re.findall(r"^%include .*$", text, re.M):
        system.say(f"installation {line}")
    for line in re.findall(r"^%addon .*$", text, re.M):
        system.say(f"installer's {line}")
    for name in handler.packages.packageList:
        system.say(f"package {name}")
    for group in handler.packages.groupList:
        system.say(f"package @{group.name}")
    if handler.packages.environment:
        system.say(f"package @^{handler.packages.environment}")


def keyboard(handler, system):
    system.say("keyboard", handler.keyboard.keyboard or handler.keyboard._keyboard)


def timezone(handler, system):
    system.say("time zone", handler.timezone.timezone)
    if handler.timezone.isUtc:
        system.say("hardware clock", "UTC")


def rootpw(handler, system):
    said = handler.rootpw
    system.say("user root: password", "locked" if said.lock else said.password)
    if not said.lock and not said.isCrypted:
        system.say("user root: password in plain text")


def users(handler, system):
    for user in handler.user.userList:
        system.say(f"user {user.name}: password", user.password if user.isCrypted else "in plain text")
        for group in user.groups:
            system.say(f"user {user.name}: group {group}")
        for key in ("uid", "gid", "shell", "homedir", "gecos", "lock"):
            if getattr(user, key):
                system.say(f"user {user.name}: {key}", str(getattr(user, key)))


def firewall(handler, system):
    said = handler.firewall
    system.say("service firewalld.service", "enable" if said.enabled else "disable")
    for service in [*said.services, *said.ports, *said.trusts]:
        system.say(f"firewall lets {service} in")


def network(handler, system):
    for one in handler.network.network:
        if one.hostname:
            system.say("host name", one.hostname)
        if one.device:
            system.say(f"installation network {one.device}")


READERS = {
    "authconfig": lambda h, s: s.say("installer's auth", h.authconfig.authconfig.strip()),
    "firewall": firewall,
    "keyboard": keyboard,
    "lang": lambda h, s: s.say("language", h.lang.lang),
    "network": network,
    "rootpw": rootpw,
    "selinux": lambda h, s: s.say("SELinux", ["disabled", "enforcing", "permissive"][h.selinux.selinux]),
    "timezone": timezone,
    "user": users,
}


def run(header, script, root, system):
    """Runs a `%post`, and follows what it does."""
    texts = []

    def cut(found):
        texts.append(found["text"])
        return f"text {found['words']} {len(texts) - 1}\n"

    script = TEXT.sub(cut, script)
    script = STOP.sub("", PUT.sub("", script))
    script = OWN.sub(lambda found: f"{found[1]}{root}{found[2]}", script)
    reading, writing = os.pipe()
    done = subprocess.Popen(
        ["bash", "-c", f"exec 3>&{writing}\n{PRELUDE}{script}"],
        pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", newline="") as pipe:
        words = pipe.read().split("\0")[:-1]
    told = done.stderr.read()
    if done.wait() or told:
        raise ValueError(f"{header}: {words[-9:]} {told}")
    while words:
        count = int(words[0])
        follow(words[1 : 1 + count], texts, root, system)
        words = words[1 + count :]


def inside(path, root):
    """A path of the new system."""
    return path.replace(root, "").removeprefix("/mnt/sysimage")


def follow(words, texts, root, system):
    words = [inside(word, root) for word in words[:3]] + [word.replace(root, "") for word in words[3:]]
    if words[0] == "umask":
        system.umask = int(words[1], 8)
    elif words[0] == "text":
        system.write(words[2], words[1], texts[int(words[3])])
    elif words[0] == "put":
        system.write(words[2], words[1], words[3])
    elif words[0] == "attempts":
        if words[1:] != ["", ""]:
            system.say("stages before the first boot: attempts, reboot", " ".join(words[1:]))
    elif words[0] == "cat" and words[1].startswith("/root/"):
        pass  # into the log
    elif words[0] == "sed":
        pass  # the copy of the kickstart that is kept: a file
    else:
        system.run(words)


def hooks(script, system):
    """The lab's own hooks, which run before the disks are divided."""
    for found in TEXT.finditer(script):
        system.say(f"hook before the installation {shlex.split(found['words'])[1]}", found["text"])
    for found in re.finditer(r"^put (\S+) (\S+) < <\(printf", script, re.M):
        system.say(f"hook before the installation {found[2]}")


def read(path):
    """All that a kickstart says of a node."""
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    system = System(umask=0o022)
    sections = SECTION.findall(text)
    commands(SECTION.sub("", text), system)
    with tempfile.TemporaryDirectory() as root:
        for folder in ("root", "etc/trainyard", "mnt/sysimage/etc/trainyard", "run/install", "tmp", "home"):
            os.makedirs(os.path.join(root, folder))
        given = {"run/install/ks.cfg": "", "tmp/trainyard-data-disk": "the disk that was found\n"}
        for name, content in given.items():
            with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                file.write(content)
        for section in sections:
            header, _, body = section.partition("\n")
            body = body.removesuffix("%end\n")
            kind = header.split()[0]
            if kind == "%post":
                run(header, body, root, system)
            elif "--log=/tmp/trainyard-guard.log" in header:
                storage(body, system)
            elif "--log=/tmp/trainyard-hooks.log" in header:
                hooks(body, system)
            else:
                system.say(f"installation script {header}")
        for folder, _, names in os.walk(root):
            for name in names:
                written = os.path.join(folder, name)[len(root) + 1 :]
                if written not in given:
                    system.say("installer's file " + inside("/" + written, root))
    # What openssh-server of CentOS 7 brings, and what its sshd-keygen makes where there is none.
    system.say(PASSWORDS, "yes")
    if not any(path.startswith("/etc/ssh/ssh_host_") for path in system.files):
        system.say("host keys that the node makes", "ecdsa ed25519 rsa")
    return system


def storage(script, system):
    """The commands that the wipe guard writes, as far as they are not about the node's disks."""
    text = re.search(r'^cat > "\$commands\.new" << END\n((?:.*\n)*?)END\n', script, re.M)[1]
    for line in text.splitlines():
        words = shlex.split(line)
        if not words:
            continue
        if words[0] == "bootloader":
            append = [w.removeprefix("--append=") for w in words if w.startswith("--append=")]
            for argument in " ".join(append).split():
                system.say(f"kernel argument {argument}", "added")
        system.say(f"disk {words[0]} {words[1] if len(words) > 1 else ''}".rstrip())
