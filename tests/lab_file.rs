//! What is wrong with a lab file is told at once, in its place, with the way out.

mod common;

use common::Lab;

const GOOD: &str = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";

/// The findings of a lab file: line, column and message.
fn findings(text: &str) -> Vec<(u64, u64, String)> {
    let outcome = Lab::new(text).run(&["check", "--format", "json"]);
    let data: serde_json::Value =
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}: {outcome:?}"));
    assert_eq!(outcome.status, if data["errors"] == 0 { 0 } else { 3 });
    let findings = data["findings"].as_array().expect("findings");
    let number = |f: &serde_json::Value, key: &str| f[key].as_u64().unwrap_or(0);
    findings
        .iter()
        .map(|f| {
            (
                number(f, "line"),
                number(f, "column"),
                f["message"].as_str().expect("text").to_owned(),
            )
        })
        .collect()
}

/// That a lab file has this one finding, where `marked` stands last.
fn finds(text: &str, marked: &str, message: &str) {
    let at = text.rfind(marked).expect("it stands there");
    let line = text[..at].matches('\n').count() as u64 + 1;
    let column = (at - text[..at].rfind('\n').map_or(0, |n| n + 1)) as u64 + 1;
    assert_eq!(findings(text), [(line, column, message.to_owned())], "{text}");
}

#[test]
fn everything_is_told_at_once_in_its_place() {
    let text = "\
timezon: Asia/Seoul
openstack: {networking: selfservice}
access: {root_login: key}
networks:
  management: {gateway: 10.0.1.1}
nodes:
  Controller: {role: controller, address: 10.0.0.11}
  compute:
    role: computer
    address: 10.0.0.31
  other: {role: compute, address: 10.0.1.31}
  other: {role: compute, address: 10.0.0.32}
";
    let lab = Lab::new(text);
    let outcome = lab.run(&["check"]);
    assert_eq!(outcome.status, 3);
    let expected = "\
error[timezon]: unknown key `timezon`
 --> lab.yaml:1:1
  |
1 | timezon: Asia/Seoul
  | ^^^^^^^
  = help: did you mean `timezone`?

error[openstack.networking]: `selfservice` cannot be used here
 --> lab.yaml:2:25
  |
2 | openstack: {networking: selfservice}
  |                         ^^^^^^^^^^^
  = help: did you mean `self-service`?

error[access.root_login]: nobody could log in to these nodes
 --> lab.yaml:3:22
  |
3 | access: {root_login: key}
  |                      ^^^
  = help: add a key to `access.ssh_authorized_keys`, name an `access.user`, or use `root_login: password`

error[networks.management.gateway]: `10.0.1.1` is outside network `management` (10.0.0.0/24)
 --> lab.yaml:5:26
  |
5 |   management: {gateway: 10.0.1.1}
  |                          ^^^^^^^^
";
    let stdout = &outcome.stdout;
    assert!(stdout.starts_with(expected.split("error[networks").next().expect("text")), "{stdout}");
    for part in [
        "error[networks.management.gateway]: `10.0.1.1` is outside network `management` (10.0.0.0/24)",
        "use an address in 10.0.0.1 - 10.0.0.254, or change `networks.management.cidr`",
        "error[nodes.Controller]: `Controller` is no host name",
        "error[nodes.compute.role]: unknown role `computer`",
        "did you mean `compute`?",
        "error[nodes.other.address]: `10.0.1.31` is outside network `management` (10.0.0.0/24)",
        "`other` stands here for the second time\n  --> lab.yaml:12:3",
        "lab.yaml: 8 errors, 0 warnings",
    ] {
        assert!(stdout.contains(part), "{part}\n{stdout}");
    }
}

#[test]
fn the_file_itself() {
    assert_eq!(findings(""), [(1, 1, "expected a mapping, found nothing".into())]);
    assert_eq!(findings("name: x\n"), [(1, 1, "no node has the role `controller`".into())]);
    finds("- a\n", "- a", "expected a mapping, found a list");
    finds(&format!("version: 2\n{GOOD}"), "2\n", "version 2 is not known here");
    finds(&format!("version: two\n{GOOD}"), "two", "`two` is not a whole number");
    finds(&format!("name: [a]\n{GOOD}"), "[a]", "expected a single value, found a list");
    let odd = Lab::new(GOOD);
    std::fs::write(odd.path("latin1.yaml"), b"name: train\ntimezone: \xe9\n").expect("written");
    for (file, told) in [("latin1.yaml", "line 2 is not UTF-8"), ("/dev/zero", "no regular file")] {
        let outcome = odd.run(&["check", file]);
        assert_eq!(outcome.status, 9);
        assert!(outcome.stderr.contains(told), "{outcome:?}");
    }
    let missing = Lab::new(GOOD).run(&["check", "no.yaml"]);
    assert_eq!(missing.status, 9);
    let told = &missing.stderr;
    assert!(told.contains("`no.yaml`") && told.contains("trainyard init"), "{told}");
}

/// What the installer would replace by something else without a word.
#[test]
fn names_that_centos_7_does_not_have() {
    let zone = "is no time zone of CentOS 7.9";
    let newer = "is newer than the time zones of CentOS 7.9";
    let language = "is no language of CentOS 7.9";
    let encoding = "is no UTF-8 language of CentOS 7.9";
    let keyboard = "is no keyboard of CentOS 7.9";
    let zones = "a name of the time zone database, such as `Asia/Seoul`, `Europe/Berlin` or `UTC`";
    let languages = "a language, a country and UTF-8, such as `en_US.UTF-8` or `ko_KR.UTF-8`";
    let keymaps = "a console keymap, such as `us`, `kr` or `gb`; \
                   `localectl list-keymaps` on CentOS 7 lists all";
    let english = "use `en_US.UTF-8`, which the installer would set in its place";
    let korean = "use `ko_KR.UTF-8`, which the installer would set in its place";
    for (key, value, why, help) in [
        ("timezone", "Asia/Soeul", zone, "did you mean `Asia/Seoul`?"),
        ("timezone", "Paris", zone, "did you mean `Europe/Paris`?"),
        ("timezone", "utc", zone, "did you mean `UTC`?"),
        ("timezone", "KST", zone, zones),
        ("timezone", "Europe/Kyiv", newer, "use `Europe/Kiev`, its former name"),
        ("timezone", "Asia/Qostanay", newer, "use `Asia/Qyzylorda`, which has the same time"),
        ("language", "ko_KO.UTF-8", language, "did you mean `ko_KR.UTF-8`?"),
        ("language", "en_UK", language, "did you mean `en_GB.UTF-8`?"),
        ("language", "ko", language, "did you mean `ko_KR.UTF-8`?"),
        ("language", "en", language, languages),
        ("language", "C.UTF-8", encoding, english),
        ("language", "ko_KR.EUC-KR", encoding, korean),
        ("keyboard", "us-dvorac", keyboard, "did you mean `us-dvorak`?"),
        ("keyboard", "us (dvorak)", keyboard, "did you mean `us-dvorak`?"),
        ("keyboard", "ko", keyboard, "did you mean `kr`?"),
        ("keyboard", "en_US.UTF-8", keyboard, "did you mean `us`?"),
        ("keyboard", "korean", keyboard, keymaps),
    ] {
        let told = Lab::new(&format!("{key}: {value}\n{GOOD}")).run(&["check"]).stdout;
        let expected = format!("error[{key}]: `{value}` {why}\n --> lab.yaml:1:11\n");
        assert!(told.starts_with(&expected), "{told}");
        assert!(told.contains(&format!("\n  = help: {help}\n")), "{told}");
    }
}

#[test]
fn a_language_is_the_same_to_the_installer_and_to_cloud_init() {
    let lab = Lab::new(&format!("language: ko_KR\nkeyboard: kr\n{GOOD}"));
    lab.done(&["render", "-o", "out"]);
    let kickstart = lab.read("out/controller/ks.cfg");
    assert!(kickstart.contains("\nlang ko_KR.UTF-8\nkeyboard kr\n"), "{kickstart}");
    assert!(lab.read("out/controller/user-data").contains("\nlocale: ko_KR.UTF-8\n"));
}

#[test]
fn names_and_addresses() {
    for (node, marked, message) in [
        (
            "b: {role: compute, address: 10.0.0.11}",
            "10.0.0.11",
            "`b`: 10.0.0.11 is taken by `controller`",
        ),
        (
            "b: {role: compute, address: 10.0.0.1}",
            "10.0.0.1}",
            "`b`: 10.0.0.1 is taken by the gateway of `management`",
        ),
        (
            "b: {role: compute, address: 10.0.0.255}",
            "10.0.0.255",
            "`10.0.0.255` is the broadcast address of `management` (10.0.0.0/24)",
        ),
        ("b: {role: compute, address: 10.0.0}", "10.0.0", "`10.0.0` cannot be used here"),
        ("b: {role: compute}", "b:", "`b` has no address"),
        ("b: {address: 10.0.0.31}", "b:", "`b` has no role"),
        ("b_c: {role: compute, address: 10.0.0.31}", "b_c", "`b_c` is no host name"),
        (
            "b: {role: controller, address: 10.0.0.31}",
            "b:",
            "`b` is a second controller beside `controller`",
        ),
    ] {
        finds(&GOOD.replace("}}\n", &format!("}}, {node}}}\n")), marked, message);
    }
}

#[test]
fn interfaces() {
    for (interfaces, marked, message) in [
        (
            "{enp0s9: {network: provider}}",
            "{enp0s9",
            "`controller` has no interface on the network `management`",
        ),
        ("{enp0s3: {network: managment}}", "managment", "unknown network `managment`"),
        ("{enp0s3: {}}", "enp0s3", "interface `enp0s3` names no network"),
        ("{en/p: {network: management}}", "en/p", "`en/p` cannot be used here"),
        (
            "{a: {network: management}, b: {network: management}}",
            "management",
            "`a` and `b` both attach to `management`",
        ),
        (
            "{a: {network: management, address: 10.0.0.12}}",
            "10.0.0.12",
            "`10.0.0.12` is not the node's `address` 10.0.0.11",
        ),
        (
            "{a: {network: management, mac: 08:00:27:00:00:01}, b: {network: provider, mac: 08:00:27:00:00:01}}",
            "08:00:27:00:00:01",
            "`a` and `b` both have the address 08:00:27:00:00:01",
        ),
        (
            "{a: {network: management}, b: {network: provider, address: 1.2.3.4}}",
            "1.2.3.4",
            "nodes hold no address on `provider`",
        ),
        (
            "{a: {network: management, mac: 01:00:00:00:00:00}}",
            "01:00:00:00:00:00",
            "`01:00:00:00:00:00` cannot be used here",
        ),
    ] {
        let node = format!("{{role: controller, address: 10.0.0.11, interfaces: {interfaces}}}");
        finds(&format!("nodes: {{controller: {node}}}\n"), marked, message);
    }
}

#[test]
fn one_mistake_does_not_hide_another() {
    let text = "\
openstack: {services: [nope]}
parameters: {nope: {a: b}}
settings: {/etc/hosts: {a: {b: c}}}
nodes:
  controller: {role: controler, address: 10.9.9.9, interfaces: {e/0: {network: management}, e1: {network: nope}}}
  compute: {interfaces: {e0: {network: nope}}}
";
    let found: Vec<_> =
        findings(text).into_iter().map(|(line, _, message)| (line, message)).collect();
    let expected = [
        (1, "no stage provides the service `nope`"),
        (2, "unknown stage `nope`"),
        (3, "no stage writes `/etc/hosts` from options"),
        (5, "unknown role `controler`"),
        (5, "`10.9.9.9` is outside network `management` (10.0.0.0/24)"),
        (5, "`e/0` cannot be used here"),
        (5, "unknown network `nope`"),
        (6, "`compute` has no role"),
        (6, "`compute` has no address"),
        (6, "unknown network `nope`"),
    ];
    for (line, message) in expected {
        assert!(found.iter().any(|(l, m)| *l == line && m == message), "{message}\n{found:#?}");
    }
}

#[test]
fn networks() {
    for (networks, marked, message) in [
        ("{management: {cidr: 10.0.0.7/24}}", "10.0.0.7/24", "`10.0.0.7/24` cannot be used here"),
        ("{provider: {gateway: 10.0.0.1}}", "10.0.0.1}", "`10.0.0.1` cannot be used here"),
        (
            "{provider: {virtualbox: {adapter: 1}}}",
            "1}}}",
            "`management` and `provider` both use VirtualBox adapter 1",
        ),
        ("{provider: {virtualbox: {adapter: 9}}}", "9", "`9` cannot be used here"),
    ] {
        finds(&format!("{GOOD}networks: {networks}\n"), marked, message);
    }
}

#[test]
fn what_the_stages_know() {
    for (line, marked, message) in [
        (
            "openstack: {services: [telepathy]}",
            "telepathy",
            "no stage provides the service `telepathy`",
        ),
        ("parameters: {database: {max_con: 1}}", "max_con", "unknown parameter `max_con`"),
        ("parameters: {databse: {max_connections: 1}}", "databse", "unknown stage `databse`"),
        (
            "parameters: {database: {max_connections: \"1; rm\"}}",
            "max_con",
            "`1; rm` cannot be used here",
        ),
        (
            "settings: {/etc/no.conf: {a: {b: c}}}",
            "/etc/no.conf",
            "no stage writes `/etc/no.conf` from options",
        ),
        (
            "settings: {/etc/my.cnf.d/openstack.cnf: {a: {b: \"c\\nd\"}}}",
            "b:",
            "this option cannot be written",
        ),
    ] {
        finds(&format!("{GOOD}{line}\n"), marked, message);
    }
}

#[test]
fn a_lab_decides_parameters_and_settings() {
    let lab = Lab::new(&format!(
        "parameters: {{database: {{max_connections: 1000}}}}\n\
         settings: {{/etc/my.cnf.d/openstack.cnf: {{mysqld: {{innodb_buffer_pool_size: 256M}}}}}}\n{GOOD}"
    ));
    lab.done(&["render", "-o", "out"]);
    let kickstart = lab.read("out/controller/ks.cfg");
    assert!(
        kickstart.contains("max_connections = 1000\n")
            && kickstart.contains("innodb_buffer_pool_size = 256M\n")
    );
}

#[test]
fn keys_come_from_files_too() {
    let lab = Lab::new(&format!("access: {{ssh_authorized_keys: [me.pub]}}\n{GOOD}"));
    let told = lab.run(&["check"]);
    assert_eq!(told.status, 3);
    assert!(
        told.stdout.contains("`me.pub` is no public key, and no file that can be read"),
        "{told:?}"
    );
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0 me@host";
    std::fs::write(lab.path("me.pub"), format!("# mine\n{key}\n")).expect("written");
    lab.done(&["render", "-o", "out"]);
    let kickstart = lab.read("out/controller/ks.cfg");
    assert!(
        kickstart.contains(&format!("put 0600 /root/.ssh/authorized_keys <<'EOF'\n{key}\nEOF\n"))
    );
    std::fs::write(lab.path("me.pub"), "-----BEGIN OPENSSH PRIVATE KEY-----\n").expect("written");
    let told = lab.run(&["check"]).stdout;
    assert!(told.contains("it holds a private key") && !told.contains("BEGIN"), "{told}");
}

#[test]
fn a_wrong_setting_hides_no_taken_address() {
    let text = "cpus: two\nnodes: {controller: {role: controller, address: 10.0.0.11}, b: {role: compute, address: 10.0.0.11}}\n";
    let found = findings(text);
    assert!(found.iter().any(|(.., m)| m == "`two` is not a whole number"), "{found:?}");
    assert!(
        found.iter().any(|(.., m)| m == "`b`: 10.0.0.11 is taken by `controller`"),
        "{found:?}"
    );
}

/// Labs that are too long to be written out; the others are in tests/hostile.
#[test]
fn what_no_lab_has_so_many_of() {
    let told = |text: &str| -> Vec<(String, String)> {
        let run = Lab::new(text).run(&["check", "--format", "json"]);
        let data: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
        let findings = data["findings"].as_array().expect("findings");
        let text = |f: &serde_json::Value, key: &str| f[key].as_str().unwrap_or("").to_owned();
        findings.iter().map(|f| (text(f, "message"), text(f, "help"))).collect()
    };
    let many = |n: usize, one: fn(usize) -> String| (0..n).map(one).collect::<Vec<_>>().join(", ");
    let interfaces = many(300, |n| format!("e{n}: {{}}"));
    let members = many(300, |n| format!("e{n}"));
    let networks = many(70, |n| format!("n{n}: "));
    let packages = many(3000, |n| format!("p{n}"));
    for (text, message, help) in [
        (
            format!("{GOOD}interfaces: {{{interfaces}}}\n"),
            "there are more than 256 interfaces",
            "no machine has so many",
        ),
        (
            format!("{GOOD}interfaces: {{b: {{bond: {{members: [{members}]}}}}}}\n"),
            "there are more than 256 parts of `b`",
            "no machine has so many",
        ),
        (
            format!("{GOOD}networks: {{{networks}}}\n"),
            "there are 72 networks",
            "an adapter attaches one network, and a machine has 8",
        ),
        (
            "nodes: {'n[1-2001]': {}}\n".to_owned(),
            "`n[1-2001]` would make more than 2000 nodes",
            "a smaller range",
        ),
        (
            format!("nodes: {{'n[1-2000]': {{packages: [{packages}]}}}}\n"),
            "`n[1-2000]` would repeat too much",
            "let a role say it once for all its nodes",
        ),
        (
            format!("packages: [{packages}]\nnodes: {{'n[1-2000]': {{cpus: 3}}}}\n"),
            "what roles and nodes inherit is too much from here on",
            "a node that says something of its own holds all that it inherits once more: say it in roles",
        ),
    ] {
        let found = told(&text);
        let wanted = (message.to_owned(), help.to_owned());
        assert!(found.contains(&wanted), "{message}: {:?}", &found[..found.len().min(3)]);
    }
}

#[test]
fn files_that_cannot_be_read_as_text() {
    let lab = Lab::new(GOOD);
    let run = lab.run(&["check", "--lab", "no.yaml"]);
    let told = "reading the lab file `no.yaml`: name another with `--lab`, or make one with `trainyard init`";
    assert!(run.stderr.contains(told), "{run:?}");

    std::fs::write(lab.path("lab.yaml"), b"name: a\nlanguage: \xff\n").expect("written");
    let run = lab.run(&["check"]);
    assert!(run.stderr.contains("line 2 is not UTF-8; save the file as UTF-8"), "{run:?}");

    for n in 0..=256 {
        std::fs::write(lab.path(&format!("{n}.yaml")), "name: a\n").expect("written");
    }
    let names: Vec<String> = (0..=256).map(|n| format!("{n}.yaml")).collect();
    let text = format!("{GOOD}include: [{}]\n", names.join(", "));
    std::fs::write(lab.path("lab.yaml"), text).expect("written");
    let run = lab.run(&["check", "--format", "short"]);
    let told = "`256.yaml` would be one file too many; a lab is read from at most 256 files";
    assert!(run.stdout.contains(told), "{}", run.stdout);
}
