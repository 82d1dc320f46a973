//! The commands as a person meets them: what they say, leave, refuse, and their exit codes.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::Lab;

fn mode(lab: &Lab, path: &str) -> u32 {
    fs::metadata(lab.path(path)).expect("there").permissions().mode() & 0o777
}

#[test]
fn init_writes_a_lab_that_is_right_and_touches_nothing_that_is_there() {
    let lab = Lab::example("smallest.yaml");
    let said = lab.done(&["init", "new"]);
    assert!(said.stdout.contains("root logs in with ROOT_PASS"), "{said:?}");
    assert_eq!(lab.names("new"), [".gitignore", "lab.yaml", "secrets.yaml"]);
    assert_eq!(mode(&lab, "new/secrets.yaml"), 0o600);
    assert!(lab.read("new/.gitignore").lines().any(|l| l == "secrets.yaml"));
    lab.done(&["--lab", "new/lab.yaml", "check"]);
    lab.done(&["--lab", "new/lab.yaml", "render", "-o", "new/rendered"]);

    let before = lab.read("new/lab.yaml");
    let again = lab.run(&["init", "new"]);
    assert_eq!(again.status, 8);
    assert!(again.stderr.contains("is there already"), "{again:?}");
    assert_eq!(lab.read("new/lab.yaml"), before);
}

#[test]
fn an_init_that_failed_can_be_run_again() {
    let lab = Lab::example("smallest.yaml");
    fs::create_dir(lab.path("new")).expect("a folder");
    fs::write(lab.path("new/secrets.yaml"), "RABBIT_PASS: password\n").expect("written");
    common::make_private(&lab.path("new/secrets.yaml"));
    assert_eq!(lab.run(&["init", "new"]).status, 3);
    assert!(!lab.path("new/lab.yaml").exists());
    fs::remove_file(lab.path("new/secrets.yaml")).expect("removed");
    lab.done(&["init", "new"]);
}

#[test]
fn init_takes_the_key_that_is_there() {
    let lab = Lab::example("smallest.yaml");
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0 it's me: \"here\"";
    fs::create_dir(lab.path(".ssh")).expect("a folder");
    fs::write(lab.path(".ssh/id_ed25519.pub"), format!("# mine\n{key}\n")).expect("written");
    lab.done(&["init", "new"]);
    lab.done(&["--lab", "new/lab.yaml", "render", "-o", "out"]);
    assert!(
        lab.read("out/compute/user-data")
            .contains("AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0")
    );
}

#[test]
fn secrets_are_filled_and_kept() {
    let lab = Lab::example("smallest.yaml");
    assert!(lab.done(&["secrets"]).stdout.contains("nothing was missing"));
    assert!(lab.read(".gitignore").lines().any(|l| l == "secrets.yaml"));
    let text = lab.read("secrets.yaml");
    let without: String =
        text.lines().filter(|l| !l.starts_with("RABBIT_PASS")).map(|l| format!("{l}\n")).collect();
    fs::write(lab.path("secrets.yaml"), without).expect("written");

    let missing = lab.run(&["render", "-o", "out"]);
    assert_eq!(missing.status, 3);
    assert!(
        missing.stderr.contains("`RABBIT_PASS` is missing")
            && missing.stderr.contains("trainyard secrets"),
        "{missing:?}"
    );
    assert!(!lab.path("out").exists(), "nothing half-written");

    fs::write(
        lab.path("secrets.yaml"),
        lab.read("secrets.yaml") + "RABIT_PASS: \"4f3c2b1a9d8e7f6a5b4c\"\n",
    )
    .expect("written");
    let made = lab.done(&["secrets"]);
    assert!(
        made.stdout.contains("1 secrets made")
            && made.stderr.contains("nothing asks for the secret `RABIT_PASS`")
    );
    lab.done(&["render", "-o", "out"]);

    fs::set_permissions(lab.path("secrets.yaml"), fs::Permissions::from_mode(0o640)).expect("set");
    let open = lab.run(&["render", "-o", "out2"]);
    assert_eq!(open.status, 3);
    assert!(open.stderr.contains("chmod 600"), "{open:?}");
}

#[test]
fn secrets_belong_to_a_lab() {
    let lab = Lab::example("smallest.yaml");
    let lost = lab.run(&["--lab", "elsewhere/lab.yaml", "secrets"]);
    assert_eq!(lost.status, 9);
    assert!(lost.stderr.contains("no lab file `elsewhere/lab.yaml`"), "{lost:?}");
}

#[test]
fn a_weak_secret_is_refused_without_being_shown() {
    let lab = Lab::example("smallest.yaml");
    let text = lab
        .read("secrets.yaml")
        .lines()
        .map(|l| {
            if l.starts_with("RABBIT") {
                "RABBIT_PASS: OpenStack\n".into()
            } else {
                format!("{l}\n")
            }
        })
        .collect::<String>();
    fs::write(lab.path("secrets.yaml"), text).expect("written");
    for command in [&["secrets"][..], &["render", "-o", "out"]] {
        let refused = lab.run(command);
        assert_eq!(refused.status, 3);
        assert!(refused.stderr.contains("RABBIT_PASS: well known"), "{refused:?}");
        assert!(!refused.stderr.contains("OpenStack"), "{refused:?}");
    }
}

#[test]
fn a_secret_that_is_a_common_word_is_refused() {
    let lab = Lab::example("smallest.yaml");
    let text = lab.read("secrets.yaml");
    let line = text.lines().find(|l| l.starts_with("RABBIT_PASS")).expect("there");
    fs::write(lab.path("secrets.yaml"), text.replace(line, "RABBIT_PASS: controller"))
        .expect("written");
    let refused = lab.run(&["render", "-o", "out"]);
    assert_eq!(refused.status, 3);
    assert!(refused.stderr.contains("`RABBIT_PASS` is so common a word"), "{refused:?}");
    assert!(refused.stderr.contains("delete the line and run `trainyard secrets`"), "{refused:?}");

    fs::write(lab.path("secrets.yaml"), text).expect("written");
    let mut command = lab.command(&["render", "-o", "out"]);
    command.env("TRAINYARD_SECRET_RABBIT_PASS", "controller");
    let refused = common::outcome(command);
    assert_eq!(refused.status, 3);
    assert!(refused.stderr.contains("`RABBIT_PASS` is so common a word"), "{refused:?}");
    assert!(
        refused.stderr.contains("set another value, or none to have the file's"),
        "{refused:?}"
    );
}

#[test]
fn what_cannot_be_said_is_an_error_and_no_panic() {
    let lab = Lab::example("smallest.yaml");
    for arguments in [&["plan"][..], &["plan", "--format", "json"], &["completions", "bash"]] {
        let mut command = lab.command(arguments);
        command
            .stdout(fs::File::create("/dev/full").expect("opened"))
            .stderr(std::process::Stdio::piped());
        let output = command.output().expect("it runs");
        assert_eq!(output.status.code(), Some(9), "{arguments:?} {output:?}");
    }
}

#[test]
fn no_secret_is_said() {
    let lab = Lab::example("smallest.yaml");
    let secrets = lab.read("secrets.yaml");
    let values: Vec<_> = secrets.lines().filter_map(|l| l.split('"').nth(1)).collect();
    for arguments in [
        &["plan", "--format", "json"][..],
        &["plan", "controller"],
        &["-v", "render", "-o", "out"],
        &["-v", "secrets"],
    ] {
        let said = lab.done(arguments);
        assert!(
            values.iter().all(|v| !said.stdout.contains(v) && !said.stderr.contains(v)),
            "{arguments:?}"
        );
    }
}

#[test]
fn render_writes_every_file_for_its_owner_and_refuses_to_overwrite() {
    let lab = Lab::example("smallest.yaml");
    let said = lab.done(&["render", "compute", "-o", "out"]);
    assert_eq!(
        said.stdout.lines().collect::<Vec<_>>(),
        [
            "out/compute/ks.cfg",
            "out/compute/user-data",
            "out/compute/meta-data",
            "out/compute/network-config",
            "out/compute/apply.sh"
        ]
    );
    assert_eq!(lab.names("out"), ["compute"]);
    for file in lab.names("out/compute") {
        assert_eq!(mode(&lab, &format!("out/compute/{file}")), 0o600, "{file}");
    }
    fs::write(lab.path("out/compute/meta-data"), "mine").expect("written");
    let refused = lab.run(&["render", "-o", "out"]);
    assert_eq!(refused.status, 8);
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(lab.read("out/compute/meta-data"), "mine");
    assert_eq!(lab.names("out"), ["compute"], "all or nothing");
    // One that cannot be written stops the others.
    fs::create_dir_all(lab.path("half/controller/user-data")).expect("a folder");
    let failed = lab.run(&["render", "-o", "half", "--force"]);
    assert_eq!(failed.status, 9, "{failed:?}");
    assert_eq!(lab.names("half/controller"), ["user-data"]);
    lab.done(&["render", "-o", "out", "--force"]);
    assert_ne!(lab.read("out/compute/meta-data"), "mine");
}

/// A process may have 1,024 files open, usually; a large lab has more.
#[test]
fn a_lab_may_have_more_files_than_may_be_open() {
    let lab = Lab::new(
        "host_keys: new\nnodes:\n  controller: {role: controller, address: 10.0.0.11}\n  compute[1-14]: {role: compute, address: '10.0.0.[21-34]'}\n",
    );
    let inner = lab.command(&["render", "-o", "out"]);
    let mut command = common::judge("sh");
    command.args(["-c", r#"ulimit -n 60 && exec "$@""#, "sh"]);
    command.arg(inner.get_program()).args(inner.get_args()).current_dir(lab.path(""));
    common::judged(command);
    assert_eq!(lab.names("out").len(), 15);
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "-o", "a"]);
    lab.done(&["render", "-o", "b"]);
    for node in ["controller", "compute"] {
        for file in lab.names(&format!("a/{node}")) {
            assert_eq!(
                lab.read(&format!("a/{node}/{file}")),
                lab.read(&format!("b/{node}/{file}"))
            );
        }
    }
}

#[test]
fn plan_shows_every_value_and_where_it_comes_from() {
    let lab =
        Lab::new("timezone: UTC\nnodes: {controller: {role: controller, address: 10.0.0.11}}\n");
    let text = lab.done(&["plan"]).stdout;
    let line = |start: &str| {
        text.lines()
            .find(|l| l.trim_start().starts_with(start))
            .unwrap_or_else(|| panic!("{start}\n{text}"))
    };
    assert!(line("timezone").ends_with("lab.yaml:1"));
    assert!(line("keyboard").contains("us") && line("keyboard").ends_with("built-in"));
    assert!(line("networks.management.cidr").contains("10.0.0.0/24"));
    assert!(line("memory").contains("4GiB"));
    for key in [
        "version",
        "name",
        "image",
        "mirror",
        "language",
        "access.ssh_authorized_keys",
        "access.root_login",
        "access.user",
        "machine.serial",
        "storage.disk",
        "storage.layout",
        "storage.boot",
        "storage.swap",
        "storage.root",
        "storage.grow",
        "storage.data",
        "storage.wipe",
        "installer.boot_timeout",
        "installer.boot_arguments",
        "openstack.release",
        "openstack.networking",
        "openstack.services",
        "networks.management.gateway",
        "networks.management.dns",
        "networks.management.virtualbox.adapter",
        "networks.provider.virtualbox.attach",
        "networks.provider.virtualbox.host_interface",
        "time.servers",
        "cpus",
        "disk",
        "interfaces.enp0s9",
        "parameters.database.max_connections",
    ] {
        assert!(line(key).trim_start().starts_with(&format!("{key} ")), "{key}");
    }
    let detail = lab.done(&["plan", "controller"]).stdout;
    for part in [
        "stage database: ",
        "/etc/my.cnf.d/openstack.cnf",
        "3306/tcp from 10.0.0.0/24",
        "DATABASE_ROOT_PASS",
    ] {
        assert!(detail.contains(part), "{part}\n{detail}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&lab.done(&["plan", "--format", "json"]).stdout).expect("JSON");
    assert_eq!(json["nodes"][0]["stages"][0]["name"], "host-network");
}

#[test]
fn what_is_not_known_is_usage() {
    let lab = Lab::example("smallest.yaml");
    assert_eq!(lab.run(&["frobnicate"]).status, 2);
    assert_eq!(lab.run(&["render"]).status, 2, "-o is needed");
    let unknown = lab.run(&["plan", "computer"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.stderr.contains("did you mean `compute`?"), "{unknown:?}");
}

#[test]
fn quiet_and_colour() {
    let lab = Lab::new("nodes: {}\n");
    let plain = lab.run(&["check"]);
    assert_eq!(plain.status, 3);
    assert!(!plain.stdout.contains('\u{1b}'), "no colour into a pipe");
    let good = Lab::example("smallest.yaml");
    let said = good.done(&["-q", "render", "-o", "out"]);
    assert!(said.stderr.is_empty(), "{said:?}");
}

#[test]
fn completions_know_the_commands() {
    let lab = Lab::example("smallest.yaml");
    for shell in ["bash", "zsh", "fish"] {
        assert!(lab.done(&["completions", shell]).stdout.contains("inspect"));
    }
    let script = lab.path("c.bash");
    fs::write(&script, lab.done(&["completions", "bash"]).stdout).expect("written");
    let mut command = common::judge("bash");
    command.arg("-n").arg(script);
    common::judged(command);
}

#[test]
fn the_reference_page_is_what_the_program_prints() {
    let lab = Lab::new("");
    common::golden("docs/lab-file.md", &lab.done(&["schema", "--markdown"]).stdout);
    let schema: serde_json::Value =
        serde_json::from_str(&lab.done(&["schema"]).stdout).expect("JSON");
    assert_eq!(schema["additionalProperties"], false);
}
