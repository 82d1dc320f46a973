//! Secrets as a person meets them: made, rotated, shown on request, taken from the environment, and never said.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use common::{Lab, Outcome, PROGRAM, ROOT, make_private};

const TYPES: [&str; 3] = ["rsa", "ecdsa", "ed25519"];

/// A lab with the nodes of these names, of which the first is the controller.
fn lab_of(nodes: &[&str]) -> Lab {
    Lab::new(&lab_text(nodes))
}

fn lab_text(nodes: &[&str]) -> String {
    let role = |number| if number == 11 { "controller" } else { "compute" };
    let node = |(number, node): (u32, &&str)| {
        format!("  {node}: {{role: {}, address: 10.0.0.{number}}}\n", role(number))
    };
    "nodes:\n".to_owned() + &(11..).zip(nodes).map(node).collect::<String>()
}

fn write_secrets(lab: &Lab, text: &str) {
    fs::write(lab.path("secrets.yaml"), text).expect("written");
    make_private(&lab.path("secrets.yaml"));
}

fn values(lab: &Lab) -> BTreeMap<String, String> {
    serde_yaml::from_str(&lab.read("secrets.yaml")).expect("YAML")
}

fn json(outcome: &Outcome) -> serde_json::Value {
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

fn with_environment(lab: &Lab, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let mut command = lab.command(arguments);
    command.envs(variables.iter().copied());
    common::outcome(command)
}

/// A private key file of that content, as `ssh-keygen` wants it.
fn key_file(lab: &Lab, content: &str) -> String {
    fs::write(lab.path("key"), content).expect("written");
    make_private(&lab.path("key"));
    lab.path("key").display().to_string()
}

fn ssh_keygen(arguments: &[&str]) -> String {
    let mut command = common::judge("ssh-keygen");
    command.args(arguments);
    common::judged(command).stdout.trim_end().to_owned()
}

/// A key file made from what the secrets file holds.
fn pem(body: &str) -> String {
    let lines: Vec<_> = body.as_bytes().chunks(70).map(String::from_utf8_lossy).collect();
    let lines = lines.join("\n");
    format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}\n-----END OPENSSH PRIVATE KEY-----\n")
}

#[test]
fn an_older_file_gets_what_is_new_and_keeps_every_byte() {
    let lab = lab_of(&["controller", "compute-1"]);
    let before =
        "# mine\nRABBIT_PASS:   ownvalue123   # of my own\n\nROOT_PASS: 'ownvalue456'\n# end";
    write_secrets(&lab, before);
    let made = lab.done(&["secrets"]);
    assert!(made.stdout.ends_with("secrets made, 2 kept\n"), "{made:?}");
    let after = lab.read("secrets.yaml");
    assert!(after.starts_with(&format!("{before}\n")), "{after}");
    let all = values(&lab);
    assert_eq!(all["RABBIT_PASS"], "ownvalue123");
    for node in ["controller", "compute-1"] {
        for (kind, bits) in TYPES.iter().zip(["3072", "256", "256"]) {
            let body = &all[&format!("SSH_HOST_KEY_{}_{node}", kind.to_uppercase())];
            let shown = ssh_keygen(&["-lf", &key_file(&lab, &pem(body))]);
            assert!(
                shown.starts_with(&format!("{bits} "))
                    && shown.ends_with(&format!("({})", kind.to_uppercase())),
                "{shown}"
            );
        }
    }
    assert!(lab.done(&["secrets"]).stdout.contains("nothing was missing"));
    assert_eq!(lab.read("secrets.yaml"), after);
    assert_eq!(
        lab.names("."),
        [".gitignore", "key", "lab.yaml", "secrets.yaml"],
        "nothing else is left"
    );
    lab.done(&["render", "-o", "out"]);
}

#[test]
fn keys_of_a_node_that_is_gone_are_kept_and_told() {
    let lab = lab_of(&["controller", "compute"]);
    fs::write(lab.path("lab.yaml"), lab_text(&["controller"])).expect("written");
    let before = lab.read("secrets.yaml");
    let said = lab.done(&["secrets"]);
    for kind in TYPES {
        let told =
            format!("nothing asks for the secret `SSH_HOST_KEY_{}_compute`", kind.to_uppercase());
        assert!(said.stderr.contains(&told), "{said:?}");
    }
    assert_eq!(lab.read("secrets.yaml"), before);
}

#[test]
fn a_lab_file_with_errors_gets_everything_but_host_keys() {
    let lab = Lab::new("nodes: {controller: {role: none}}\n");
    write_secrets(&lab, "# none yet\n");
    let said = lab.run(&["secrets"]);
    assert_eq!(said.status, 3);
    assert!(said.stdout.contains("22 secrets made"), "{said:?}");
    assert!(
        said.stderr.contains("`lab.yaml` has errors") && said.stderr.contains("host keys"),
        "{said:?}"
    );
    let all = values(&lab);
    assert!(all.contains_key("RABBIT_PASS") && !all.keys().any(|name| name.starts_with("SSH_")));
    // What is there of host keys is not told as unknown: nobody knows.
    let text = lab.read("secrets.yaml") + &format!("SSH_HOST_KEY_ED25519_x: {}\n", ed25519());
    write_secrets(&lab, &text);
    assert!(!lab.run(&["secrets"]).stderr.contains("nothing asks"));
    assert_eq!(lab.done(&["secrets", "show", "RABBIT_PASS"]).stdout.trim_end(), all["RABBIT_PASS"]);
}

/// One host key of the fixture.
fn ed25519() -> String {
    values(&lab_of(&["controller"]))["SSH_HOST_KEY_ED25519_controller"].clone()
}

#[test]
fn without_ssh_keygen_nothing_is_half_done() {
    let lab = lab_of(&["controller", "new"]);
    let before: String = lab
        .read("secrets.yaml")
        .lines()
        .filter(|l| !l.contains("_new:"))
        .map(|l| format!("{l}\n"))
        .collect();
    write_secrets(&lab, &before);
    for arguments in
        [&["secrets"][..], &["secrets", "rotate", "SSH_HOST_KEY_RSA_new"], &["init", "other"]]
    {
        let refused = with_environment(&lab, arguments, &[("PATH", "/nowhere")]);
        assert_eq!(refused.status, 4, "{refused:?}");
        assert!(
            refused.stderr.contains("`ssh-keygen` is needed to make the nodes' SSH host keys")
                && refused.stderr.contains("openssh-client"),
            "{refused:?}"
        );
    }
    assert_eq!(lab.read("secrets.yaml"), before);
    assert!(lab.names("other").is_empty());
    // It is needed for nothing else.
    let lab = Lab::example("smallest.yaml");
    let rendered = with_environment(&lab, &["render", "-o", "out"], &[("PATH", "/nowhere")]);
    assert_eq!(rendered.status, 0, "{rendered:?}");
}

#[test]
fn rotating_changes_the_values_that_are_named_and_no_other_byte() {
    let lab = Lab::example("smallest.yaml");
    let text = lab.read("secrets.yaml") + "# the end\n";
    let odd = text
        .replace("RABBIT_PASS: \"", "\n'RABBIT_PASS'  :   \"")
        .replace("\nNOVA_PASS: ", "  # é\nNOVA_PASS: ");
    write_secrets(&lab, &odd);
    let before = values(&lab);
    let names = ["RABBIT_PASS", "ROOT_PASS", "SSH_HOST_KEY_ED25519_compute", "RABBIT_PASS"];
    let said = lab.done(&[&["secrets", "rotate"], &names[..]].concat());
    let rotated = ["RABBIT_PASS", "ROOT_PASS", "ROOT_PASS_SALT", "SSH_HOST_KEY_ED25519_compute"];
    assert_eq!(said.stdout, format!("secrets.yaml: new values for {}\n", rotated.join(", ")));
    let after = values(&lab);
    let mut restored = lab.read("secrets.yaml");
    for (name, value) in &after {
        let is_new = before[name] != *value;
        assert_eq!(is_new, rotated.contains(&name.as_str()), "{name}");
        if is_new {
            assert_eq!(restored.matches(value.as_str()).count(), 1);
            restored = restored.replace(value, &before[name]);
        }
    }
    assert_eq!(restored, odd);
    let mode = fs::metadata(lab.path("secrets.yaml")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    lab.done(&["render", "-o", "out"]);
    assert!(lab.read("out/controller/ks.cfg").contains(&after["RABBIT_PASS"]));
}

#[test]
fn rotating_what_nothing_asks_for_is_usage() {
    let lab = Lab::example("smallest.yaml");
    let before = lab.read("secrets.yaml");
    for (name, nearest) in [
        ("RABIT_PASS", "did you mean `RABBIT_PASS`?"),
        ("SSH_HOST_KEY_RSA_computer", "did you mean `SSH_HOST_KEY_RSA_compute`?"),
        ("XYZZY", "known here: `DATABASE_ROOT_PASS`, "),
    ] {
        let refused = lab.run(&["secrets", "rotate", "NOVA_PASS", name]);
        assert_eq!(refused.status, 2);
        assert!(refused.stderr.contains(&format!("`{name}`: {nearest}")), "{refused:?}");
        let refused = lab.run(&["secrets", "show", name]);
        assert_eq!(refused.status, 2);
        assert!(refused.stdout.is_empty() && refused.stderr.contains(nearest), "{refused:?}");
    }
    assert_eq!(lab.run(&["secrets", "rotate"]).status, 2);
    assert_eq!(lab.read("secrets.yaml"), before, "all or nothing");
}

#[test]
fn a_name_that_has_no_line_yet_gets_one_by_rotating() {
    let lab = Lab::example("smallest.yaml");
    write_secrets(&lab, "ADMIN_PASS: ownvalue123");
    lab.done(&["secrets", "rotate", "RABBIT_PASS"]);
    let text = lab.read("secrets.yaml");
    assert!(
        text.starts_with("ADMIN_PASS: ownvalue123\nRABBIT_PASS: \"")
            && text.ends_with("  # user openstack of the message queue\n"),
        "{text}"
    );
}

#[test]
fn showing_prints_one_value_and_nothing_else() {
    let lab = Lab::example("smallest.yaml");
    let all = values(&lab);
    for name in ["ADMIN_PASS", "ROOT_PASS_SALT", "SSH_HOST_KEY_ECDSA_compute"] {
        let said =
            with_environment(&lab, &["secrets", "show", name], &[("TRAINYARD_SECRET_X", "x")]);
        assert_eq!((said.status, said.stderr.as_str()), (0, ""));
        assert_eq!(said.stdout, format!("{}\n", all[name]));
        let said = json(&lab.done(&["secrets", "show", name, "--format", "json"]));
        assert_eq!(said, serde_json::json!({ "schema": 1, "name": name, "value": all[name] }));
    }
    write_secrets(&lab, "ADMIN_PASS: ownvalue123\nMINE: ownvalue456\n");
    assert_eq!(lab.done(&["secrets", "show", "MINE"]).stdout, "ownvalue456\n");
    let missing = lab.run(&["secrets", "show", "RABBIT_PASS"]);
    assert_eq!(missing.status, 3);
    assert!(missing.stderr.contains("`RABBIT_PASS` is missing"), "{missing:?}");
}

#[test]
fn the_list_says_what_for_and_where_from() {
    let lab = Lab::example("smallest.yaml");
    let text = lab.read("secrets.yaml");
    let missing = text.lines().find(|l| l.starts_with("NOVA_PASS")).expect("there");
    write_secrets(&lab, &(text.replace(missing, "MINE: ownvalue123")));
    let variables = [("TRAINYARD_SECRET_RABBIT_PASS", "ownvalue456")];
    let said = with_environment(&lab, &["secrets", "list"], &variables).stdout;
    let words = |name: &str| {
        let line = said.lines().find(|l| l.split(' ').next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("{name}\n{said}"));
        line.split("  ").filter(|w| !w.is_empty()).map(|w| w.trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        words("ADMIN_PASS"),
        ["ADMIN_PASS", "secrets.yaml", "user admin of the Identity service"]
    );
    assert_eq!(words("RABBIT_PASS")[1..], ["environment", "user openstack of the message queue"]);
    assert_eq!(words("NOVA_PASS")[1], "missing");
    assert_eq!(words("MINE")[1..], ["secrets.yaml", "nothing asks for it"]);
    let key = "SSH_HOST_KEY_ED25519_compute";
    let file = key_file(&lab, &pem(&values(&lab)[key]));
    let fingerprint = ssh_keygen(&["-lf", &file]);
    let fingerprint = fingerprint.split(' ').nth(1).expect("a fingerprint");
    assert_eq!(words(key)[2], format!("SSH host key (ed25519) of compute: {fingerprint}"));

    let data = json(&with_environment(&lab, &["secrets", "list", "--format", "json"], &variables));
    let rows = data["secrets"].as_array().expect("rows");
    assert_eq!(rows.len(), said.lines().count());
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).expect("there");
    assert_eq!(row("ADMIN_PASS")["source"], "file");
    assert_eq!(row("RABBIT_PASS")["source"], "environment");
    assert_eq!(row("RABBIT_PASS")["variable"], "TRAINYARD_SECRET_RABBIT_PASS");
    assert!(row("NOVA_PASS")["source"].is_null() && row("MINE")["purpose"].is_null());
    assert_eq!(row(key)["fingerprint"], fingerprint);
}

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

#[test]
fn a_folder_that_others_can_write_is_refused() {
    let lab = Lab::example("smallest.yaml");
    let set =
        |mode| fs::set_permissions(lab.path("."), fs::Permissions::from_mode(mode)).expect("set");
    for mode in [0o775, 0o757] {
        set(mode);
        for arguments in
            [&["render", "-o", "out"][..], &["secrets"], &["secrets", "show", "ADMIN_PASS"]]
        {
            let refused = lab.run(arguments);
            assert_eq!(refused.status, 3, "{refused:?}");
            assert!(
                refused.stderr.contains(&format!("mode 0{mode:o}"))
                    && refused.stderr.contains("run `chmod go-w .`"),
                "{refused:?}"
            );
        }
    }
    set(0o1777);
    lab.done(&["render", "-o", "out"]);
    // What `init` makes is right whatever the umask.
    let mut command = common::judge("bash");
    command
        .args(["-c", "umask 002; exec \"$@\"", "-", PROGRAM, "init", "new"])
        .current_dir(lab.path("."));
    common::judged(command);
    let mode = fs::metadata(lab.path("new")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn a_file_of_another_user_is_refused() {
    use std::os::unix::process::CommandExt;
    // Somewhere that every user can enter, with the program and a file that is root's.
    let lab = Lab::example("smallest.yaml");
    fs::set_permissions(lab.path("."), fs::Permissions::from_mode(0o755)).expect("set");
    symlink("/etc/passwd", lab.path("link.yaml")).expect("linked");
    fs::copy(PROGRAM, lab.path("trainyard")).expect("copied");
    let as_user = |arguments: &[&str]| {
        let mut command = Command::new(lab.path("trainyard"));
        command.args(arguments).current_dir(lab.path("."));
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        common::outcome(command)
    };
    for file in ["/etc/passwd", "link.yaml"] {
        let refused = as_user(&["secrets", "list", "--secrets", file]);
        assert_eq!(refused.status, 3, "{refused:?}");
        assert!(
            refused.stderr.contains(&format!("`{file}` belongs to another user (uid 0)"))
                && refused.stderr.contains("chown"),
            "{refused:?}"
        );
    }
    for odd in ["/dev/null", "."] {
        let refused = lab.run(&["secrets", "list", "--secrets", odd]);
        assert_eq!(refused.status, 9, "{refused:?}");
        assert!(refused.stderr.contains("no regular file"), "{refused:?}");
    }
    // Root may, and what it writes stays the owner's.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(lab.path("secrets.yaml"), Some(65534), Some(65534))
            .expect("given away");
        lab.done(&["secrets", "rotate", "ADMIN_PASS"]);
        std::os::unix::fs::chown(lab.path("."), Some(65534), Some(65534)).expect("given away");
        let shown = as_user(&["secrets", "show", "ADMIN_PASS"]);
        assert_eq!(shown.status, 0, "{shown:?}");
    }
}

/// The files that a script's `put` commands write, by path.
fn put_files(text: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((path, _)) =
            line.strip_prefix("put 0600 ").and_then(|rest| rest.split_once(" <<'"))
        else {
            continue;
        };
        let content =
            lines.by_ref().take_while(|l| *l != "EOF").map(|l| format!("{l}\n")).collect();
        files.insert(path.to_owned(), content);
    }
    files
}

#[test]
fn a_node_keeps_its_host_keys_over_rebuilds() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "-o", "out"]);
    for node in ["controller", "compute"] {
        let kickstart = lab.read(&format!("out/{node}/ks.cfg"));
        let nochroot = kickstart.split("%post --nochroot").nth(1).expect("a script");
        let (nochroot, rest) = nochroot.split_once("\n%end\n").expect("its end");
        assert!(!rest.contains("PRIVATE KEY"), "only among the secrets");
        let files = put_files(nochroot);
        let data: serde_json::Value =
            serde_yaml::from_str(&lab.read(&format!("out/{node}/user-data"))).expect("YAML");
        assert_eq!(data["ssh_deletekeys"], true);
        let keys = data["ssh_keys"].as_object().expect("keys");
        assert_eq!(keys.len(), 6);
        for kind in TYPES {
            let file = &files[&format!("/mnt/sysimage/etc/ssh/ssh_host_{kind}_key")];
            assert_eq!(
                *file,
                pem(&values(&lab)[&format!("SSH_HOST_KEY_{}_{node}", kind.to_uppercase())])
            );
            assert_eq!(keys[&format!("{kind}_private")], *file);
            let public = ssh_keygen(&["-yf", &key_file(&lab, file)]);
            assert_eq!(keys[&format!("{kind}_public")], format!("{}\n", public.trim_end()));
        }
        let commands = data["runcmd"].to_string();
        assert!(
            commands.contains(r#"["chmod","0644","/etc/ssh/ssh_host_rsa_key.pub","#),
            "{commands}"
        );
    }
}

#[test]
fn the_installed_system_makes_the_public_halves() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "compute", "-o", "out"]);
    let kickstart = lab.read("out/compute/ks.cfg");
    let data: serde_json::Value =
        serde_yaml::from_str(&lab.read("out/compute/user-data")).expect("YAML");
    let etc = lab.path("etc/ssh");
    fs::create_dir_all(&etc).expect("a folder");
    for (path, content) in put_files(&kickstart) {
        if let Some(name) = path.strip_prefix("/mnt/sysimage/etc/ssh/") {
            fs::write(etc.join(name), content).expect("written");
            make_private(&etc.join(name));
        }
    }
    let post = &kickstart[kickstart.find("\n%post --interpreter").expect("a script")..];
    let between = |begin: &str, end: &str| {
        let start = post.find(begin).unwrap_or_else(|| panic!("{begin}"));
        &post[start..start + post[start..].find(end).expect("an end")]
    };
    let put = between("put() {", "\n}\n").to_owned() + "\n}\n";
    let part = between("for key in /etc/ssh/", "\n\n");
    assert!(part.ends_with("\ndone\nrestorecon -RF /etc/ssh"), "{part}");
    let part =
        part.replace("restorecon -RF", "echo").replace("/etc/ssh", &etc.display().to_string());
    let mut command = common::judge("bash");
    command.args(["-Eeuc", &format!("umask 077\n{put}{part}")]);
    common::judged(command);
    for kind in TYPES {
        let public = etc.join(format!("ssh_host_{kind}_key.pub"));
        assert_eq!(fs::metadata(&public).expect("there").permissions().mode() & 0o777, 0o644);
        // The same as cloud-init gets.
        let line = fs::read_to_string(&public).expect("text");
        assert_eq!(data["ssh_keys"][format!("{kind}_public")], format!("{}\n", line.trim_end()));
    }
}

#[test]
fn a_private_key_where_a_public_one_belongs_is_refused() {
    let lab = Lab::example("smallest.yaml");
    // Without its beginning, by which it would be known before anything is rendered.
    let body = values(&lab)["SSH_HOST_KEY_RSA_controller"][30..].to_owned();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0";
    let text =
        format!("access: {{ssh_authorized_keys: [\"{key} {body}\"]}}\n{}", lab.read("lab.yaml"));
    fs::write(lab.path("lab.yaml"), text).expect("written");
    let refused = lab.run(&["render", "-o", "out"]);
    assert_eq!(refused.status, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("`SSH_HOST_KEY_RSA_controller`"), "{}", refused.stderr);
    assert!(!lab.path("out").exists());
}

/// Texts of which each gives a value away: the value, or any of its lines where it is broken into lines.
fn traces(lab: &Lab, more: &[&str]) -> Vec<String> {
    let mut traces: Vec<String> = more.iter().map(|&value| value.to_owned()).collect();
    for (name, value) in values(lab) {
        if name.starts_with("SSH_HOST_KEY") {
            // The first lines hold the public half; the last one, the comment and padding.
            let lines: Vec<_> = value.as_bytes().chunks(70).map(String::from_utf8_lossy).collect();
            traces.extend(
                lines[lines.len() / 2 + 1..lines.len() - 1].iter().map(ToString::to_string),
            );
        } else {
            traces.push(value);
        }
    }
    traces
}

#[test]
fn nothing_says_a_secret_that_was_not_asked_for() {
    let lab = Lab::example("reference.yaml");
    let variables = [
        ("TRAINYARD_SECRET_GLANCE_PASS", "fromEnvironment1"),
        ("TRAINYARD_SECRET_X", "fromEnvironment2"),
    ];
    let traces = traces(&lab, &["fromEnvironment1", "fromEnvironment2"]);
    assert!(traces.len() > 50);
    lab.done(&["render", "-o", "there"]);
    let mut said = Vec::new();
    let mut run = |arguments: &[&str], status: i32| {
        for level in [&[][..], &["--verbose"]] {
            let outcome = with_environment(&lab, &[level, arguments].concat(), &variables);
            assert_eq!(outcome.status, status, "{arguments:?} {outcome:?}");
            said.push((arguments.join(" "), outcome.stdout + &outcome.stderr));
        }
    };
    for json in [&[][..], &["--format", "json"]] {
        let mut run = |arguments: &[&str], status| run(&[arguments, json].concat(), status);
        run(&["check"], 0);
        run(&["plan"], 0);
        run(&["plan", "controller"], 0);
        run(&["secrets", "list"], 0);
        run(&["secrets", "show", "NO_SUCH"], 2);
        run(&["secrets"], 0);
        run(&["render", "-o", "there"], 8);
        run(&["render", "-o", "there", "--force"], 0);
        run(&["render", "nowhere", "-o", "there"], 2);
        run(&["build", "-o", "isos", "--image", "none.iso"], 9);
    }
    // Values that cannot be used, and a line that is no YAML.
    let text = lab.read("secrets.yaml");
    let ed25519 = &values(&lab)["SSH_HOST_KEY_ED25519_compute"];
    for broken in [
        text.replace(ed25519, &ed25519[..ed25519.len() - 8]),
        text.replace("RABBIT_PASS: \"", "RABBIT_PASS: \"$"),
        text.clone() + "ADMIN_PASS: \"fromEnvironment2\"\n",
        text.clone() + "  - fromEnvironment2: [\n",
        text.replace("\nRABBIT_PASS", "\nRABBIT_PAS"),
    ] {
        write_secrets(&lab, &broken);
        run(&["render", "-o", "there", "--force"], 3);
    }
    write_secrets(&lab, &text);
    run(&["secrets", "rotate", "ADMIN_PASS", "SSH_HOST_KEY_ECDSA_compute"], 0);
    for (command, text) in said {
        for trace in traces.iter().chain(values(&lab).values().filter(|v| v.len() == 40)) {
            assert!(!text.contains(trace.as_str()), "trainyard {command} says {trace}");
        }
    }
    // The test would have found one.
    let kickstart = lab.read("there/controller/ks.cfg");
    assert!(traces.iter().filter(|trace| kickstart.contains(trace.as_str())).count() > 15);
}
