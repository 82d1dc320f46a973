"""What a spelling of a node leaves behind, and what commands make of it."""

import posixpath

# Folders that a fresh CentOS 7 has.
STOCK = {
    "/", "/etc", "/etc/profile.d", "/etc/ssh", "/etc/systemd/system", "/etc/sysconfig", "/home", "/root", "/tmp",
    "/usr/local/libexec", "/usr/local/sbin", "/var/lib", "/var/log",
}
RUNNER = "/usr/local/sbin/trainyard-node"
PASSWORDS = "sshd: PasswordAuthentication"
STAGES = "/etc/trainyard/stages/"


class System:
    """A node before its first boot: facts by their names, and files with folders."""

    def __init__(self, umask):
        self.umask = umask
        self.facts = {}
        self.files = {}
        self.folders = {}
        self.labelled = []
        self.count = 0

    def say(self, name, value="yes"):
        """Notes a fact; one that was there already is no second one."""
        known = self.facts.setdefault(name, value)
        if known != value:
            self.facts[name] = f"{known}, then {value}"

    def folder(self, path, mode=None):
        """Makes a folder, with those above it, as `mkdir -p` does."""
        if path in STOCK or posixpath.dirname(path) == "/home":
            return
        if path not in self.folders:
            self.folder(posixpath.dirname(path))
            self.folders[path] = [0o777 & ~self.umask, "root"]
        if mode is not None:
            self.folders[path][0] = mode

    def write(self, path, mode, content, owner="root", labelled=False):
        """Puts a file into its place."""
        self.folder(posixpath.dirname(path))
        self.files[path] = [int(mode, 8), owner, content]
        if labelled:
            self.labelled.append(path)

    def below(self, path):
        """A path and all that is known below it."""
        return [p for p in [*self.folders, *self.files] if p == path or p.startswith(path + "/")]

    def chmod(self, options, mode, paths):
        paths = [p for path in paths for p in (self.below(path) if "-R" in options else [path])]
        for path in paths:
            thing = self.folders.get(path) or self.files.get(path)
            if thing is None:
                self.say(f"command chmod of what is not there: {path}")
            elif mode == "go=":
                thing[0] &= 0o700
            else:
                thing[0] = int(mode, 8)

    def run(self, words):
        """What a command does; one that is not known is a fact by itself."""
        name, rest = words[0], words[1:]
        options = [w for w in rest if w.startswith("-")]
        plain = [w for w in rest if not w.startswith("-")]
        if name == "install" and rest[:2] == ["-d", "-m"]:
            for path in rest[3:]:
                self.folder(path, int(rest[2], 8))
        elif name == "chmod":
            self.chmod(options, plain[0], plain[1:])
        elif name == "chown":
            for path in plain[1:]:
                (self.folders.get(path) or self.files[path])[1] = plain[0].removesuffix(":")
        elif name == "restorecon":
            self.labelled += plain
        elif name == "systemctl" and rest[0] in ("enable", "disable", "mask"):
            for unit in plain[1:]:
                self.say(f"service {unit}", rest[0])
        elif name == "localectl" and rest[0] == "set-keymap":
            self.say("keyboard", rest[1])
        elif name == "usermod" and rest[:2] == ["-a", "-G"]:
            self.say(f"user {rest[3]}: group {rest[2]}")
        elif name == "grubby" and rest[0] == "--update-kernel=ALL":
            for argument in rest[1].removeprefix("--remove-args=").split():
                self.say(f"kernel argument {argument}", "removed")
        elif name == RUNNER and rest[0] == "place":
            for stage in rest[1:]:
                self.say(f"files of the stage {stage}", "in place before the first boot")
        elif name == RUNNER and rest[0] == "run":
            self.say("stages before the first boot", " ".join(rest[1:]))
        else:
            self.say("command " + " ".join(words))

    def finish(self):
        """All facts, with what follows from the files."""
        for path, (mode, owner, content) in self.files.items():
            self.say(f"file {path}", f"{owner} {mode:04o} {content}")
            label = any(path == at or path.startswith(at + "/") for at in self.labelled)
            if not label:
                self.say(f"no SELinux label {path}")
        for path, (mode, owner) in self.folders.items():
            self.say(f"folder {path}", f"{owner} {mode:04o}")
        for path, (_, _, content) in self.files.items():
            if path.startswith(STAGES) and path.endswith("/manifest"):
                self.manifest(content)
        if PASSWORDS in self.facts and not self.has_password():
            self.say("sshd: PasswordAuthentication, and nobody has a password", self.facts.pop(PASSWORDS))
        return self.facts

    def has_password(self):
        """Whether an account has one: of the installer's, of cloud-init's or of the stage that makes accounts."""
        known = [v for n, v in self.facts.items() if n.startswith("user ") and n.endswith(": password")]
        secrets = self.files.get("/etc/trainyard/secrets.env", [0, "", ""])[2]
        return "_HASH=" in secrets or any(value not in ("locked", "none") for value in known)

    def manifest(self, content):
        """What a stage brings, besides its files."""
        for line in content.splitlines():
            keyword, _, rest = line.partition(" ")
            if keyword == "package":
                self.say(f"package {rest}")
            elif keyword == "service":
                self.say(f"service {rest}", "enable")
            elif keyword in ("add", "remove"):
                self.say(f"kernel argument {rest}", {"add": "added", "remove": "removed"}[keyword])
