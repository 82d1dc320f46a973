//! A folder that plays the new system: a kickstart's scripts run in it as the installer would run them, with recording
//! fakes for every program that would touch a real machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::{Lab, Outcome, judge, outcome};

/// A script of a kickstart: its header, such as `%post --nochroot …`, and its body.
pub struct Script {
    pub header: String,
    pub body: String,
}

/// The scripts of a kickstart, as the installer's parser finds them.
pub fn scripts(kickstart: &str) -> Vec<Script> {
    let mut scripts = Vec::new();
    let mut open: Option<Script> = None;
    for line in kickstart.lines() {
        let begins =
            ["%pre", "%post", "%onerror"].iter().any(|s| line.split(' ').next() == Some(s));
        if let Some(script) = &mut open {
            if line == "%end" {
                scripts.extend(open.take());
                continue;
            }
            assert!(!line.trim_start().starts_with('%'), "the parser would take this: {line}");
            script.body.push_str(line);
            script.body.push('\n');
        } else if begins {
            open = Some(Script { header: line.to_owned(), body: String::new() });
        }
    }
    assert!(open.is_none(), "a script without an end");
    scripts
}

/// Folders of the installed system, and of the installer.
const FOLDERS: [&str; 12] = [
    "dev",
    "etc/sudoers.d",
    "etc/systemd/system",
    "etc/sysconfig/network-scripts",
    "etc/trainyard",
    "mnt",
    "root",
    "run/install",
    "tmp",
    "usr/local/libexec",
    "usr/local/sbin",
    "var/log",
];

/// Each notes its call in `calls`; some do what is looked for afterwards.
const FAKES: [(&str, &str); 12] = [
    ("chown", ""),
    ("restorecon", ""),
    ("systemctl", ""),
    ("sync", ""),
    ("grubby", ""),
    ("useradd", "for name; do :; done; : >\"$ROOT/passwd.$name\"; mkdir -p \"$ROOT/home/$name\""),
    ("usermod", ""),
    ("groupadd", ""),
    ("chpasswd", "cat >>\"$ROOT/shadow\""),
    ("visudo", ""),
    ("getent", "[ -e \"$ROOT/$1.$2\" ]"),
    ("install", "while [ $# -gt 1 ]; do shift; done; mkdir -p \"$1\"; chmod 0700 \"$1\""),
];

/// The system that a kickstart's scripts leave.
pub struct Installed {
    root: PathBuf,
}

impl Installed {
    /// Installs a node of a lab that was rendered to `out`. Of the stages that the kickstart runs, only these are run: a
    /// hook has the paths that its author gave it, and they are this machine's.
    pub fn new(lab: &Lab, node: &str, stages: &[&str]) -> Self {
        let installed = Self::prepare(lab, node);
        for script in scripts(&lab.read(&format!("out/{node}/ks.cfg"))) {
            if script.header.starts_with("%post") {
                let outcome = installed.run(&script, stages);
                assert_eq!(outcome.status, 0, "{}\n{outcome:?}", script.header);
            }
        }
        installed
    }

    /// An installer in which nothing has run yet.
    pub fn prepare(lab: &Lab, node: &str) -> Self {
        let root = lab.path(&format!("root-{node}"));
        let _ = fs::remove_dir_all(&root);
        for folder in FOLDERS {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        std::os::unix::fs::symlink("..", root.join("mnt/sysimage")).expect("a link");
        fs::create_dir(root.join("fakes")).expect("a folder");
        for (name, body) in FAKES {
            let path = root.join("fakes").join(name);
            fs::write(&path, format!("#!/bin/sh\necho \"{name} $*\" >>\"$ROOT/calls\"\n{body}\n"))
                .expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
        }
        fs::copy(lab.path(&format!("out/{node}/ks.cfg")), root.join("run/install/ks.cfg"))
            .expect("copied");
        Self { root }
    }

    /// Runs one script, with the folder in the place of `/`.
    pub fn run(&self, script: &Script, stages: &[&str]) -> Outcome {
        let path = std::env::var("PATH").unwrap_or_default();
        // Longer than an argument may be.
        let file = self.root.join("script");
        fs::write(&file, self.moved(&script.body, stages)).expect("written");
        let mut command = judge("bash");
        command
            .arg(&file)
            .env("PATH", format!("{}:{path}", self.root.join("fakes").display()))
            .env("ROOT", &self.root)
            .env("TRAINYARD_ROOT", &self.root)
            .env("TRAINYARD_ATTEMPTS", "1")
            .stdin(std::process::Stdio::null());
        outcome(command)
    }

    /// A script whose commands work inside the folder. What its files hold is left as it is: that must arrive.
    fn moved(&self, body: &str, stages: &[&str]) -> String {
        /// Stands for the folder, whose own name begins like some of these.
        const HERE: &str = "\u{1}";
        const INSIDE: [&str; 9] =
            ["/dev", "/etc", "/home", "/mnt", "/root", "/run", "/tmp", "/usr/local", "/var"];
        let here = self.root.display().to_string();
        let runner = "/usr/local/sbin/trainyard-node ";
        let mut moved = String::new();
        let mut end: Option<String> = None;
        for line in body.lines() {
            let is_text = end.is_some() || line.starts_with("    $'");
            if end.as_deref() == Some(line) {
                end = None;
            }
            if !is_text {
                end = line
                    .starts_with("put ")
                    .then(|| line.split_once("<<'").and_then(|(_, e)| e.strip_suffix('\'')))
                    .flatten()
                    .map(str::to_owned);
            }
            if is_text {
                moved += line;
            } else {
                let mut line = line.replace("sleep infinity", "exit 9");
                if let Some((before, after)) = line.split_once(&format!("{runner}run ")) {
                    let (named, rest) = after.split_once(" >").expect("its output is kept");
                    let named = named.split(' ').filter(|stage| stages.contains(stage));
                    let named: Vec<_> = named.collect();
                    let run = format!("{before}{runner}run {} >{rest}", named.join(" "));
                    line = if named.is_empty() { format!(": >{rest}") } else { run };
                }
                if !line.starts_with("put ") {
                    line = line.replace(runner, &format!("/bin/bash {HERE}{runner}"));
                }
                for folder in INSIDE {
                    for before in [" ", "\"", "="] {
                        let there = format!("{before}{HERE}{folder}");
                        line = line.replace(&format!("{before}{folder}"), &there);
                    }
                }
                moved +=
                    &line.replace(&format!("{HERE}/dev/null"), "/dev/null").replace(HERE, &here);
            }
            moved.push('\n');
        }
        moved
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside.trim_start_matches('/'))
    }

    pub fn exists(&self, inside: &str) -> bool {
        self.path(inside).exists()
    }

    pub fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_else(|e| panic!("{inside}: {e}"))
    }

    pub fn mode(&self, inside: &str) -> u32 {
        let metadata = fs::metadata(self.path(inside)).unwrap_or_else(|e| panic!("{inside}: {e}"));
        metadata.permissions().mode() & 0o777
    }

    /// The calls of the fakes, without the folder's own name.
    pub fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(|line| line.replace(&self.root.display().to_string(), "")).collect()
    }

    /// That user-data, as it is written, has the same files, and those that make its seed be forgotten.
    pub fn assert_equals_user_data(&self, user_data: &str) {
        let files = files_of(user_data);
        assert!(files.len() > 20);
        let (cloud, files): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|(path, _, _)| OF_CLOUD_INIT.contains(&&**path));
        assert_eq!(cloud.len(), OF_CLOUD_INIT.len());
        for (path, mode, content) in files {
            assert_eq!(self.read(&path), content, "{path}");
            assert_eq!(format!("{:04o}", self.mode(&path)), mode, "{path}");
        }
    }
}

/// Files that only a node of cloud-init's has: what makes its seed be forgotten.
pub const OF_CLOUD_INIT: [&str; 3] = [
    "/usr/local/libexec/trainyard/forget-seed.sh",
    "/etc/systemd/system/trainyard-forget-seed.service",
    "/etc/cloud/cloud.cfg.d/zz-trainyard.cfg",
];

/// The files of user-data: path, mode, content.
pub fn files_of(user_data: &str) -> Vec<(String, String, String)> {
    assert!(user_data.is_ascii(), "CentOS 7's YAML parser refuses some of what is not");
    files_in(&serde_yaml::from_str(user_data).expect("YAML"))
}

/// The same of user-data that was read already.
pub fn files_in(data: &serde_json::Value) -> Vec<(String, String, String)> {
    use base64ct::{Base64, Encoding as _};
    let files = data["write_files"].as_array().expect("files").iter();
    let text = |file: &serde_json::Value, key: &str| file[key].as_str().expect(key).to_owned();
    files
        .map(|file| {
            let content = text(file, "content");
            let content = match file["encoding"].as_str() {
                None => content,
                Some("b64") => {
                    String::from_utf8(Base64::decode_vec(&content).expect("base64")).expect("UTF-8")
                }
                Some(other) => panic!("{other}"),
            };
            (text(file, "path"), text(file, "permissions"), content)
        })
        .collect()
}
