//! Texts of several lines, and those with a grammar that is told here.

use std::fmt::Write as _;
use std::fs;

use proptest::prelude::*;

use crate::common::installed::{Installed, scripts};
use crate::common::{Lab, judge, outcome};
use crate::hostile::hostile;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0";

/// A YAML string that holds any text.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => write!(out, "\\U{:08x}", c as u32).expect("a string grows"),
        }
    }
    out + "\""
}

/// Where a free text is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    RootKey,
    UserKey,
    Sudo,
    RepositoryName,
    KernelArgument,
    Sysctl,
    FileContent,
    FileSource,
    HookPre,
    HookInside,
    HookBeside,
}
use Place::*;

const PLACES: [Place; 11] = [
    RootKey,
    UserKey,
    Sudo,
    RepositoryName,
    KernelArgument,
    Sysctl,
    FileContent,
    FileSource,
    HookPre,
    HookInside,
    HookBeside,
];

/// A text, and which one it is of those at its place.
#[derive(Clone, Debug)]
struct Said {
    place: Place,
    number: usize,
    text: String,
}

impl Said {
    fn new(place: Place, number: usize, text: &str, narrow: bool) -> Self {
        // Where the grammar is narrow, every second one is in it.
        let text = match place {
            Sudo => format!("ALL=/bin/x{}", if narrow { " -a, /sbin/y" } else { text }),
            KernelArgument => format!("x{number}={}", if narrow { "a/b:c,d@e" } else { text }),
            RepositoryName if narrow => "한글 `id` $(id) \"'\\%end".to_owned(),
            // Scripts in which a text is only text.
            HookPre | HookInside | HookBeside => {
                let line = text.replace(['\n', '\r'], " ");
                format!("#!/bin/bash\n# {line}\ncat <<'END OF TEXT'\n{text}\nEND OF TEXT\n")
            }
            _ => text.to_owned(),
        };
        Self { place, number, text }
    }

    /// Its YAML path.
    fn path(&self) -> String {
        let n = self.number;
        match self.place {
            // The first is one that is always good.
            RootKey => format!("access.ssh_authorized_keys[{}]", n + 1),
            UserKey => format!("users.u{n}.ssh_authorized_keys[0]"),
            Sudo => format!("users.s{n}.sudo[0]"),
            RepositoryName => format!("repositories.r{n}.name"),
            KernelArgument => format!("kernel.arguments[{n}]"),
            Sysctl => format!("sysctl.kernel.s{n}"),
            FileContent => format!("files./etc/a{n}"),
            FileSource => format!("files./etc/b{n}"),
            HookPre => format!("hooks.pre[{n}]"),
            HookInside => format!("hooks.post[{n}]"),
            HookBeside => format!("hooks.first_boot[{n}]"),
        }
    }

    /// How the lab file says it.
    fn said(&self) -> String {
        let (n, text) = (self.number, quoted(&self.text));
        let key = || quoted(&format!("{KEY} {}", self.text));
        match self.place {
            RootKey => key(),
            UserKey => format!("u{n}: {{shell: /sbin/nologin, ssh_authorized_keys: [{}]}}", key()),
            Sudo => format!("s{n}: {{shell: /sbin/nologin, sudo: [{text}]}}"),
            RepositoryName => format!("r{n}: {{baseurl: http://x/, gpgcheck: no, name: {text}}}"),
            KernelArgument => text,
            Sysctl => format!("kernel.s{n}: {text}"),
            FileContent => format!("/etc/a{n}: {{content: {text}}}"),
            FileSource => format!("/etc/b{n}: {{source: b{n}.txt}}"),
            HookPre => format!("{{name: pre{n}, script: {text}}}"),
            HookInside => format!("{{name: inside{n}, script: {text}}}"),
            HookBeside => format!("beside{n}.sh"),
        }
    }

    /// The file beside the lab file that holds it.
    fn file(&self) -> Option<String> {
        match self.place {
            FileSource => Some(format!("b{}.txt", self.number)),
            HookBeside => Some(format!("beside{}.sh", self.number)),
            _ => None,
        }
    }

    /// Whether it must be taken; otherwise it must be refused.
    fn is_writable(&self) -> bool {
        let text = self.text.as_str();
        let no_control = |text: &str| !text.chars().any(char::is_control);
        let one_line = no_control(text) && text.trim() == text && !text.is_empty();
        // The node would fill it in.
        if text.contains("@SECRET_") {
            return false;
        }
        match self.place {
            RootKey | UserKey => {
                let text = text.trim_end();
                text.is_ascii() && no_control(text) && !text.contains("PRIVATE KEY")
            }
            Sudo => text.ends_with('y') && text.contains(", /sbin/"),
            RepositoryName => one_line && !text.contains(';') && text.chars().count() <= 120,
            KernelArgument => {
                text.chars().all(|c| c.is_ascii_alphanumeric() || "._:/@+,=-".contains(c))
            }
            Sysctl => one_line && text.len() <= 512,
            FileContent | FileSource => !text.contains('\0'),
            HookPre | HookInside | HookBeside => !text.contains('\0') && !text.contains("\r\n"),
        }
    }

    /// The file in which it arrives, and what that holds of it.
    fn arrives(&self) -> (String, String) {
        let (n, text) = (self.number, &self.text);
        let of = |stage: &str, path: &str| format!("etc/trainyard/stages/{stage}/{path}");
        let key = format!("{KEY} {}", text.trim()).trim_end().to_owned() + "\n";
        match self.place {
            RootKey => ("root/.ssh/authorized_keys".to_owned(), key),
            UserKey => (of("accounts", &format!("files/etc/trainyard/accounts/u{n}.keys")), key),
            Sudo => {
                let path = format!("files/etc/sudoers.d/trainyard-s{n}");
                (of("accounts", &path), format!("s{n} {text}\n"))
            }
            RepositoryName => {
                let part = format!("\n[r{n}]\nname={text}\nbaseurl=http://x/\n");
                (of("repositories", "files/etc/trainyard/pinned.repo"), part)
            }
            KernelArgument => (of("kernel", "manifest"), format!("\nadd {text}\n")),
            Sysctl => {
                let path = of("site", "files/etc/sysctl.d/90-trainyard.conf");
                (path, format!("kernel.s{n} = {text}\n"))
            }
            FileContent => (of("site", &format!("files/etc/a{n}")), text.clone()),
            FileSource => (of("site", &format!("files/etc/b{n}")), text.clone()),
            HookPre => (format!("tmp/trainyard-hooks/pre{n}.sh"), text.clone()),
            HookInside => (of(&format!("hook-inside{n}"), "configure.sh"), text.clone()),
            HookBeside => (of(&format!("hook-beside{n}"), "configure.sh"), text.clone()),
        }
    }
}

/// A lab file that says these texts.
fn lab(texts: &[Said]) -> String {
    let all = |places: &[Place]| {
        let said = texts.iter().filter(|text| places.contains(&text.place)).map(Said::said);
        said.collect::<Vec<_>>().join(", ")
    };
    let [keys, users, repositories, arguments, sysctl, files, pre, post, first_boot] = [
        all(&[RootKey]),
        all(&[UserKey, Sudo]),
        all(&[RepositoryName]),
        all(&[KernelArgument]),
        all(&[Sysctl]),
        all(&[FileContent, FileSource]),
        all(&[HookPre]),
        all(&[HookInside]),
        all(&[HookBeside]),
    ];
    format!(
        "access: {{root_login: key, ssh_authorized_keys: [{KEY}, {keys}]}}\n\
         users: {{{users}}}\nrepositories: {{{repositories}}}\nkernel: {{arguments: [{arguments}]}}\n\
         sysctl: {{{sysctl}}}\nfiles: {{{files}}}\nhooks: {{pre: [{pre}], post: [{post}], first_boot: [{first_boot}]}}\n\
         roles: {{controller: {{stages: []}}}}\nnodes: {{controller: {{role: controller, address: 10.0.0.11}}}}\n"
    )
}

/// Those of the texts that `check` refuses, by their paths.
fn refused(lab: &Lab, texts: &[Said]) -> Vec<String> {
    let said = lab.run(&["check", "--format", "json"]);
    let data: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
    let errors = data["findings"].as_array().expect("findings").iter();
    let errors = errors.filter(|finding| finding["severity"] == "error");
    let path_of = |finding: &serde_json::Value| {
        let path = finding["path"].as_str().expect("a path");
        let mut known = texts.iter().map(Said::path);
        known.find(|known| path.starts_with(known)).unwrap_or_else(|| panic!("{finding}"))
    };
    errors.map(path_of).collect()
}

/// Texts at each place in each case.
const EACH: usize = 4;

proptest! {
    // Twelve labs with four texts at each place are forty-eight texts at each.
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_arrive_or_are_refused(written in prop::collection::vec(hostile(), EACH * PLACES.len())) {
        let texts = written.iter().enumerate().map(|(i, text)| {
            let (place, number) = (PLACES[i / EACH], i % EACH);
            Said::new(place, number, text, number % 2 == 0)
        });
        let texts: Vec<Said> = texts.collect();
        let folder = Lab::new(&lab(&texts));
        for text in &texts {
            if let Some(file) = text.file() {
                fs::write(folder.path(&file), &text.text).expect("written");
            }
        }
        let refused_paths = refused(&folder, &texts);
        let is_taken = |text: &&Said| !refused_paths.contains(&text.path());
        for text in &texts {
            // What sudo's grammar takes beside what is surely in it, sudo itself judges.
            if text.place != Sudo || text.is_writable() {
                prop_assert_eq!(is_taken(&text), text.is_writable(), "{:?}", text);
            }
        }
        let taken: Vec<Said> = texts.iter().filter(is_taken).cloned().collect();
        fs::write(folder.path("lab.yaml"), lab(&taken)).expect("written");
        let again = refused(&folder, &taken);
        prop_assert!(again.is_empty(), "{:?}", again);

        folder.done(&["render", "controller", "-o", "out"]);
        let kickstart = folder.read("out/controller/ks.cfg");
        prop_assert!(kickstart.is_ascii());
        let user_data = folder.read("out/controller/user-data");
        let installed = Installed::new(&folder, "controller", &[]);
        installed.assert_equals_user_data(&user_data);
        for script in scripts(&kickstart).iter().filter(|s| s.header.ends_with("hooks.log")) {
            let said = installed.run(script, &[]);
            prop_assert_eq!(said.status, 0, "{:?}", said);
        }
        for text in &taken {
            let (path, expected) = text.arrives();
            let found = installed.read(&path);
            match text.place {
                FileContent | FileSource | HookPre | HookInside | HookBeside => {
                    prop_assert_eq!(found, expected, "{:?}", text);
                }
                _ => prop_assert!(found.contains(&expected), "{:?} in {}", text, found),
            }
            if text.place == Sudo {
                let mut visudo = judge("visudo");
                visudo.args(["-c", "-f"]).arg(installed.path(&path));
                let said = outcome(visudo);
                prop_assert_eq!(said.status, 0, "{:?}: {:?}", text, said);
            }
        }
        let arguments: Vec<&str> = taken
            .iter()
            .filter(|text| text.place == KernelArgument)
            .map(|text| text.text.as_str())
            .collect();
        let append = format!(" --append='{}'\n", arguments.join(" "));
        prop_assert!(kickstart.contains(&append), "{}", append);
        let data: serde_json::Value = serde_yaml::from_str(&user_data).expect("YAML");
        let keys = data["users"][0]["ssh_authorized_keys"].as_array().expect("keys");
        let keys: String = keys.iter().map(|key| key.as_str().expect("a key").to_owned() + "\n").collect();
        prop_assert_eq!(keys, installed.read("root/.ssh/authorized_keys"));
    }
}
