//! A folder that plays a node: the runner as it is installed, and fakes that note how they were called.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub const PASSWORD: &str = "e3b0c44298fc1c149afb";

/// Fakes: each notes its call in `calls`; some do what the runner then looks for.
const FAKES: [(&str, &str); 10] = [
    ("systemctl", ""),
    ("restorecon", ""),
    ("chown", ""),
    ("sync", ""),
    ("firewall-cmd", "case $* in --state) [ -e $ROOT/firewalld ];; *--query*) exit 1;; esac"),
    ("firewall-offline-cmd", "case $* in *--query*) exit 1;; esac"),
    ("rpm", "[ -e \"$ROOT/installed/$3\" ]"),
    (
        "yum",
        "shift 2; [ $1 != install ] || for p; do [ $p = ghost ] || : >$ROOT/installed/$p; done",
    ),
    ("mysql", "cat >>$ROOT/sql"),
    // Who runs the tests owns what is root's on a node.
    (
        "stat",
        "case $* in *'%a %U %G'*) /usr/bin/stat \"$@\" | sed 's/ .*/ root root/';; *) exec /usr/bin/stat \"$@\";; esac",
    ),
];

pub struct Node {
    root: TempDir,
}

impl Node {
    pub fn new() -> Self {
        let node = Self { root: TempDir::new().expect("a folder") };
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/node");
        let install = |name: &str, folder: &str| {
            let text = fs::read_to_string(scripts.join(name)).expect("the runner");
            node.write(&format!("{folder}/{name}"), &text);
        };
        install("trainyard-node", "usr/local/sbin");
        for name in [
            "stage-lib.sh",
            "checks.sh",
            "packages.sh",
            "progress.sh",
            "attempts.sh",
            "verification.sh",
        ] {
            install(name, "usr/local/libexec/trainyard");
        }
        for (name, body) in FAKES {
            node.fake(name, body);
        }
        node.write(
            "etc/trainyard/node.env",
            "TRAINYARD_NODE=controller\nTRAINYARD_ROLE=controller\n",
        );
        node.write("etc/trainyard/secrets.env", &format!("OTHER=1\nRABBIT_PASS={PASSWORD}\n"));
        node.write("etc/trainyard/stages/order", "");
        node.write("installed/nothing", "");
        node.write("etc/yum.repos.d/nothing", "");
        node
    }

    /// Puts a program on PATH that notes its call and then does what `body` says.
    pub fn fake(&self, name: &str, body: &str) {
        let file = format!("fakes/{name}");
        self.write(&file, &format!("#!/bin/sh\necho \"{name} $*\" >>$ROOT/calls\n{body}\n"));
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.path(&file), executable).expect("chmod");
    }

    /// What a boot leaves of the folder.
    pub fn boot(&self) {
        fs::remove_dir_all(self.path("run/trainyard")).expect("removed");
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, text).expect("writing");
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// Adds a stage that says its name when it configures; `files` are paths inside its folder.
    pub fn stage(&self, name: &str, manifest: &str, files: &[(&str, &str)]) {
        let folder = format!("etc/trainyard/stages/{name}");
        self.write(&format!("{folder}/manifest"), &format!("summary about {name}\n{manifest}"));
        self.write(
            &format!("{folder}/configure.sh"),
            &format!("echo configure {name} >>$ROOT/calls\n"),
        );
        self.write(&format!("{folder}/verify.sh"), "echo seen\n");
        for (path, text) in files {
            self.write(&format!("{folder}/{path}"), text);
        }
        let order = self.read("etc/trainyard/stages/order");
        self.write("etc/trainyard/stages/order", &format!("{order}{name}\n"));
    }

    /// The runner with these arguments, ready to start.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("/bin/bash");
        command
            .arg(self.path("usr/local/sbin/trainyard-node"))
            .args(arguments)
            .env("PATH", format!("{}:{path}", self.path("fakes").display()))
            .env("ROOT", self.root.path())
            .env("TRAINYARD_ROOT", self.root.path())
            .env("TRAINYARD_ATTEMPTS", "2")
            .env("TRAINYARD_BACKOFF", "0")
            .env("TRAINYARD_NEED_LIMIT", "0")
            .env_remove("TRAINYARD_LIB");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("bash")
    }

    /// Runs, expects the exit code, and returns what was said on both streams.
    pub fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned(); // a stage's last words may be half a character
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// What the checks of a stage say: name, whether it is content, detail.
    pub fn checks(&self, stage: &str) -> Vec<(String, bool, String)> {
        let output = self.run(&["verify", "--format", "json", stage]);
        for secret in
            self.read("etc/trainyard/secrets.env").lines().filter_map(|l| l.split('=').nth(1))
        {
            let output = String::from_utf8_lossy(&output.stdout);
            assert!(secret.len() < 3 || !output.contains(secret), "a secret is told: {output}");
        }
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        let checks = said["stages"][0]["checks"].as_array().expect("checks").iter();
        let ok = |check: &serde_json::Value| check["ok"].as_bool().expect("a truth");
        let checks: Vec<_> =
            checks.map(|c| (text(&c["name"]), ok(c), text(&c["detail"]))).collect();
        let is_ok = checks.iter().all(|(_, ok, _)| *ok);
        assert_eq!(output.status.code(), Some(if is_ok { 0 } else { 5 }), "{said}");
        assert_eq!(said["stages"][0]["ok"], is_ok, "{said}");
        checks
    }

    /// Runs a line of shell, for which `$ROOT` is the node.
    pub fn shell(&self, line: &str) {
        let mut shell = Command::new("/bin/bash");
        let status = shell.arg("-c").arg(line).env("ROOT", self.root.path()).status();
        assert!(status.expect("bash").success(), "{line}");
    }

    /// The calls since the last look, without the noise that every stage makes.
    pub fn calls(&self) -> Vec<String> {
        let calls = self.read("calls");
        self.write("calls", "");
        let noise = |line: &&str| {
            !["sync", "restorecon", "chown", "rpm", "stat"].iter().any(|n| line.starts_with(n))
        };
        calls
            .lines()
            .filter(noise)
            .map(|line| line.replace(&self.root.path().display().to_string(), ""))
            .collect()
    }

    pub fn status(&self) -> Vec<(String, String)> {
        let status = self.run(&["status", "--format", "json"]).stdout;
        let status: serde_json::Value = serde_json::from_slice(&status).expect("JSON");
        assert_eq!(status["schema"], 1);
        assert_eq!(status["node"], "controller");
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        let stages = status["stages"].as_array().expect("stages").iter();
        stages.map(|s| (text(&s["name"]), text(&s["state"]))).collect()
    }
}
