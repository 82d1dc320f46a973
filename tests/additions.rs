//! What only an installer or only cloud-init does: `kickstart` and `cloud_init` of a lab. Read back by `PyYAML`, which is cloud-init's own parser,
//! and judged by cloud-init and pykickstart.

mod common;

use std::fs;
use std::process::Command;

use base64ct::{Base64, Encoding as _};
use common::installed::{Installed, scripts};
use common::{Lab, judge, judged, outcome};
use serde_json::{Value, json};

const NODE: &str = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";

/// A node's user-data, as a parser of YAML 1.1 reads it.
fn user_data(lab: &Lab, node: &str) -> Value {
    lab.done(&["--quiet", "render", "--force", "-o", "out"]);
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", script]).arg(lab.path(&format!("out/{node}/user-data")));
    serde_json::from_str(&judged(command).stdout).expect("JSON")
}

/// The user-data of a lab that says this under `cloud_init`.
fn with(said: &str) -> Value {
    user_data(&Lab::new(&format!("cloud_init:\n{said}\n{NODE}")), "controller")
}

/// What a list has beside what it has without additions.
fn added(with: &Value, without: &Value, key: &str) -> Vec<Value> {
    let list = |data: &Value| data[key].as_array().expect("a list").clone();
    let (all, ours) = (list(with), list(without));
    assert_eq!(all[..ours.len()], ours, "trainyard's own come first: {key}");
    all[ours.len()..].to_vec()
}

/// A data disk that nothing mounts: no installer has looked for it, so it is what the lab calls it.
#[test]
fn a_data_disk_has_the_name_that_the_lab_says() {
    for (said, name) in [
        ("disk: sdb", Some("/dev/sdb\n")),
        ("disk: {by_id: ata-DISK_7}", Some("/dev/disk/by-id/ata-DISK_7\n")),
        ("disk: {size: 20GiB}", None),
        ("disk: sdb, mount: /srv", None),
    ] {
        let data =
            user_data(&Lab::new(&format!("storage: {{data: {{{said}}}}}\n{NODE}")), "controller");
        let files = data["write_files"].as_array().expect("files");
        let mut files = files.iter().filter(|file| file["path"] == "/etc/trainyard/data-disk");
        assert_eq!(files.next().and_then(|file| file["content"].as_str()), name, "{said}");
    }
}

#[test]
fn lists_are_added_to_mappings_merge_and_single_values_replace() {
    let lab = Lab::new(
        "include: [more.yaml]\n\
         cloud_init: {runcmd: [of-lab], rsyslog: {remotes: {a: \"10.0.0.1\", b: \"10.0.0.1\"}}, final_message: lab, authkey_hash: md5}\n\
         roles:\n\
         \x20 controller: {cloud_init: role.yaml}\n\
         \x20 compute: {cloud_init: !replace {runcmd: [alone]}}\n\
         nodes:\n\
         \x20 controller:\n\
         \x20   role: controller\n\
         \x20   address: 10.0.0.11\n\
         \x20   cloud_init: {runcmd: [of-node], rsyslog: {remotes: {b: \"10.0.0.3\"}}, final_message: node, authkey_hash: ~}\n\
         \x20 compute: {role: compute, address: 10.0.0.31}\n\
         \x20 other: {role: compute, address: 10.0.0.32, cloud_init: {bootcmd: !replace [mine], runcmd: ~}}\n",
    );
    let more = "cloud_init: {runcmd: [of-include], bootcmd: [early]}\n";
    let role = "runcmd: [of-role]\nrsyslog: {remotes: {b: \"10.0.0.2\", c: \"10.0.0.2\"}}\nfinal_message: role\n";
    fs::write(lab.path("more.yaml"), more).expect("written");
    fs::write(lab.path("role.yaml"), role).expect("written");
    lab.know_nodes();
    let plain = user_data(&Lab::new(&format!("name: train\n{NODE}")), "controller");
    let data = user_data(&lab, "controller");
    assert_eq!(added(&data, &plain, "runcmd"), ["of-include", "of-lab", "of-role", "of-node"]);
    assert_eq!(data["bootcmd"], json!(["early"]));
    let remotes = json!({ "remotes": { "a": "10.0.0.1", "b": "10.0.0.3", "c": "10.0.0.2" } });
    assert_eq!(data["rsyslog"], remotes);
    assert_eq!(data["final_message"], "node");
    assert!(data.get("authkey_hash").is_none(), "`~` takes it back");
    let compute = user_data(&lab, "compute");
    let last = compute["runcmd"].as_array().and_then(|list| list.last()).expect("a command");
    assert!(last == "alone" && compute.get("rsyslog").is_none(), "`!replace` leaves nothing");
    let other = user_data(&lab, "other");
    assert_eq!(other["bootcmd"], json!(["mine"]));
    assert!(!other["runcmd"].to_string().contains("alone"));

    let explained = lab.done(&["plan", "--explain", "controller"]).stdout;
    for (path, origin) in [
        ("cloud_init.runcmd[0]", "more.yaml:1"),
        ("cloud_init.runcmd[2]", "role.yaml:1"),
        ("cloud_init.runcmd[3]", "lab.yaml:10"),
        ("cloud_init.rsyslog.remotes.a", "lab.yaml:2"),
        ("cloud_init.rsyslog.remotes.c", "role.yaml:2"),
    ] {
        let line = explained.lines().find(|line| line.trim_start().starts_with(path));
        assert!(line.is_some_and(|line| line.ends_with(origin)), "{path}\n{explained}");
    }
}

#[test]
fn what_was_meant_arrives_as_that_whatever_yaml_1_1_takes_it_for() {
    for (written, read) in [
        ("0755", "0755"),
        ("0o755", "0755"),
        ("755", "0755"),
        ("'0755'", "0755"),
        ("\"0o640\"", "0640"),
    ] {
        let data = with(&format!("  write_files: [{{path: /etc/x, permissions: {written}}}]"));
        let files = data["write_files"].as_array().expect("files");
        assert_eq!(files.last().expect("one")["permissions"], read, "{written}");
    }
    for (written, read) in [("yes", true), ("'no'", false), ("off", false), ("TRUE", true)] {
        assert_eq!(with(&format!("  no_ssh_fingerprints: {written}"))["no_ssh_fingerprints"], read);
    }
    for text in [
        "12:30",
        "yes",
        "no",
        "on",
        "2027-12-31",
        "1e3",
        "0x10",
        "0o17",
        "1_000",
        "1.5",
        "=",
        "<<",
        "y",
        ".inf",
        "0b1",
        "190:20:30",
        "2001-12-14 21:59:43.10 -5",
        "\"a: b # c\"",
        "\"- x\"",
        "'  x'",
        "\"x\\ty\"",
        "\"a\\n\\n  b\\n\"",
        "\"%x\"",
        "\"*a &b !c\"",
        "'null'",
        "'~'",
        "'!!python/none x'",
        "\"{{ x }}\"",
    ] {
        let wanted = serde_yaml::from_str::<Value>(text).expect("YAML");
        let wanted = if wanted.is_string() { wanted } else { json!(text) };
        let data = with(&format!(
            "  final_message: {text}\n  runcmd: [{text}, [echo, {text}]]\n  groups: [{{no: [yes]}}, on]\n  rsyslog: {{remotes: {{yes: {text}}}, configs: [{text}]}}"
        ));
        assert_eq!(data["final_message"], wanted, "{text}");
        let commands = data["runcmd"].as_array().expect("commands");
        assert_eq!(commands[commands.len() - 2..], [wanted.clone(), json!(["echo", wanted])]);
        assert_eq!(data["groups"], json!([{ "no": ["yes"] }, "on"]));
        assert_eq!(data["rsyslog"], json!({ "remotes": { "yes": wanted }, "configs": [wanted] }));
    }
    let data = with(
        "  users: [{name: guest, uid: 1500, inactive: 30, expiredate: 2027-12-31, lock_passwd: yes, sudo: no}]",
    );
    let users = data["users"].as_array().expect("users");
    assert_eq!(
        *users.last().expect("one"),
        json!({ "name": "guest", "uid": "1500", "inactive": "30", "expiredate": "2027-12-31", "lock_passwd": true, "sudo": false })
    );
}

#[test]
fn cloud_init_accepts_every_key_that_is_taken_and_what_trainyard_says_stays() {
    let said = "  bootcmd: [[modprobe, br_netfilter], \"date > /root/at\"]\n\
        \x20 runcmd: [exit 0]\n\
        \x20 write_files:\n\
        \x20   - {path: /etc/a, content: \"aGk=\", encoding: b64, owner: \"root:wheel\", append: yes}\n\
        \x20   - {path: /etc/a, content: more, append: yes, permissions: 0600}\n\
        \x20   - {path: /etc/b, owner: chrony}\n\
        \x20 users:\n\
        \x20   - default\n\
        \x20   - {name: guest, gecos: G, uid: 1500, groups: \"users, testers\", primary_group: users, homedir: /srv/guest, shell: /bin/bash,\n\
        \x20      sudo: [\"ALL=(ALL) NOPASSWD: /sbin/reboot\"], inactive: 5, expiredate: 2027-12-31, selinux_user: staff_u, lock_passwd: yes, system: no,\n\
        \x20      create_groups: yes, no_create_home: no, no_user_group: no, no_log_init: no,\n\
        \x20      ssh_authorized_keys: \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0 me\"}\n\
        \x20 groups: {testers: [guest], idle: []}\n\
        \x20 rsyslog: {configs: [\"*.* @10.0.0.5\"], config_filename: 50-lab.conf, remotes: {central: \"10.0.0.5\"}}\n\
        \x20 phone_home: {url: \"http://10.0.0.5/\", post: all, tries: 3}\n\
        \x20 final_message: done\n\
        \x20 no_ssh_fingerprints: no\n\
        \x20 authkey_hash: sha256\n\
        \x20 ssh_key_console_blacklist: ssh-dss\n\
        \x20 ssh_fp_console_blacklist: [ssh-dss]";
    let lab = Lab::new(&format!("cloud_init:\n{said}\n{NODE}"));
    let data = user_data(&lab, "controller");
    let mut command = judge("cloud-init");
    command.args(["schema", "--config-file"]).arg(lab.path("out/controller/user-data"));
    assert!(judged(command).stdout.contains("Valid cloud-config"));
    let plain = Lab::new(NODE);
    let without = user_data(&plain, "controller");
    for (key, value) in without.as_object().expect("a mapping") {
        if value.is_array() && key != "ssh_genkeytypes" {
            assert!(!added(&data, &without, key).is_empty(), "{key}");
        } else {
            assert_eq!(data[key], *value, "{key}");
        }
    }
    assert_eq!(
        added(&data, &without, "runcmd"),
        ["exit 0"],
        "which would end the script of all commands"
    );
    assert_eq!(data["groups"], json!([{ "testers": ["guest"] }, "idle"]));
    let id = |lab: &Lab| lab.read("out/controller/meta-data");
    assert_ne!(id(&lab), id(&plain), "a changed node is provisioned again");
    assert_eq!(lab.read("out/controller/ks.cfg"), plain.read("out/controller/ks.cfg"));
}

#[test]
fn a_key_that_an_own_template_says_as_well_is_told_there() {
    let lab = Lab::new(&format!("templates: [own]\ncloud_init: {{bootcmd: [date]}}\n{NODE}"));
    fs::create_dir_all(lab.path("own/cloud-init")).expect("made");
    let template = "manage_etc_hosts: false\nbootcmd: [uptime]\n";
    fs::write(lab.path("own/cloud-init/user-data.yaml"), template).expect("written");
    let told = lab.run(&["check", "--format", "short"]);
    assert_eq!(told.status, 3);
    let message = "own/cloud-init/user-data.yaml:2:1: error[templates]: `bootcmd` is said under `cloud_init` as well: say it in one of the two";
    assert!(told.stdout.contains(message), "{told:?}");
}

#[test]
fn an_own_template_of_the_user_data_holds_nothing_that_cloud_init_refuses() {
    let lab = Lab::new(&format!("templates: [own]\n{NODE}"));
    fs::create_dir_all(lab.path("own/cloud-init")).expect("made");
    let template = "ntp: {enabled: no}\n\
        final_message: !!python/name:os.system ''\n\
        bootcmd: &early [date]\n\
        power_state: {mode: reboot}\n\
        rsyslog: {configs: !replace [a]}\n\
        runcmd: *early\n\
        ssh_deletekeys: false\n";
    fs::write(lab.path("own/cloud-init/user-data.yaml"), template).expect("written");
    let told = lab.run(&["check", "--format", "short"]);
    assert_eq!(told.status, 3);
    let lines: Vec<_> = told.stdout.lines().filter(|l| l.contains("user-data.yaml:")).collect();
    for (place, part) in [
        ("2:16", "the tag `!!python/name:os.system` is not known here"),
        ("3:10", "an anchor (`&`) cannot be handed on"),
        ("4:1", "`power_state` would cut the first boot off"),
        ("5:20", "a tag (`!replace`) cannot be handed on"),
        ("6:9", "an alias (`*`) cannot be handed on"),
        ("6:1", "`runcmd` is trainyard's to say"),
    ] {
        let place = format!("user-data.yaml:{place}: error[templates]: {part}");
        assert!(lines.iter().any(|told| told.contains(&place)), "{place}\n{told:?}");
    }
    assert_eq!(lines.len(), 6, "{lines:?}");
    let script = "import sys, yaml; yaml.safe_load(open(sys.argv[1]))";
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", script]).arg(lab.path("own/cloud-init/user-data.yaml"));
    assert_ne!(outcome(command).status, 0, "cloud-init's parser dies of it");
}

/// By the same function as what stands under `cloud_init`, with the path inside the file.
#[test]
fn values_of_an_own_template_are_those_that_cloud_init_takes() {
    let lab = Lab::new(&format!("templates: [own]\n{NODE}"));
    fs::create_dir_all(lab.path("own/cloud-init")).expect("made");
    let write = |template: &str| {
        fs::write(lab.path("own/cloud-init/user-data.yaml"), template).expect("written");
    };
    write(
        "# a\nmanage_etc_hosts: false\n\
         bootcmd:\n  - [date]\n  - {echo a: b}\n  - sleep 9; reboot\n\
         rsyslog:\n  config_filename: ../x.conf\n  remotes: {central: }\n  conifgs: [x]\n\
         phone_home: {url: 'http://me:hunter2222@10.0.0.5/', tries: 0}\n\
         groups: ['a:b']\nno_ssh_fingerprints: maybe\nntp: {enabled: no}\n",
    );
    let told = lab.run(&["check", "--format", "short"]);
    assert_eq!(told.status, 3);
    let lines: Vec<_> = told.stdout.lines().filter(|l| l.contains("user-data.yaml:")).collect();
    for (wanted, line) in [
        "5:5: error[bootcmd[1]]: expected a command, found a mapping; put a command",
        "6:5: error[bootcmd[2]]: `reboot` would cut the first boot off; stages ask",
        "8:20: error[rsyslog.config_filename]: `../x.conf` cannot be used here; the name",
        "9:13: error[rsyslog.remotes.central]: `central` has nothing, over which cloud-init 19.4",
        "10:3: error[rsyslog.conifgs]: `conifgs` is nothing that cloud-init 19.4 knows here",
        "11:19: error[phone_home.url]: `phone_home.url` holds a name or a password",
        "11:60: error[phone_home.tries]: `0` cannot be used here",
        "12:10: error[groups[0]]: `a:b` cannot be used here",
        "13:22: error[no_ssh_fingerprints]: `maybe` cannot be used here; `yes` or `no`",
    ]
    .iter()
    .zip(&lines)
    {
        assert!(line.starts_with(&format!("own/cloud-init/user-data.yaml:{wanted}")), "{line}");
    }
    assert_eq!(lines.len(), 9, "{lines:#?}");
    assert!(!told.stdout.contains("hunter"), "{told:?}");

    let good = "manage_etc_hosts: false\nbootcmd: [[date], 'uname -r']\nno_ssh_fingerprints: yes\n\
        phone_home:\n  url: http://10.0.0.5/\nfinal_message: done\n";
    write(good);
    let data = user_data(&lab, "controller");
    assert_eq!(data["phone_home"], json!({ "url": "http://10.0.0.5/" }));
}

#[test]
fn what_is_packed_arrives_as_it_is_and_a_bomb_does_not() {
    use std::io::Write as _;
    let packed = |text: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(text).expect("packed");
        Base64::encode_string(&gzip.finish().expect("packed"))
    };
    let lab = |content: &str, encoding: &str| {
        let file = format!("{{path: /etc/x, encoding: {encoding}, content: \"{content}\"}}");
        Lab::new(&format!("cloud_init: {{write_files: [{file}]}}\n{NODE}"))
    };
    for encoding in ["gz+b64", "gzip+base64"] {
        assert_eq!(lab(&packed(b"hi\n"), encoding).run(&["check"]).status, 0);
    }
    let whole = packed(&vec![0; 16 << 20]);
    assert_eq!(lab(&whole, "gz+b64").run(&["check"]).status, 0);
    let bomb = lab(&packed(&vec![0; (16 << 20) + 1]), "gz+b64").run(&["check"]);
    assert_eq!(bomb.status, 3);
    for part in
        ["this holds more than 16 MiB, unpacked", "a `hooks.first_boot` can fetch what is large"]
    {
        assert!(bomb.stdout.contains(part), "{bomb:?}");
    }
    let cut = lab(&whole[..whole.len() - 400], "gz+b64").run(&["check"]);
    assert!(cut.stdout.contains("this is base64, but nothing that gzip made"), "{cut:?}");
}

#[test]
fn what_a_module_needs_may_be_said_elsewhere() {
    let lab = Lab::new(
        "cloud_init: {phone_home: {tries: 3}, rsyslog: {remotes: {a: \"10.0.0.5\"}}}\n\
         roles: {controller: {cloud_init: {phone_home: {url: \"http://10.0.0.5/$INSTANCE_ID\"}}}}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11, cloud_init: {rsyslog: {remotes: {a: ~}, configs: [\"*.* @a\"]}}}}\n",
    );
    let data = user_data(&lab, "controller");
    assert_eq!(data["phone_home"], json!({ "tries": 3, "url": "http://10.0.0.5/$INSTANCE_ID" }));
    assert_eq!(data["rsyslog"]["configs"], json!(["*.* @a"]));
    let told = lab.done(&["check", "--format", "short"]).stdout;
    assert!(told.contains("is right"), "{told}");
}

#[test]
fn an_account_is_told_of_once() {
    let told = |users: &str| {
        let lab = Lab::new(&format!(
            "cloud_init: {{users: {users}}}\nusers: {{alice: {{password: yes, uid: 1500}}}}\n{NODE}"
        ));
        let told = lab.run(&["check", "--format", "short"]).stdout;
        told.lines().filter(|line| line.contains(": error[")).count()
    };
    assert_eq!(told("[{name: alice}]"), 1);
    assert_eq!(told("[{name: bob, uid: 0}]"), 1);
    assert_eq!(told("[{name: bob, uid: 1501}, {name: bob}]"), 1);
    assert_eq!(told("[{name: robot, system: yes}, {name: bob, uid: 1501}]"), 0);
}

#[test]
fn a_password_in_a_url_is_not_repeated() {
    let url = "http://me:hunter2222@10.0.0.5/";
    let lab = Lab::new(&format!("cloud_init: {{phone_home: {{url: \"{url}\"}}}}\n{NODE}"));
    let told = lab.run(&["check", "--format", "json"]);
    assert_eq!(told.status, 3);
    let named = told.stdout.contains("`cloud_init.phone_home.url` holds a name or a password");
    assert!(named && !told.stdout.contains("hunter"), "{told:?}");
}

#[test]
fn what_own_templates_of_a_kickstart_leave_out_is_told() {
    let said =
        "kickstart: {commands: [logging --host=10.0.0.5], post: [{name: fonts, script: date}]}";
    let lab = Lab::new(&format!("templates: [own]\n{said}\n{NODE}"));
    fs::create_dir_all(lab.path("own/kickstart")).expect("made");
    let built_in = |name: &str| {
        fs::read_to_string(std::path::Path::new(common::ROOT).join("kickstart").join(name))
            .expect("text")
    };
    let commands = built_in("commands.j2").replace("{{ command|line }}\n", "");
    fs::write(lab.path("own/kickstart/commands.j2"), commands).expect("written");
    fs::write(
        lab.path("own/kickstart/ks.cfg.j2"),
        built_in("ks.cfg.j2").replace("installed.j2", "pre.j2"),
    )
    .expect("written");
    let told = lab.run(&["check", "--format", "short"]);
    assert_eq!(told.status, 3);
    for part in [
        "own/kickstart/commands.j2:1:1: error[nodes.controller]: the command `logging --host=10.0.0.5` of `kickstart.commands` is missing",
        "own/kickstart/ks.cfg.j2:1:1: error[nodes.controller]: the script `fonts` of `kickstart.post` is missing",
    ] {
        assert!(told.stdout.contains(part), "{part}\n{told:?}");
    }
}

#[test]
fn a_kickstart_has_what_the_lab_adds_and_a_cloud_image_does_not() {
    let lab = Lab::example("own-additions.yaml");
    lab.done(&["render", "-o", "out"]);
    let kickstart = lab.read("out/compute/ks.cfg");
    let place = |part: &str| kickstart.find(part).unwrap_or_else(|| panic!("{part}"));
    let parts = [
        "\nreboot --eject\n",
        "\nlogging --host=10.0.0.5 --level=debug\ngroup --name=developers --gid=1500\n",
        "\n%include /tmp/trainyard-storage.ks\n",
        "\nfirewalld\ntcpdump\nlsof\n%end\n",
        "\nhook console\n",
        "\n# trainyard: secrets begin\n",
        "\nrestorecon -RF /etc/trainyard ",
        "\nhook issue\n",
    ];
    let places: Vec<usize> = parts.iter().map(|part| place(part)).collect();
    assert!(places.is_sorted(), "{places:?}");
    let mut command = judge("ksvalidator");
    command.args(["-v", "RHEL7"]).arg(lab.path("out/compute/ks.cfg"));
    judged(command);
    for file in ["user-data", "apply.sh"] {
        let text = lab.read(&format!("out/compute/{file}"));
        for part in ["lsof", "logging --host", "is being installed", "installed %s"] {
            assert!(!text.contains(part), "{part} in {file}");
        }
    }
    let plan = lab.done(&["plan", "compute", "--format", "json"]).stdout;
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    assert_eq!(plan["kickstart"]["packages"], json!(["tcpdump", "lsof"]));
    assert_eq!(plan["kickstart"]["post"][0]["name"], "issue");
    assert_eq!(plan["cloud_init"]["authkey_hash"], "sha256");
    let text = lab.done(&["plan", "compute"]).stdout;
    for line in [
        "  installer's hooks    console",
        "  installer's commands `logging --host=10.0.0.5 --level=debug` `group --name=developers --gid=1500`",
        "  installed hooks      issue",
        "  cloud-init only      bootcmd write_files users runcmd phone_home authkey_hash",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[test]
fn scripts_of_the_installed_system_run_last_and_one_that_fails_stops_the_installation() {
    let lab = Lab::new(&format!(
        "kickstart:\n\
         \x20 post:\n\
         \x20   - {{name: good, script: \"echo $TRAINYARD_NODE $TRAINYARD_ADDRESS $TRAINYARD_ROLE; umask\"}}\n\
         \x20   - {{name: bad, script: \"echo no fonts\\nexit 7\\n\"}}\n\
         \x20   - {{name: never, script: \"true\"}}\n{NODE}"
    ));
    lab.done(&["render", "-o", "out"]);
    let installed = Installed::prepare(&lab, "controller");
    let scripts = scripts(&lab.read("out/controller/ks.cfg"));
    let own = scripts.iter().position(|s| s.body.contains("hook good")).expect("there");
    assert!(scripts[own + 1].header.starts_with("%onerror"), "it is the last of its kind");
    for script in scripts.iter().filter(|s| s.header.starts_with("%post")).take(2) {
        installed.run(script, &[]);
    }
    let stopped = installed.run(&scripts[own], &[]);
    assert_eq!(stopped.status, 9, "it waits for ever: {stopped:?}");
    let told = installed.read("dev/console");
    assert!(
        told.contains("the hook bad failed with exit status 7") && told.contains("no fonts"),
        "{told}"
    );
    let said = installed.read("var/log/trainyard/hook-good.log");
    assert_eq!(said, "controller 10.0.0.11 controller\n0022\n");
    assert!(!installed.exists("var/log/trainyard/hook-never.log"));

    let good = Lab::new(&format!("kickstart: {{post: [{{name: good, script: date}}]}}\n{NODE}"));
    good.done(&["render", "-o", "out"]);
    let installed = Installed::new(&good, "controller", &[]);
    assert!(installed.exists("var/log/trainyard/hook-good.log"));
    assert!(!installed.exists("var/lib/trainyard/kickstart"), "nothing of it is left");
}

#[test]
fn a_hook_that_stands_alone_is_added_to_what_is_inherited() {
    let hook = |name: &str| format!("kickstart: {{post: {{name: {name}, script: date}}}}");
    let lab = Lab::new(&format!(
        "{}\nroles: {{controller: {{{}}}}}\n{NODE}",
        hook("of-lab"),
        hook("of-role")
    ));
    let plan = lab.done(&["plan", "controller", "--format", "json"]).stdout;
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    let names: Vec<_> =
        plan["kickstart"]["post"].as_array().expect("a list").iter().map(|h| &h["name"]).collect();
    assert_eq!(names, ["of-lab", "of-role"]);
}

#[test]
fn a_password_among_refused_commands_is_not_repeated() {
    let lab = Lab::new(&format!("kickstart: {{commands: [rootpw hunter2222]}}\n{NODE}"));
    let told = lab.run(&["check", "--format", "short"]);
    assert_eq!(told.status, 3);
    assert!(
        told.stdout.contains("`rootpw` is trainyard's to say") && !told.stdout.contains("hunter"),
        "{told:?}"
    );
}

#[test]
fn pyyaml_itself_would_have_taken_words_for_something_else() {
    let script = "import sys, yaml; print(yaml.safe_load('[0755, 12:30, yes, no, 2027-12-31]'))";
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", script]);
    let said = outcome(command).stdout;
    assert_eq!(said.trim(), "[493, 750, True, False, datetime.date(2027, 12, 31)]");
}
