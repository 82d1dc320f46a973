//! What a lab brings along: roles, stages and templates of its own, other files.

mod common;

use std::fs;

use common::Lab;

const GOOD: &str = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";

fn write(lab: &Lab, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = lab.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
}

/// The stages of a node, in their order.
fn stages(lab: &Lab, node: &str) -> Vec<String> {
    let plan = lab.done(&["plan", node, "--format", "json"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    let name = |s: &serde_json::Value| s["name"].as_str().expect("a name").to_owned();
    plan["stages"].as_array().expect("stages").iter().map(name).collect()
}

#[test]
fn a_role_of_ones_own_is_a_list_of_stages() {
    let lab = Lab::new(
        "roles: {queue: {stages: [message-queue, cache], memory: 2GiB}}\n\
         nodes:\n\
         \x20 controller: {role: controller, address: 10.0.0.11}\n\
         \x20 broker: {role: queue, address: 10.0.0.12}\n\
         \x20 plain: {role: compute, address: 10.0.0.13}\n",
    );
    let broker = stages(&lab, "broker");
    let plain = stages(&lab, "plain");
    assert!(plain.contains(&"repositories".to_owned()) && !plain.contains(&"cache".to_owned()));
    let beside: Vec<_> = broker.iter().filter(|s| !plain.contains(s)).collect();
    assert_eq!(beside, ["message-queue", "cache"], "beside what every node has");
    let heading = lab.done(&["plan", "broker"]).stdout;
    assert!(heading.starts_with("broker (queue, 10.0.0.12): 2 cpus, 2048 MiB memory"), "{heading}");
}

#[test]
fn a_node_waits_for_no_service_that_its_controller_does_not_have() {
    let nodes = "nodes: {controller: {role: controller, address: 10.0.0.11}, compute: {role: compute, address: 10.0.0.31}}\n";
    for (roles, ports) in [
        ("", vec![5672, 11211, 2379]),
        ("roles: {controller: {stages: [time-server, database, cache]}}\n", vec![11211]),
        ("roles: {controller: {stages: [time-server]}}\n", vec![]),
    ] {
        let lab = Lab::new(&format!("openstack: {{services: []}}\n{roles}{nodes}"));
        let plan = lab.done(&["plan", "compute", "--format", "json"]).stdout;
        let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
        let stages = plan["stages"].as_array().expect("stages");
        let stage = stages.iter().find(|s| s["name"] == "controller-services").expect("there");
        let needs = stage["needs"].as_array().expect("needs").iter();
        let found: Vec<_> = needs.filter_map(|need| need[1].as_u64()).collect();
        assert_eq!(found, ports, "{roles}");
    }
}

#[test]
fn a_stage_of_ones_own_is_like_the_built_in_ones() {
    let lab =
        Lab::new(&format!("own_stages: mine\nparameters: {{greeter: {{word: hello}}}}\n{GOOD}"));
    let stage = "summary: greets\nafter: [database]\nsecrets: [GREETER_PASS]\nparameters: {word: {default: hi, help: what it says}}\n\
                 files: [{path: /etc/greeter, source: greeter.j2}]\n";
    write(
        &lab,
        &[
            ("mine/secrets.yaml", "GREETER_PASS: the greeter's\n"),
            ("mine/greeter/stage.yaml", stage),
            ("mine/greeter/verify.sh", "#!/bin/bash\ntrue\n"),
            (
                "mine/greeter/greeter.j2",
                "{{ parameters.word }} {{ node.name }} {{ secret(\"GREETER_PASS\") }}\n",
            ),
            ("mine/greeter/.greeter.swp", "what an editor leaves"),
        ],
    );
    let found = stages(&lab, "controller");
    let at = |name: &str| found.iter().position(|s| s == name).expect("there");
    assert!(at("greeter") > at("database"));
    // The secret is made, and only then can the node be rendered.
    assert_eq!(lab.run(&["render", "-o", "out"]).status, 3);
    lab.done(&["secrets"]);
    lab.done(&["render", "-o", "out"]);
    let kickstart = lab.read("out/controller/ks.cfg");
    assert!(kickstart.contains("\nhello controller @SECRET_GREETER_PASS@\n"));
    assert!(kickstart.contains("\nGREETER_PASS="));
}

#[test]
fn a_template_of_ones_own_overrides_one_for_the_lab_a_role_or_a_node() {
    let lab = Lab::new(
        "templates: all\n\
         roles: {compute: {templates: computes}}\n\
         nodes:\n\
         \x20 controller: {role: controller, address: 10.0.0.11}\n\
         \x20 a: {role: compute, address: 10.0.0.31}\n\
         \x20 b: {role: compute, address: 10.0.0.32, templates: [one]}\n",
    );
    write(
        &lab,
        &[
            (
                "all/kickstart/packages.j2",
                "%packages\n@core\n{% for p in installer.packages %}\n{{ p|package }}\n{% endfor %}\n%end\n",
            ),
            ("all/stack/time-client/chrony.conf.j2", "server {{ controller.name }} iburst # all\n"),
            (
                "computes/stack/time-client/chrony.conf.j2",
                "server {{ controller.name }} iburst # computes\n",
            ),
            ("one/stack/time-client/chrony.conf.j2", "server {{ controller.name }} iburst # one\n"),
        ],
    );
    lab.done(&["secrets"]);
    lab.done(&["render", "-o", "out"]);
    let kickstart = |node: &str| lab.read(&format!("out/{node}/ks.cfg"));
    for node in ["controller", "a", "b"] {
        assert!(kickstart(node).contains("%packages\n@core\n@^minimal\n"), "{node}");
    }
    assert!(kickstart("a").contains("iburst # computes\n"));
    assert!(kickstart("b").contains("iburst # one\n"));
    let explained = lab.done(&["plan", "--explain", "b"]).stdout;
    for (folder, line) in [("all", 1), ("computes", 2), ("one", 6)] {
        let row = explained.lines().find(|l| l.split_whitespace().nth(1) == Some(folder));
        assert!(row.is_some_and(|r| r.ends_with(&format!("lab.yaml:{line}"))), "{explained}");
    }
}

#[test]
fn a_template_that_fails_is_told_with_its_line_and_without_a_value() {
    let lab = Lab::new(&format!("templates: own\n{GOOD}"));
    write(&lab, &[("own/stack/time-server/chrony.conf.j2", "# time\nserver {{ time.serverz }}\n")]);
    let told = lab.run(&["check"]);
    assert_eq!(told.status, 3);
    let place = "own/stack/time-server/chrony.conf.j2:2:1";
    assert!(
        told.stdout.contains(place) && told.stdout.contains("2 | server {{ time.serverz }}"),
        "{told:?}"
    );

    // The kickstart's own parts, where the values are passwords.
    fs::remove_dir_all(lab.path("own")).expect("removed");
    write(
        &lab,
        &[("own/kickstart/packages.j2", "%packages\n{{ root_hash }}\n{{ no_such }}\n%end\n")],
    );
    for command in [vec!["check"], vec!["render", "-o", "out"]] {
        let told = lab.run(&command);
        assert_eq!(told.status, 3, "{told:?}");
        let all = format!("{}{}", told.stdout, told.stderr);
        assert!(
            all.contains("own/kickstart/packages.j2") && all.contains("2 | {{ root_hash }}"),
            "{all}"
        );
        assert!(!all.contains("$6$"), "{all}");
    }
    let endless =
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}\n";
    write(&lab, &[("own/kickstart/packages.j2", endless)]);
    let told = lab.run(&["check"]);
    assert!(told.stdout.contains("own/kickstart/packages.j2:1:1"), "{told:?}");
    write(&lab, &[("own/kickstart/packages.j2", "%packages\n{% if %}\n%end\n")]);
    let told = lab.run(&["check"]);
    assert!(told.stdout.contains("own/kickstart/packages.j2:2:1"), "{told:?}");
}

#[test]
fn a_lab_in_several_files_is_one_lab() {
    let lab = Lab::new(
        "include: [site/common.yaml, nodes.yaml]\nkeyboard: kr\nnodes: {compute: {memory: 8GiB}}\n",
    );
    write(
        &lab,
        &[
            ("site/common.yaml", "include: keys.yaml\nkeyboard: us\ntimezone: UTC\n"),
            ("site/keys.yaml", "access: {ssh_authorized_keys: me.pub}\ntimezone: Europe/Paris\n"),
            (
                "site/me.pub",
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYjt0Rq1s8vJ0p6v9l2Q1j0 me@host\n",
            ),
            (
                "nodes.yaml",
                "nodes:\n  controller: {role: controller, address: 10.0.0.11}\n  compute: {role: compute, address: 10.0.0.31}\n",
            ),
        ],
    );
    let explained = lab.done(&["plan", "--explain", "compute"]).stdout;
    for (row, origin) in [
        ("keyboard", "lab.yaml:2"),
        ("timezone", "site/common.yaml:3"),
        ("memory", "lab.yaml:3"),
        ("address", "nodes.yaml:3"),
        ("access.ssh_authorized_keys", "site/keys.yaml:1"),
    ] {
        let line = explained.lines().find(|l| l.trim_start().starts_with(&format!("{row} ")));
        assert!(line.is_some_and(|l| l.ends_with(origin)), "{row} {origin}\n{explained}");
    }
    // A mistake in an included file is told there.
    write(&lab, &[("site/keys.yaml", "access: {root_logn: key}\n")]);
    let told = lab.run(&["check"]).stdout;
    assert!(
        told.contains("--> site/keys.yaml:1:10") && told.contains("did you mean `root_login`?"),
        "{told}"
    );
}

#[test]
fn a_range_is_many_nodes_and_one_of_them_can_say_more() {
    let lab = Lab::new(
        "nodes:\n\
         \x20 controller: {role: controller, address: 10.0.0.11}\n\
         \x20 c09: {memory: 8GiB}\n\
         \x20 c[08-10]: {role: compute, address: \"10.0.0.[31-33]\", memory: 6GiB}\n",
    );
    let plan = lab.done(&["plan", "--format", "json"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    let nodes = plan["nodes"].as_array().expect("nodes").iter();
    let nodes: Vec<_> = nodes
        .map(|n| {
            format!("{} {} {}", n["name"], n["address"], n["hardware"]["memory_mib"])
                .replace('"', "")
        })
        .collect();
    assert_eq!(
        nodes,
        [
            "controller 10.0.0.11 4096",
            "c08 10.0.0.31 6144",
            "c09 10.0.0.32 8192",
            "c10 10.0.0.33 6144"
        ]
    );
}

#[test]
fn user_data_of_ones_own_is_handed_on_as_it_was_written() {
    let lab = Lab::new(&format!("templates: own\n{GOOD}"));
    let own = "# ours\nmanage_etc_hosts: false\nntp: {enabled: no, pools: [on]}\n";
    write(&lab, &[("own/cloud-init/user-data.yaml", &format!("#cloud-config\n{own}"))]);
    lab.done(&["render", "-o", "out"]);
    let user_data = lab.read("out/controller/user-data");
    assert!(user_data.starts_with(&format!("#cloud-config\n{own}\n")), "{}", &user_data[..300]);
    assert!(!user_data.contains("disable_root"));
}

#[test]
fn nothing_takes_back_what_is_inherited() {
    let lab = Lab::new(
        "sysctl: {vm.swappiness: 1, vm.overcommit_memory: 1}\nservices: {postfix.service: disabled}\nkeyboard: kr\n\
         nodes:\n\
         \x20 controller: {role: controller, address: 10.0.0.11, keyboard: ~, sysctl: {vm.swappiness: ~}, services: {postfix.service: ~}}\n\
         \x20 c[1-2]: {role: compute, address: \"10.0.0.[31-32]\", machine: {serial: \"VM[1-2]\"}}\n",
    );
    let explained = |node: &str| lab.done(&["plan", "--explain", node]).stdout;
    let (controller, compute) = (explained("controller"), explained("c2"));
    assert!(
        !controller.contains("swappiness") && controller.contains("overcommit"),
        "{controller}"
    );
    assert!(!controller.contains("postfix") && compute.contains("postfix"), "{controller}");
    let keyboard = controller.lines().find(|l| l.contains(" keyboard "));
    assert!(keyboard.is_some_and(|l| l.ends_with("built-in")), "{controller}");
    let serial = compute.lines().find(|l| l.contains("machine.serial"));
    assert!(serial.is_some_and(|l| l.contains(" VM2 ")), "{compute}");
}

#[test]
fn every_mistake_is_told_at_once_and_none_twice() {
    let lab = Lab::new(
        "timezone: nowhere\n\
         templates: mine\n\
         own_stages: own\n\
         openstack: {services: [telepathy]}\n\
         roles:\n\
         \x20 spare: {stages: [databse]}\n\
         files: {/etc/hosts: {content: x}}\n\
         services: {chronyd.service: disabled}\n\
         parameters: {databas: {x: 1}}\n\
         nodes:\n\
         \x20 controller: {role: controller, address: 10.9.0.11, {a}: b}\n\
         \x20 compute: {role: compute, adress: 10.0.0.31}\n\
         \x20 c2: {role: comput, address: 10.0.0.32}\n\
         \x20 c3: {role: spare, address: 10.0.0.33}\n",
    );
    write(
        &lab,
        &[
            ("mine/kickstart/gard.j2", "x\n"),
            ("mine/kickstart/guard.j2", "%pre\n{% if x %}\n"),
            ("mine/stack/time-server/chrony.conf.j2", "server {{ nod.name }}\n"),
            ("mine/stack/time-client/chrony.conf.j2", "server {{ controller.nam }}\n"),
            (
                "own/hello/stage.yaml",
                "sumary: x\nroles: [comptue]\nafter: [hello2]\nfirewall:\n  - {port: 99999, protocol: tpc, from: managment}\n",
            ),
            ("own/good/stage.yaml", "summary: x\nsettings: {/etc/x: {a: {b: 'c #d'}}}\n"),
            ("own/good/verify.sh", "true\n"),
            ("own/hello2/stage.yaml", "summary: y\nservices: [a b, c d]\n"),
            ("own/hello2/verify.sh", "true\n"),
        ],
    );
    let told = lab.run(&["check", "--format", "json"]).stdout;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let place = |f: &serde_json::Value| {
        let file = f["file"].as_str().unwrap_or_default();
        format!("{file}:{}:{} {}", f["line"], f["column"], f["rule"].as_str().unwrap_or_default())
    };
    let mut places: Vec<String> =
        told["findings"].as_array().expect("findings").iter().map(place).collect();
    places.sort();
    // What the stage that cannot be read might provide (`telepathy`) is not told as missing.
    let wanted = [
        "lab.yaml:11:43 address-outside",
        "lab.yaml:11:54 key-form",
        "lab.yaml:12:28 unknown-key",
        "lab.yaml:13:14 unknown-role",
        "lab.yaml:1:11 timezone",
        "lab.yaml:6:20 unknown-stage",
        "lab.yaml:7:9 file-of-stage",
        "lab.yaml:8:12 stage-service",
        "lab.yaml:9:14 unknown-stage",
        "mine/kickstart/gard.j2:1:1 unknown-template",
        "mine/kickstart/guard.j2:2:1 template",
        "mine/stack/time-client/chrony.conf.j2:1:1 template",
        "mine/stack/time-server/chrony.conf.j2:1:1 template",
        "own/good/stage.yaml:2:25 own-stage",
        "own/hello/stage.yaml:1:1 own-stage",
        "own/hello/stage.yaml:1:1 unknown-key",
        "own/hello/stage.yaml:2:9 unknown-role",
        "own/hello/stage.yaml:5:12 own-stage",
        "own/hello/stage.yaml:5:29 value",
        "own/hello/stage.yaml:5:40 unknown-network",
        "own/hello2/stage.yaml:2:12 own-stage",
        "own/hello2/stage.yaml:2:17 own-stage",
    ];
    assert_eq!(places, wanted, "{told:#}");
}

#[test]
fn what_only_follows_from_another_mistake_is_not_told() {
    let told = |text: &str| {
        let lab = Lab::new(text);
        write(
            &lab,
            &[
                ("own/hello/stage.yaml", "summary: [x\n"),
                ("own/hello/verify.sh", "true\n"),
                (
                    "own/hi/stage.yaml",
                    "summary: x\nneeds: [{role: controller, port: 1}]\nroles: [compute]\n",
                ),
                ("own/hi/verify.sh", "true\n"),
            ],
        );
        let told = lab.run(&["check", "--format", "json"]).stdout;
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        let rule = |f: &serde_json::Value| f["rule"].as_str().unwrap_or_default().to_owned();
        told["findings"].as_array().expect("findings").iter().map(rule).collect::<Vec<_>>()
    };
    let node = "controller: {role: controller, address: 10.0.0.11}";
    for (text, rules) in [
        // A stage that cannot be read, and what names it, or might be its.
        (
            format!(
                "own_stages: own\nopenstack: {{services: [x]}}\nparameters: {{hello: {{a: b}}}}\n\
                 settings: {{/etc/x: {{a: {{b: c}}}}}}\nroles: {{r: {{stages: [hello]}}}}\n\
                 nodes: {{{node}, c: {{role: compute, address: 10.0.0.12}}, d: {{role: r, address: 10.0.0.13}}}}\n"
            ),
            &["yaml"][..],
        ),
        // A folder that is not there.
        (
            format!(
                "own_stages: owm\nparameters: {{hello: {{a: b}}}}\nroles: {{r: {{stages: [hello]}}}}\n\
                 nodes: {{{node}, d: {{role: r, address: 10.0.0.13}}}}\n"
            ),
            &["named-file"],
        ),
        // A network that cannot be used.
        (
            format!(
                "networks: {{management: {{cidr: 10.0.0.0}}}}\n\
                 firewall: {{open: [{{port: 1, protocol: tcp, from: management}}]}}\nnodes: {{{node}}}\n"
            ),
            &["value"],
        ),
        // A controller without the stages that its list does not name rightly.
        (
            "roles: {controller: {stages: [time-sever]}}\n\
             nodes: {controller: {role: controller, address: 10.0.0.11}, c: {role: compute, address: 10.0.0.12}}\n"
                .to_owned(),
            &["unknown-stage"],
        ),
        ("nodes: {controller: {rol: controller, address: 10.0.0.11}}\n".to_owned(), &["unknown-key"]),
        ("nodes: {controller: {role: controller, address: 10.0.1.11}}\n".to_owned(), &["address-outside"]),
        (format!("memory: 4\ndisk: much\nnodes: {{{node}}}\n"), &["value", "value"]),
    ] {
        assert_eq!(told(&text), rules, "{text}");
    }
}
