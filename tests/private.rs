//! The file of a lab's secrets is read as nothing else, however a lab names it, and no line of it is ever said.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use common::{Lab, make_private};

const NODES: &str = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";

fn values(lab: &Lab) -> Vec<String> {
    let text = fs::read_to_string(Path::new(common::ROOT).join("tests/fixtures/secrets.yaml"));
    let values: BTreeMap<String, String> =
        serde_yaml::from_str(&text.expect("the fixture")).expect("YAML");
    assert!(lab.path("secrets.yaml").exists());
    // An excerpt is cut, so a piece of a long value gives it away.
    values.into_values().flat_map(|v| [v[..20].to_owned(), v[v.len() - 20..].to_owned()]).collect()
}

/// Runs it in every format; it must be refused, and say why without a value. Pieces of host keys that all of them share
/// are among the values as well.
fn refused(lab: &Lab, arguments: &[&str], why: &str) {
    let values = values(lab);
    for format in ["text", "short", "json"] {
        let said = lab.run(&[arguments, &["--format", format]].concat());
        assert_ne!(said.status, 0, "{arguments:?}");
        let all = said.stdout + &said.stderr;
        assert!(all.contains(why), "{arguments:?}\n{all}");
        let shown = values.iter().find(|value| all.contains(value.as_str()));
        assert_eq!(shown, None, "{arguments:?}\n{all}");
        assert!(!all.contains("_PASS"), "{arguments:?}\n{all}");
    }
}

const ITS: &str = "it holds the lab's secrets";

/// What URLs of a lab say of a person is not repeated, wherever they are told.
#[test]
fn urls_of_a_lab_are_told_without_passwords_and_queries() {
    let digest = "0".repeat(64);
    let more = "mirror: [http://m.example/a?t=hush-hush]\ntime: {servers: ['http://hush-hush@t.example']}\n";
    for (image, more, status) in [
        (format!("{{url: 'http://a.example/x.iso?t=hush-hush', sha256: {digest}}}"), "", 0),
        (format!("{{url: \"http://me:hush-hush@a.example/x.iso\", sha256: {digest}}}"), "", 0),
        ("{url: 'ftp://a.example/x.iso?t=hush-hush'}".into(), more, 3),
        (
            "{url: http://a.example/?t=hush-hush, mirrors: [http://b.example?hush-hush]}".into(),
            "",
            3,
        ),
        (
            "{mirrors: ['http://me:hush-hush@b.example?hush-hush it is', http://c?hush-hush]}"
                .into(),
            "",
            3,
        ),
    ] {
        let lab = Lab::new(&format!("image: {image}\n{more}{NODES}"));
        for format in ["text", "short", "json"] {
            for arguments in [
                &["check"][..],
                &["plan"],
                &["plan", "controller", "--explain"],
                &["fetch", "--retry", "0", "--connect-timeout", "0.01"],
            ] {
                let said = lab.run(&[arguments, &["--format", format]].concat());
                let all = format!("{said:?}");
                assert!(!all.contains("hush-hush"), "{arguments:?}\n{all}");
                let wanted = if arguments[0] == "fetch" && status == 0 { 7 } else { status };
                assert_eq!(said.status, wanted, "{arguments:?}\n{all}");
            }
        }
    }
}

#[test]
fn secrets_are_no_lab_file() {
    let lab = Lab::new(NODES);
    fs::copy(lab.path("secrets.yaml"), lab.path("copy.yaml")).expect("copied");
    fs::hard_link(lab.path("secrets.yaml"), lab.path("hard.yaml")).expect("linked");
    symlink("secrets.yaml", lab.path("soft.yaml")).expect("linked");
    for name in ["secrets.yaml", "./secrets.yaml", "soft.yaml"] {
        refused(&lab, &["check", name], ITS);
        refused(&lab, &["--lab", name, "plan"], ITS);
        refused(&lab, &["--lab", name, "render", "-o", "out"], ITS);
    }
    for name in ["copy.yaml", "hard.yaml"] {
        refused(
            &lab,
            &["--lab", name, "--secrets", "secrets.yaml", "secrets", "list"],
            "it holds ",
        );
        refused(&lab, &["check", name], "it holds ");
    }
    // Without a host key in it.
    fs::write(lab.path("copy.yaml"), "nodes: []\nOWN_PASS: ownvalue123\n").expect("written");
    refused(&lab, &["check", "copy.yaml"], "it has the lines of a file of secrets");
    // Weak values, as nobody would know them by their look.
    fs::write(lab.path("other"), "x: monkey\nnodes: [tiger]\n").expect("written");
    make_private(&lab.path("other"));
    let said = lab.run(&["check", "other", "--secrets", "other"]);
    assert!(said.stderr.contains(ITS) && !said.stderr.contains("monkey"), "{said:?}");
}

/// Names the file at every place at which a lab file can name one.
fn named_everywhere(lab: &Lab, file: &str, arguments: &[&str], why: &str) {
    for text in [
        format!("include: {file}\n"),
        format!("include: [{file}]\n"),
        format!("access: {{ssh_authorized_keys: {file}}}\n"),
        format!("files: {{/etc/x: {{source: {file}}}}}\n"),
        format!("hooks: {{first_boot: [{file}]}}\n"),
        format!("hooks: {{pre: [{file}]}}\n"),
    ] {
        fs::write(lab.path("lab.yaml"), text + NODES).expect("written");
        refused(lab, &[&["check"], arguments].concat(), why);
        refused(lab, &[&["plan"], arguments].concat(), why);
    }
}

#[test]
fn secrets_are_no_file_that_a_lab_names() {
    let lab = Lab::new(NODES);
    named_everywhere(&lab, "secrets.yaml", &[], ITS);
    symlink("secrets.yaml", lab.path("soft")).expect("linked");
    named_everywhere(&lab, "soft", &[], ITS);
    fs::hard_link(lab.path("secrets.yaml"), lab.path("hard")).expect("linked");
    named_everywhere(&lab, "hard", &[], ITS);
    fs::remove_file(lab.path("hard")).expect("removed");
    fs::copy(lab.path("secrets.yaml"), lab.path("ci-secrets.yaml")).expect("copied");
    named_everywhere(&lab, "ci-secrets.yaml", &["--secrets", "ci-secrets.yaml"], ITS);
    // Nobody says that it is one.
    named_everywhere(&lab, "ci-secrets.yaml", &[], "it holds a private key");
    let all = lab.read("ci-secrets.yaml");
    let passwords: Vec<_> = all.lines().filter(|line| !line.contains("SSH_HOST_KEY")).collect();
    fs::write(lab.path("ci-secrets.yaml"), passwords.join("\n")).expect("written");
    named_everywhere(&lab, "ci-secrets.yaml", &[], "it has the lines of a file of secrets");
}

#[test]
fn secrets_are_in_no_folder_that_a_lab_names() {
    let lab = Lab::new(NODES);
    for key in ["own_stages", "templates"] {
        for folder in [".", "inner", "linked", "copied"] {
            fs::write(lab.path("lab.yaml"), format!("{key}: {folder}\n{NODES}")).expect("written");
            let _ = fs::create_dir_all(lab.path(folder).join("deep"));
            match folder {
                "inner" => {
                    fs::write(lab.path("inner/deep/secrets.yaml"), "x: y\n").expect("written");
                }
                "linked" => {
                    let _ = fs::hard_link(lab.path("secrets.yaml"), lab.path("linked/x.conf"));
                }
                "copied" => {
                    fs::copy(lab.path("secrets.yaml"), lab.path("copied/secrets.yaml"))
                        .expect("copied");
                }
                _ => {}
            }
            let why = if folder == "copied" { "it holds a private key" } else { ITS };
            refused(&lab, &["check"], why);
            refused(&lab, &["plan"], why);
        }
    }
}
