"""A node as its user-data makes it, read as cloud-init 19.4 reads it, whose modules come in this order: write-files,
set_hostname, users-groups, ssh; then locale, set-passwords, timezone, runcmd.

What its modules do with each key is taken from its source: `create_user` gives a password, a lock and keys to an account that
is there already as well, and makes the file of keys with mode 0600 in a folder with mode 0700.
"""

import base64

import yaml

from system import PASSWORDS, System

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def write_files(items, system):
    for item in items:
        content = item["content"]
        if item.get("encoding") == "b64":
            content = base64.b64decode(content).decode()
        owner, _, group = item.get("owner", "root:root").partition(":")
        if owner != group or set(item) - {"path", "content", "encoding", "owner", "permissions"}:
            system.say(f"user-data's file {item['path']}", str(sorted(item)))
        system.write(item["path"], item["permissions"], content, owner)


def users(items, system):
    for user in items:
        name = user["name"]
        password = user.get("hashed_passwd")
        if user.get("lock_passwd", True):
            password = "locked"
        system.say(f"user {name}: password", password or "none")
        for group in user.get("groups", "").split(","):
            if group:
                system.say(f"user {name}: group {group}")
        keys = user.get("ssh_authorized_keys")
        if keys:
            home = "/root" if name == "root" else f"/home/{name}"
            system.write(f"{home}/.ssh/authorized_keys", "0600", lines(keys), name, labelled=True)
            system.folders[f"{home}/.ssh"] = [0o700, name]
        for key in set(user) - {"name", "lock_passwd", "hashed_passwd", "groups", "ssh_authorized_keys"}:
            system.say(f"user {name}: {key}", str(user[key]))


def lines(keys):
    """19.4 makes a set of the keys: their order is none."""
    return "".join(f"{key}\n" for key in sorted(set(keys)))


def ssh_keys(keys, system):
    for name, content in keys.items():
        kind, _, half = name.partition("_")
        path = f"/etc/ssh/ssh_host_{kind}_key" + (".pub" if half == "public" else "")
        system.write(path, "0600", content, labelled=True)


def runcmd(items, system):
    for words in items:
        if not isinstance(words, list):
            system.say(f"command by a shell {words}")
        else:
            system.run(words)


def ssh_pwauth(value, system):
    system.say(PASSWORDS, "yes" if value else "no")


def held_back(data, system):
    """What 19.4 does by itself where it is not told to leave it, and what nothing does after a kickstart."""
    if data.get("disable_root", True):
        system.say("user root: a key only tells whom to log in as")
    if data.get("manage_etc_hosts", False):
        system.say("file /etc/hosts: cloud-init's own")
    if not data.get("ssh_deletekeys", True):
        system.say("file /etc/ssh/ssh_host_*: the image's own stay")
    if "ssh_keys" not in data:
        made = data.get("ssh_genkeytypes", ["rsa", "dsa", "ecdsa", "ed25519"])
        system.say("host keys that the node makes", " ".join(sorted(made)))
    if "fqdn" in data:
        system.say("host name", data["fqdn"])


# Keys of which only the absence says something else, above.
HOLD_BACK = {"disable_root", "fqdn", "manage_etc_hosts", "ssh_deletekeys", "ssh_genkeytypes"}

READERS = {
    "write_files": write_files,
    "hostname": lambda value, s: s.say("host name", value),
    "users": users,
    "ssh_keys": ssh_keys,
    "locale": lambda value, s: s.say("language", value),
    "ssh_pwauth": ssh_pwauth,
    "timezone": lambda value, s: s.say("time zone", value),
    "runcmd": runcmd,
}


def read(path):
    """All that user-data says of a node."""
    with open(path, encoding="utf-8", newline="") as file:
        data = yaml.load(file.read(), Loader=LOADER)
    # As the service of cloud-init has it.
    system = System(umask=0o022)
    for key, reader in READERS.items():
        if key in data:
            reader(data[key], system)
    held_back(data, system)
    for key in data.keys() - READERS.keys() - HOLD_BACK:
        system.say(f"user-data's key {key}", str(data[key]))
    return system
