//! Traps of the installed system: time, secrets, packages, units.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{ROOT, outcome};
use crate::rendered::In::{Either, Kickstart, UserData};
use crate::rendered::{Rendered, change, code, expect, hold, nodes, scripts};

fn n3(node: &Rendered, wrong: &mut Vec<String>) {
    let clock = if node.is_controller() { "time-server" } else { "time-client" };
    for order in node.orders() {
        let at = |name: &str| order.iter().position(|stage| stage == name);
        let before = at(clock).is_some() && at(clock) < at("repositories");
        expect(wrong, before, format!("{clock} does not come before yum's signatures"));
    }
    for conf in node.of_stage(clock, "files/etc/chrony.conf") {
        // A controller without the world tells the time all the same, and says how much it is worth.
        let is_marked = conf.content.contains("\nlocal stratum 10\n");
        expect(wrong, is_marked == node.is_controller(), "local stratum");
    }
    let script = node.of_stage(clock, "configure.sh");
    expect(wrong, script.len() == 2, format!("{clock} has no script"));
    for script in script {
        let lines = code(&script.content);
        let at = |what: &str| lines.iter().position(|line| line.contains(what));
        let waits = at("await \"${PARAMETER_wait_seconds").is_some();
        expect(wrong, waits, format!("{clock} does not wait"));
        let steps = at("chronyc makestep") > at("await ");
        expect(wrong, steps, format!("{clock} steps no clock, or too early"));
        if clock == "time-client" {
            let heeds = at("-lt 10 ] && return 0").is_some();
            expect(wrong, heeds, "it believes a controller that goes by its own clock");
        }
    }
}

#[test]
fn n3_the_clock_is_stepped_when_the_controller_knows_the_time() {
    hold(
        n3,
        &[
            (Either, "chronyc makestep", "chronyc tracking"),
            (Either, "await \"${PARAMETER_wait_seconds", "true \"${PARAMETER_wait_seconds"),
            (Either, "[ \"$now\" -lt 10 ] && return 0", "return 0"),
            (Either, "local stratum 10", "local stratum 1"),
            (Kickstart, "\ntime-client\nrepositories\n", "\nrepositories\ntime-client\n"),
            (
                UserData,
                "    time-server\n    repositories\n",
                "    repositories\n    time-server\n",
            ),
        ],
    );
}

fn n4(node: &Rendered, wrong: &mut Vec<String>) {
    for (path, script) in scripts(node) {
        for line in code(&script) {
            for shown in [
                "rabbitmqctl add_user",
                "rabbitmqctl change_password",
                "--password",
                "mysql -p",
                "mysqladmin",
            ] {
                expect(wrong, !line.contains(shown), format!("{path}: {line}"));
            }
            // Into a variable of this shell, and nowhere else.
            let taken = line.trim_start().split_once("=$(secret ");
            let is_taken = taken
                .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            let is_used = line.contains("$(secret ") || line.contains("`secret ");
            expect(wrong, !is_used || is_taken, format!("{path}: {line}"));
        }
    }
}

#[test]
fn n4_a_password_is_no_argument() {
    hold(
        n4,
        &[
            (Either, "rabbitmqctl set_permissions openstack", "rabbitmqctl add_user openstack"),
            (
                Either,
                "password=$(secret RABBIT_PASS)",
                "rabbitmqctl eval \"$(secret RABBIT_PASS)\"",
            ),
            (Either, "| mysql \"$way\" --user=root", "| mysql --password=\"$password\""),
        ],
    );
}

fn n5(node: &Rendered, wrong: &mut Vec<String>) {
    for order in node.orders() {
        let Some(upgrade) = order.iter().position(|stage| stage == "system-upgrade") else {
            wrong.push("nothing upgrades the system".into());
            continue;
        };
        for before in ["repositories", "firewall"] {
            let found = order[..upgrade].iter().any(|stage| stage == before);
            expect(wrong, found, format!("{before} comes after the reboot"));
        }
        for after in ["openstack-packages", "database", "message-queue", "cache"] {
            let found = order[..upgrade].iter().any(|stage| stage == after);
            expect(wrong, !found, format!("{after} comes before the reboot"));
        }
    }
    for script in node.of_stage("system-upgrade", "configure.sh") {
        let lines = code(&script.content);
        let asks = lines.iter().position(|line| line.trim() == "exit 100");
        let compares = lines.iter().position(|line| line.contains("!= \"$(uname -r)\""));
        let asks = asks.is_some() && compares < asks && compares.is_some();
        expect(wrong, asks, "a new kernel asks for no reboot");
    }
    for runner in node.both("/usr/local/sbin/trainyard-node") {
        let text = &runner.content;
        let reboots = text.find(" || reboot_for \"$stage\"\n");
        let marked = text.find("\n        mark_done \"$stage\" || fail ");
        expect(wrong, marked.is_some() && marked < reboots, "it would reboot for ever");
        expect(wrong, text.contains("\n    systemctl reboot || fail "), "it does not reboot");
    }
}

#[test]
fn n5_a_new_kernel_runs_before_anything_depends_on_it() {
    hold(
        n5,
        &[
            (Either, "exit 100", "exit 0"),
            (Either, "mark_done \"$stage\"", "true"),
            (Either, "systemctl reboot", "true"),
            (
                Kickstart,
                "\nsystem-upgrade\nopenstack-packages\n",
                "\nopenstack-packages\nsystem-upgrade\n",
            ),
            (UserData, "    firewall\n    system-upgrade\n", "    system-upgrade\n    firewall\n"),
        ],
    );
}

/// What `lint-el7.sh` says of all that these nodes run.
fn lint<'n>(nodes: impl IntoIterator<Item = &'n Rendered>) -> String {
    let mut texts = BTreeSet::new();
    for node in nodes {
        let bodies = node.scripts().into_iter().map(|script| code(&script.body).join("\n"));
        let files = scripts(node).into_iter().map(|(_, script)| script);
        texts.extend(bodies.chain(files).map(|text| ("sh", text)));
        let units = node.files().iter().filter(|f| f.path.contains("/systemd/system/"));
        texts.extend(units.map(|unit| ("service", unit.content.clone())));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(Path::new(ROOT).join("scripts/dev/lint-el7.sh"));
    for (i, (kind, text)) in texts.into_iter().enumerate() {
        let path = folder.path().join(format!("{i}.{kind}"));
        fs::write(&path, text).expect("written");
        command.arg(path);
    }
    let said = outcome(command);
    format!("{}{}", said.stdout, said.stderr)
}

#[test]
fn n6_scripts_and_units_use_what_centos_7_has() {
    assert_eq!(lint(nodes()), "");
    for (place, from, to) in [
        (Kickstart, "\nset -eu -o pipefail\n", "\nset -eu -o pipefail\nwait -n\n"),
        (Kickstart, "\nset -Eeu\n", "\nset -Eeu\nshopt -s inherit_errexit\n"),
        (UserData, "systemctl daemon-reload", "systemctl show --value daemon-reload"),
        (Kickstart, "Type=simple", "Type=exec"),
    ] {
        let changed = nodes().iter().find_map(|node| change(node, place, from, to));
        assert_ne!(lint(&changed), "", "{to}");
    }
}

fn n7(node: &Rendered, wrong: &mut Vec<String>) {
    let repositories = node.of_stage("repositories", "files/etc/trainyard/pinned.repo");
    expect(wrong, repositories.len() == 2, "no repositories");
    for file in repositories {
        for section in file.content.split("\n[").skip(1) {
            let (name, rest) = section.split_once("]\n").expect("a section");
            let lines: Vec<_> = rest.lines().collect();
            for wanted in
                ["gpgcheck=1", "skip_if_unavailable=0", "failovermethod=priority", "enabled=1"]
            {
                expect(wrong, lines.contains(&wanted), format!("{name}: {wanted}"));
            }
            let key = lines.iter().any(|line| line.starts_with("gpgkey=file:///"));
            expect(wrong, key, format!("{name} has no key on the node"));
            let moves = rest.contains("mirrorlist") || rest.contains("$releasever");
            expect(wrong, !moves, format!("{name} is not pinned"));
        }
        let pinned = file.content.matches("/7.9.2009/").count();
        expect(wrong, pinned >= 7, "not pinned to 7.9");
    }
    for file in node.of_stage("repositories", "manifest") {
        let brings = file.content.contains("\npackage centos-release-openstack-train\n");
        expect(wrong, brings, "nothing brings the keys of the SIGs");
    }
    for file in node.both("/usr/local/libexec/trainyard/packages.sh") {
        let text = &file.content;
        let asks = text.contains("[ ! -e \"$TRAINYARD_ROOT${line#gpgkey=file://}\" ] ||");
        expect(wrong, asks, "a repository is used before its key is there");
        let run = text.find("\nyum_run() {").map_or("", |at| &text[at..]);
        let run = &run[..run.find("\n}\n").unwrap_or(0)];
        // Before each attempt, and after: packages bring repository files.
        let pins = [" pin_for_yum \"$turn\" \"$place\"\n", "\n    pin_repositories"]
            .map(|what| run.matches(what).count());
        let is_pinned = text.contains("\n    pin_repositories \"$1\" \"$2\" \"$bundle\"\n}\n");
        expect(wrong, pins == [2, 1] && is_pinned, "yum runs with other repositories");
    }
}

#[test]
fn n7_repositories_are_signed_pinned_and_all_needed() {
    hold(
        n7,
        &[
            (Either, "gpgcheck=1", "gpgcheck=0"),
            (Either, "skip_if_unavailable=0", "skip_if_unavailable=1"),
            (Either, "gpgkey=file:///etc", "gpgkey=http://etc"),
            (Either, "/7.9.2009/", "/$releasever/"),
            (Either, "package centos-release-openstack-train", "package centos-release"),
            (Either, "[ ! -e \"$TRAINYARD_ROOT${line#gpgkey=file://}\" ]", "false"),
            (Kickstart, "    pin_for_yum \"$turn\" \"$place\"\n    [", "    ["),
            (Either, "    pin_repositories \"$1\" \"$2\" \"$bundle\"", "    true"),
        ],
    );
}

fn n8(node: &Rendered, wrong: &mut Vec<String>) {
    let units = node.both("/etc/systemd/system/trainyard-first-boot.service");
    expect(wrong, units.len() == 2, "no unit");
    for unit in units {
        let lines: Vec<_> = unit.content.lines().filter(|line| !line.starts_with('#')).collect();
        // A oneshot keeps the boot waiting for all stages, and systemd 219 does not start one again that failed.
        for wanted in [
            "Type=simple",
            "Restart=on-failure",
            "RestartPreventExitStatus=2 4",
            "WantedBy=multi-user.target",
            "After=network-online.target",
        ] {
            expect(wrong, lines.contains(&wanted), format!("{}: {wanted}", unit.by));
        }
        for never in ["cloud-final", "cloud-init"] {
            expect(
                wrong,
                !lines.iter().any(|l| l.contains(never)),
                format!("{}: {never}", unit.by),
            );
        }
    }
    let data = node.data();
    let commands = data["runcmd"].as_array().expect("commands");
    let start =
        serde_json::json!(["systemctl", "--no-block", "start", "trainyard-first-boot.service"]);
    expect(wrong, commands.last() == Some(&start), "cloud-init waits for it");
    let enable = serde_json::json!(["systemctl", "enable", "trainyard-first-boot.service"]);
    expect(wrong, commands.contains(&enable), "it does not go on after a reboot");
}

#[test]
fn n8_the_first_boot_waits_for_nobody_who_waits_for_it() {
    hold(
        n8,
        &[
            (Either, "Type=simple", "Type=oneshot"),
            (Either, "WantedBy=multi-user.target", "WantedBy=cloud-init.target"),
            (
                Either,
                "After=network-online.target",
                "After=network-online.target cloud-final.service",
            ),
            (UserData, "  - --no-block\n", ""),
            (UserData, "- - systemctl\n  - enable\n", "- - systemctl\n  - disable\n"),
        ],
    );
}

/// Stages whose services bind to the node's address, and hold many files open.
const BOUND: [(&str, &str); 4] = [
    ("database", "mariadb"),
    ("message-queue", "rabbitmq-server"),
    ("cache", "memcached"),
    ("key-value-store", "etcd"),
];
const MANY_FILES: [(&str, &str); 2] =
    [("database", "mariadb"), ("message-queue", "rabbitmq-server")];

fn n10(node: &Rendered, wrong: &mut Vec<String>) {
    let stages = node.orders().swap_remove(0);
    let mut drop_in = |stage: &str, unit: &str, name: &str, line: &str| {
        if !stages.iter().any(|s| s == stage) {
            return;
        }
        let path = format!("/etc/systemd/system/{unit}.service.d/{name}.conf");
        let found = node.of_stage(stage, &format!("files{path}"));
        let listed = node.of_stage(stage, "manifest");
        let listed = listed.iter().all(|m| m.content.contains(&format!(" {path}\n")));
        let said = found.iter().all(|f| f.content.lines().any(|l| l.starts_with(line)));
        expect(wrong, found.len() == 2 && listed && said, format!("{path}: {line}"));
    };
    for (stage, unit) in BOUND {
        drop_in(stage, unit, "network-online", "After=network-online.target");
        drop_in(stage, unit, "network-online", "Restart=on-failure");
        drop_in(stage, unit, "network-online", "StartLimitInterval=0");
    }
    for (stage, unit) in MANY_FILES {
        drop_in(stage, unit, "limits", "LimitNOFILE=");
    }
}

#[test]
fn n10_services_find_their_address_and_may_hold_many_files() {
    hold(
        n10,
        &[
            (Either, "After=network-online.target", "After=network.target"),
            (Either, "Restart=on-failure\n", ""),
            (Either, "LimitNOFILE=", "LimitNPROC="),
            (
                Either,
                " /etc/systemd/system/etcd.service.d/",
                " /etc/systemd/system/other.service.d/",
            ),
        ],
    );
}

fn n13(node: &Rendered, wrong: &mut Vec<String>) {
    for name in ["first-boot", "verify"] {
        let units = node.both(&format!("/etc/systemd/system/trainyard-{name}.service"));
        expect(wrong, units.len() == 2, format!("{name}: no unit"));
        for unit in units {
            for line in unit.content.lines() {
                let key = line.split('=').next().unwrap_or_default();
                let is_private = key.starts_with("Private")
                    || key.starts_with("Protect")
                    || key.ends_with("Directories")
                    || key == "MountFlags";
                expect(wrong, !is_private, format!("{}: {line}", unit.by));
            }
        }
    }
}

#[test]
fn n13_what_a_stage_mounts_is_mounted_for_all() {
    let with = |line: &'static str| (Either, "Environment=HOME=/root", line);
    hold(
        n13,
        &[
            with("PrivateTmp=yes"),
            with("ProtectSystem=full"),
            with("ReadOnlyDirectories=/boot"),
            with("MountFlags=slave"),
        ],
    );
}
