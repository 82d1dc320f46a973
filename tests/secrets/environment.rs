//! Values from the environment, and from a file elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::common::{Lab, ROOT};
use super::{lab_of, pem, values, with_environment, write_secrets};

#[test]
fn the_environment_wins_and_is_written_nowhere() {
    let lab = lab_of(&["controller", "compute-1"]);
    let key = values(&lab)["SSH_HOST_KEY_RSA_controller"].clone();
    let variables = [
        ("TRAINYARD_SECRET_RABBIT_PASS", "fromEnvironment1"),
        ("TRAINYARD_SECRET_NOVA_PASS", "fromEnvironment2"),
        ("TRAINYARD_SECRET_SSH_HOST_KEY_RSA_compute_1", &key),
    ];
    let text = lab.read("secrets.yaml");
    let without =
        |l: &&str| !l.starts_with("NOVA_PASS") && !l.starts_with("SSH_HOST_KEY_RSA_compute-1");
    write_secrets(
        &lab,
        &text.lines().filter(without).map(|l| format!("{l}\n")).collect::<String>(),
    );
    let before = lab.read("secrets.yaml");
    // What the environment has is not missing.
    let made = with_environment(&lab, &["secrets"], &variables);
    assert!(
        made.stdout.contains("nothing was missing") && made.stdout.contains("3 in the environment"),
        "{made:?}"
    );
    assert_eq!(lab.read("secrets.yaml"), before);
    let rendered = with_environment(&lab, &["render", "-o", "out"], &variables);
    assert_eq!((rendered.status, rendered.stderr.as_str()), (0, ""));
    assert!(lab.read("out/controller/ks.cfg").contains("RABBIT_PASS=fromEnvironment1\n"));
    assert!(lab.read("out/compute-1/ks.cfg").contains(&pem(&key)));
    // A new value in the file would not be used, and that is said.
    let rotated = with_environment(&lab, &["secrets", "rotate", "RABBIT_PASS"], &variables);
    assert!(
        rotated.stderr.contains("`TRAINYARD_SECRET_RABBIT_PASS` is set, and wins"),
        "{rotated:?}"
    );
    assert!(!lab.read("secrets.yaml").contains("fromEnvironment"));
}

#[test]
fn a_machine_that_builds_needs_no_file_beside_the_lab() {
    let lab = Lab::example("reference.yaml");
    let all = values(&lab);
    fs::rename(lab.path("secrets.yaml"), lab.path("elsewhere")).expect("moved");
    let golden =
        fs::read_to_string(Path::new(ROOT).join("tests/golden/compute/ks.cfg")).expect("text");

    let absent = lab.run(&["render", "-o", "out"]);
    assert_eq!(absent.status, 3);
    assert!(
        absent.stderr.contains("no `secrets.yaml`") && absent.stderr.contains("--secrets"),
        "{absent:?}"
    );
    lab.done(&["render", "-o", "out", "--secrets", "elsewhere"]);
    assert_eq!(lab.read("out/compute/ks.cfg"), golden);
    lab.done(&["secrets", "--secrets", "elsewhere"]);
    assert!(lab.read(".gitignore").lines().any(|line| line == "elsewhere"));
    fs::remove_file(lab.path("elsewhere")).expect("removed");

    let variables: Vec<_> = all.iter().map(|(n, v)| (format!("TRAINYARD_SECRET_{n}"), v)).collect();
    let variables: Vec<_> = variables.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let rendered = with_environment(&lab, &["render", "-o", "out", "--force"], &variables);
    assert_eq!(rendered.status, 0, "{rendered:?}");
    assert_eq!(lab.read("out/compute/ks.cfg"), golden);
    // All that are missing at once.
    let some: Vec<_> = variables
        .into_iter()
        .filter(|(n, _)| !n.contains("SSH") && !n.contains("RABBIT"))
        .collect();
    let refused = with_environment(&lab, &["render", "controller", "-o", "none"], &some);
    assert_eq!(refused.status, 3);
    for name in [
        "`RABBIT_PASS`",
        "`SSH_HOST_KEY_RSA_controller`",
        "`SSH_HOST_KEY_ED25519_controller`",
        "trainyard secrets",
    ] {
        assert!(refused.stderr.contains(name), "{refused:?}");
    }
    assert!(!lab.path("none").exists() && !lab.path("secrets.yaml").exists());
}

#[test]
fn the_environment_is_checked_and_a_slip_of_the_pen_is_told() {
    let lab = Lab::example("smallest.yaml");
    let variables = [
        ("TRAINYARD_SECRET_RABBIT_PASS", "OpenStack1"),
        ("TRAINYARD_SECRET_ADMIN_PASS", ""),
        ("TRAINYARD_SECRET_NOVA_PASS", "pa$$word-of-mine"),
        ("TRAINYARD_SECRET_SSH_HOST_KEY_RSA_compute", "AAAAhunter"),
    ];
    for arguments in [&["secrets"][..], &["secrets", "list"], &["render", "-o", "out"]] {
        let refused = with_environment(&lab, arguments, &variables);
        assert_eq!(refused.status, 3);
        for told in [
            "`TRAINYARD_SECRET_RABBIT_PASS`: well known; set another value",
            "`TRAINYARD_SECRET_ADMIN_PASS`: empty",
            "`TRAINYARD_SECRET_NOVA_PASS`: letters and digits only",
            "`TRAINYARD_SECRET_SSH_HOST_KEY_RSA_compute`: not the base64",
        ] {
            assert!(refused.stderr.contains(told), "{told}\n{refused:?}");
        }
        assert!(
            !refused.stderr.contains("OpenStack1") && !refused.stderr.contains("hunter"),
            "{refused:?}"
        );
    }
    let slips = [("TRAINYARD_SECRET_RABIT_PASS", "secretvalue1"), ("TRAINYARD_SECRET_X", "é y")];
    for arguments in [&["secrets"][..], &["secrets", "list"], &["render", "-o", "out"]] {
        let told = with_environment(&lab, arguments, &slips);
        assert_eq!(told.status, 0, "{told:?}");
        assert!(told.stderr.contains("nothing asks for `TRAINYARD_SECRET_RABIT_PASS`, which is set: did you mean `TRAINYARD_SECRET_RABBIT_PASS`?"), "{told:?}");
        assert!(
            told.stderr.contains("`TRAINYARD_SECRET_X`, which is set: `trainyard secrets list`"),
            "{told:?}"
        );
        assert!(!told.stderr.contains("secretvalue1"), "{told:?}");
    }
}

#[test]
fn programs_that_are_run_do_not_get_the_variables() {
    let lab = lab_of(&["controller", "new"]);
    write_secrets(&lab, "ADMIN_PASS: ownvalue123\n");
    fs::create_dir(lab.path("bin")).expect("a folder");
    let real = std::env::split_paths(&std::env::var_os("PATH").expect("a path"))
        .map(|folder| folder.join("ssh-keygen"))
        .find(|path| path.exists())
        .expect("ssh-keygen is there");
    let script = format!(
        "#!/bin/sh\nenv >> '{}'\nexec {} \"$@\"\n",
        lab.path("seen").display(),
        real.display()
    );
    fs::write(lab.path("bin/ssh-keygen"), script).expect("written");
    fs::set_permissions(lab.path("bin/ssh-keygen"), fs::Permissions::from_mode(0o755))
        .expect("set");
    let path = format!("{}:/usr/bin:/bin", lab.path("bin").display());
    let variables = [
        ("PATH", path.as_str()),
        ("TRAINYARD_SECRET_RABBIT_PASS", "fromEnvironment1"),
        ("TRAINYARD_SECRET_X", "fromEnvironment2"),
        ("TRAINYARD_OTHER", "is handed on"),
    ];
    let made = with_environment(&lab, &["-v", "secrets"], &variables);
    assert_eq!(made.status, 0, "{made:?}");
    // And neither is any key on their command lines.
    assert_eq!(
        made.stderr.matches("\n$ ").count() + usize::from(made.stderr.starts_with("$ ")),
        6,
        "{made:?}"
    );
    let seen = lab.read("seen");
    assert!(seen.contains("TRAINYARD_OTHER=is handed on\n") && seen.contains("LC_ALL=C\n"));
    assert!(!seen.contains("TRAINYARD_SECRET") && !seen.contains("fromEnvironment"), "{seen}");
}
