//! A host that installs: an empty folder as its root, with the repositories that a node of a lab has, and dnf.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::common::{Lab, Outcome, ROOT, judge, judged, outcome};
use crate::repositories::repositories;
use crate::upstream::Upstream;

/// Where nodes have the keys of the archive's repositories.
const KEYS: [&str; 5] = [
    "RPM-GPG-KEY-CentOS-7",
    "RPM-GPG-KEY-CentOS-SIG-Cloud",
    "RPM-GPG-KEY-CentOS-SIG-Storage",
    "RPM-GPG-KEY-CentOS-SIG-Virtualization",
    "RPM-GPG-KEY-trainyard-site",
];

/// A lab whose nodes install from these mirrors; of the first of them it has its own repository as well.
pub fn lab(mirrors: &[&Upstream], more: &str) -> Lab {
    let urls: Vec<String> = mirrors.iter().map(|mirror| mirror.mirror()).collect();
    let text = format!(
        "mirror: [{}]\nrepositories:\n  site: {{name: Of our own, baseurl: ['{}'], gpgkey: site.asc}}\n{more}\
         nodes:\n  controller: {{role: controller, address: 10.0.0.11}}\n",
        urls.join(", "),
        mirrors[0].site(),
    );
    let lab = Lab::new(&text);
    fs::write(lab.path("site.asc"), &repositories().key).expect("written");
    lab
}

/// How the node's own script makes its repositories of those that the lab has, where it finds no disc with a bundle.
const AS_PINNED: &str = r#"pinned_sections "$2" | from_mirror 0 "$(cache_place "$2")" nowhere"#;

/// A host on which nothing is installed yet.
pub struct Host {
    folder: TempDir,
    /// Whether it has no network at all.
    is_alone: bool,
}

impl Host {
    /// With the repositories of the lab's controller, as the node itself puts them there.
    pub fn new(lab: &Lab) -> Self {
        let host = Self { folder: tempfile::tempdir().expect("a folder"), is_alone: false };
        for key in KEYS {
            host.write(&format!("etc/pki/rpm-gpg/{key}"), &repositories().key);
        }
        host.write("dnf.conf", "[main]\n");
        if !lab.path("out").exists() {
            lab.done(&["render", "-o", "out"]);
        }
        let kickstart = lab.read("out/controller/ks.cfg");
        let headers = ["Mirrors are tried", "The lab's packages are locked"];
        let mut begins = headers
            .iter()
            .filter_map(|header| kickstart.find(&format!("# Written by trainyard. {header}")));
        let begin = begins.next().expect("pinned.repo");
        let pinned = kickstart[begin..].split("\nEOF\n").next().expect("text");
        host.write("pinned.repo", &format!("{pinned}\n"));
        let mut filter = judge("bash");
        filter.args(["-c", &format!(r#". "$1" && {AS_PINNED}"#), "bash"]);
        filter.arg(format!("{ROOT}/scripts/node/packages.sh")).arg(host.path("pinned.repo"));
        filter.env("TRAINYARD_ROOT", host.folder.path());
        let repositories = judged(filter).stdout;
        // dnf looks for keys outside of the root.
        let keys = format!("gpgkey=file://{}/etc/", host.folder.path().display());
        let repositories = repositories.replace("gpgkey=file:///etc/", &keys);
        host.write("etc/yum.repos.d/trainyard.repo", &repositories);
        host
    }

    /// One that has no network, and what a lock names in this folder.
    pub fn alone(lab: &Lab, folder: &Path) -> Self {
        let host = Self { is_alone: true, ..Self::new(lab) };
        let place = host.path("etc/yum.repos.d/trainyard.repo");
        let text = fs::read_to_string(&place).expect("read");
        let at = format!("baseurl=file://{}/", folder.display());
        let changed = text.replace("baseurl=http://127.0.0.1:9/packages/", &at);
        assert_ne!(text, changed);
        fs::write(place, changed).expect("written");
        host
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    pub fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// Where a repository is asked for, in order, by what is in use.
    pub fn urls(&self, id: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path("etc/yum.repos.d/trainyard.repo")).expect("it");
        let section = text.split(&format!("\n[{id}]\n")).nth(1).expect("a section");
        let lines = section.split("\n[").next().expect("its lines").lines();
        let urls = lines.map(|line| line.trim().trim_start_matches("baseurl="));
        urls.filter(|it| it.starts_with("http://")).map(str::to_owned).collect()
    }

    /// A command that is root on this host and nobody else's: in a user namespace, without the person's proxies.
    pub fn command(&self, program: &str) -> Command {
        let mut command = judge("timeout");
        command.args(["120", "unshare", "--map-root-user"]);
        if self.is_alone {
            command.arg("--net");
        }
        command.arg(judge(program).get_program());
        command.env_clear().env("LC_ALL", "C.UTF-8");
        // rpm has its database in the home where the distribution is none of rpm's.
        command.env("HOME", self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// What dnf says to this; at the end of its words is what it wrote to its log of transfers.
    pub fn dnf(&self, arguments: &[&str]) -> Outcome {
        let mut dnf = self.command("dnf");
        dnf.args(["-y", "--releasever=7", "--disableplugin=*", "--installroot"]);
        dnf.arg(self.folder.path()).arg("--config").arg(self.path("dnf.conf"));
        dnf.arg(format!("--setopt=reposdir={}", self.path("etc/yum.repos.d").display()));
        dnf.args(["--setopt=module_platform_id=platform:el7"]).args(arguments);
        let mut outcome = outcome(dnf);
        let log = fs::read_to_string(self.path("var/log/dnf.librepo.log")).unwrap_or_default();
        let wrong = log.lines().filter(|line| line.contains("rror"));
        outcome.stderr.extend(wrong.map(|line| format!("{line}\n")));
        outcome
    }

    /// Installs what must be installed.
    pub fn installs(&self, names: &[&str]) {
        let outcome = self.dnf(&[&["install"], names].concat());
        assert_eq!(outcome.status, 0, "{}\n{}", outcome.stdout, outcome.stderr);
        let installed = self.installed();
        for name in names {
            let found = installed.iter().any(|it| it.split(' ').next() == Some(name));
            assert!(found, "{name} is not installed: {installed:?}");
        }
    }

    /// What the node's own script says that is installed, by rpm and by what is in yum's database.
    pub fn told(&self) -> String {
        let mut told = self.command("bash");
        let script = r#"set -euo pipefail; . "$1"; timeout() { shift; "$@"; }; rpm() { command rpm --root "$TRAINYARD_ROOT" "$@"; }; installed_packages"#;
        told.args(["-c", script, "bash"]).arg(format!("{ROOT}/scripts/node/packages.sh"));
        told.env("TRAINYARD_ROOT", self.folder.path());
        judged(told).stdout
    }

    /// What is installed, each as `NAME VERSION-RELEASE`, sorted.
    pub fn installed(&self) -> Vec<String> {
        let mut rpm = self.command("rpm");
        rpm.arg("--root").arg(self.folder.path()).arg("-qa");
        rpm.args(["--queryformat", "%{NAME} %{VERSION}-%{RELEASE}\n"]);
        let listed = judged(rpm).stdout;
        let packages = listed.lines().filter(|line| !line.starts_with("gpg-pubkey "));
        let mut packages: Vec<String> = packages.map(str::to_owned).collect();
        packages.sort();
        packages
    }
}
