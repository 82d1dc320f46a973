//! Images are brought from mirrors that do everything wrong that mirrors do. Whatever happens, the image's name holds the right
//! bytes or nothing, and the person is told what happened, where, and what to do.

#[path = "../common/mod.rs"]
mod common;

mod disks;
mod doctor;
mod doctor_cloud;
mod faults;
mod order;
mod proxy;
mod resume;
mod server;
mod signed;
mod silent;
mod table;
mod tls;
mod used;
mod validators;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::Outcome;
use server::{Reply, Request, Server};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// The image that is brought: bytes that are the same every time and are never the same twice in it.
fn image(size: usize) -> Vec<u8> {
    common::noise(0x9e37_79b9_7f4a_7c15, size)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same with one bit changed in the middle.
fn flipped(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let middle = file.len() / 2;
    file[middle] ^= 4;
    file
}

/// A cache, and the program that fills it.
struct Bench {
    folder: TempDir,
    file: Vec<u8>,
}

impl Bench {
    fn new(size: usize) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), file: image(size) }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Where the image has its place; the last part of every URL of these tests is `big.iso`.
    fn place(&self) -> PathBuf {
        self.cache().join("images").join(&sha256(&self.file)[..16]).join("big.iso")
    }

    /// `trainyard fetch` with pauses that tests can wait for.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(common::PROGRAM);
        command.args(["fetch", "--cache"]).arg(self.cache());
        command
            .args(["--retry", "2", "--retry-delay", "0.01", "--stall-time", "1"])
            .args(arguments);
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        for name in [
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "no_proxy",
            "NO_PROXY",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn fetch(&self, url: &str) -> Outcome {
        bounded(self.command(&["--url", url, "--sha256", &sha256(&self.file)]))
    }

    /// The same image from several mirrors: what is known of another one is set aside.
    fn fetch_from(&self, mirrors: &[&Server], more: &[&str]) -> Outcome {
        let sum = sha256(&self.file);
        let urls: Vec<String> = mirrors.iter().map(|mirror| mirror.url("")).collect();
        let mut arguments = vec!["centos-7.9-netinstall", "--sha256", &sum];
        arguments.extend(urls.iter().flat_map(|url| ["--mirror", url]));
        arguments.extend(more);
        bounded(self.command(&arguments))
    }

    /// What there is of it so far.
    fn part(&self) -> PathBuf {
        self.cache().join("parts").join(&sha256(&self.file)[..16])
    }

    /// Nothing of it is there, nor any note.
    fn leaves_no_part(&self) -> bool {
        !self.part().exists() && !self.part().with_extension("json").exists()
    }

    /// Where [`Self::fetch_from`] puts it.
    fn place_from(&self) -> PathBuf {
        self.place().with_file_name("CentOS-7-x86_64-NetInstall-2009.iso")
    }

    /// The image's name holds the right bytes.
    fn is_right(&self) {
        assert!(fs::read(self.place()).expect("the image") == self.file, "other bytes");
    }

    /// The image's name holds the right bytes or nothing.
    fn is_right_or_nothing(&self) {
        for place in [self.place(), self.place_from()] {
            match fs::read(place) {
                Ok(found) => assert!(found == self.file, "other bytes"),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
            }
        }
    }
}

/// Runs a command that has a minute: one that hangs is a mistake, and ends with 124.
fn bounded(command: Command) -> Outcome {
    let mut limited = common::judge("timeout");
    limited.arg("60").arg(command.get_program()).args(command.get_args());
    limited.current_dir(command.get_current_dir().expect("a folder"));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    common::outcome(limited)
}

/// Answers as a good mirror does.
fn good(file: &[u8]) -> impl Fn(&Request) -> Reply + Send + Sync + 'static + use<> {
    let file = file.to_vec();
    move |request| Reply::file(request, &file)
}
