//! Runs the real program in a folder of its own, and looks at what it says and leaves.

#![allow(dead_code, reason = "each test binary uses a part")]

pub mod everything;
pub mod installed;
pub mod options;
pub mod readers;
pub mod signing;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_trainyard");
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A folder with a lab file and secrets that are the same every time.
pub struct Lab {
    folder: TempDir,
}

/// What a run of the program left.
#[derive(Debug)]
pub struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A `packages.lock` of a lab with these roles and, beside CentOS's, these repositories.
pub fn lock_of(roles: &[&str], more: &[&str]) -> String {
    let archive = trainyard::base_image::known::KNOWN.repositories.keys().map(String::as_str);
    let pin = serde_json::json!({ "sha256": "0".repeat(64), "from": "http://a/", "when": "then" });
    let pins: serde_json::Map<_, _> =
        archive.chain(more.iter().copied()).map(|id| (id.to_owned(), pin.clone())).collect();
    let package = serde_json::json!({
        "name": "kernel", "epoch": 0, "version": "3.10.0", "release": "1160.el7", "arch": "x86_64", "repository": "base",
        "sha256": "0".repeat(64), "size": 1, "location": "Packages/kernel.rpm", "roles": roles,
    });
    let lock =
        serde_json::json!({ "schema": 1, "made": 0, "repositories": pins, "packages": [package] });
    lock.to_string()
}

impl Lab {
    /// A lab file with this text.
    pub fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("lab.yaml"), text).expect("written");
        let secrets = folder.path().join("secrets.yaml");
        fs::copy(Path::new(ROOT).join("tests/fixtures/secrets.yaml"), &secrets).expect("copied");
        make_private(&secrets);
        let lab = Self { folder };
        lab.know_nodes();
        lab
    }

    /// Gives nodes that the fixture does not know the compute's host keys: making new ones takes a second a node. And a lab with TLS its
    /// certificate.
    pub fn know_nodes(&self) {
        let listed = self.run(&["secrets", "list", "--format", "json"]);
        let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap_or_default();
        let mut text = self.read("secrets.yaml");
        let missing = listed["secrets"].as_array().into_iter().flatten();
        let missing = missing.filter(|s| s["source"].is_null()).filter_map(|s| s["name"].as_str());
        for name in missing {
            let Some((kind, _)) =
                name.strip_prefix("SSH_HOST_KEY_").and_then(|n| n.split_once('_'))
            else {
                continue;
            };
            let known = format!("SSH_HOST_KEY_{kind}_compute: ");
            let key =
                text.lines().find_map(|line| line.strip_prefix(&known)).expect("the fixture's");
            let line = format!("{name}: {key}\n");
            text.push_str(&line);
        }
        fs::write(self.path("secrets.yaml"), text).expect("written");
        if listed["secrets"].to_string().contains(r#"{"name":"ENDPOINTS_TLS","source":null,"#) {
            self.done(&["secrets"]);
        }
    }

    /// One of `examples/`, with the folder of the same name that it has beside it.
    pub fn example(name: &str) -> Self {
        let path = Path::new(ROOT).join("examples").join(name);
        let lab = Self::new(&fs::read_to_string(&path).expect("an example"));
        let beside = path.with_extension("");
        if beside.is_dir() {
            let mut copy = Command::new("cp");
            copy.arg("-r").arg(beside).arg(lab.folder.path());
            judged(copy);
            lab.know_nodes();
            // And what stages of its own ask for.
            lab.done(&["secrets"]);
        }
        lab
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    pub fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_else(|e| panic!("{inside}: {e}"))
    }

    /// The names of what is in the folder, sorted.
    pub fn names(&self, inside: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(inside)).expect("a folder");
        let mut names: Vec<_> = entries
            .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.env_remove("NO_COLOR").stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Outcome {
        outcome(self.command(arguments))
    }

    /// Runs what must work.
    pub fn done(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.run(arguments);
        assert_eq!(outcome.status, 0, "trainyard {}\n{outcome:?}", arguments.join(" "));
        outcome
    }
}

pub fn outcome(mut command: Command) -> Outcome {
    let output = command.output().expect("the program runs");
    Outcome {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The lab that a web server may seed: the one that the manual shows.
pub fn seeded_by_web() -> String {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/seeds.md")).expect("a page");
    let (_, after) = page.split_once("```yaml\n").expect("a lab");
    let (lab, _) = after.split_once("```").expect("its end");
    assert!(lab.contains("addresses: dhcp"), "{lab}");
    lab.to_owned()
}

pub fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
}

/// A program that set-up installs; the tests mean nothing without it.
pub fn judge(name: &str) -> Command {
    let ours = Path::new(ROOT).join("target/bin").join(name);
    // Where a user's PATH does not lead.
    let of_root = Path::new("/usr/sbin").join(name);
    let path = [ours, of_root].into_iter().find(|path| path.exists());
    let path = path.unwrap_or_else(|| PathBuf::from(name));
    let found = path.exists()
        || std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join(name).exists());
    assert!(found, "`{name}` is not installed: run scripts/dev/setup.sh");
    Command::new(path)
}

/// A judge that must be content.
pub fn judged(mut command: Command) -> Outcome {
    let shown = format!("{command:?}");
    let outcome = outcome({
        command.stdin(Stdio::null());
        command
    });
    assert_eq!(outcome.status, 0, "{shown}\n{}\n{}", outcome.stdout, outcome.stderr);
    outcome
}

/// A file of the project that is made from the code: `TRAINYARD_GOLDEN=write` writes it anew.
pub fn golden(path: &str, wanted: &str) {
    let file = Path::new(ROOT).join(path);
    if std::env::var("TRAINYARD_GOLDEN").is_ok_and(|v| v == "write") {
        fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        fs::write(&file, wanted).expect("written");
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    let line = found.lines().zip(wanted.lines()).position(|(a, b)| a != b);
    let line = line.map_or(found.lines().count().min(wanted.lines().count()), |n| n) + 1;
    assert!(
        found == wanted,
        "{path}, line {line}, is not what the code makes: TRAINYARD_GOLDEN=write makes it anew"
    );
}

/// Bytes that no compression makes smaller, the same every time and never the same twice; other ones for each seed but 0.
pub fn noise(mut state: u64, size: usize) -> Vec<u8> {
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(size).collect()
}
