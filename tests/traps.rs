//! What passes every judge and fails on a real CentOS 7.9, each held by a test of the rendered text.

mod common;

use std::fs;
use std::path::Path;

use common::installed::scripts as scripts_of;
use common::{Lab, ROOT};

fn rendered(node: &str, file: &str) -> String {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", node, "-o", "out"]);
    lab.read(&format!("out/{node}/{file}"))
}

fn user_data() -> serde_json::Value {
    serde_yaml::from_str(&rendered("compute", "user-data")).expect("YAML")
}

/// Where a text stands in another.
fn at(text: &str, part: &str) -> usize {
    text.find(part).unwrap_or_else(|| panic!("`{part}` is not there"))
}

/// All scripts that run on nodes.
fn scripts() -> String {
    let read = |path: &Path| fs::read_to_string(path).expect("text");
    let mut all = read(&Path::new(ROOT).join("scripts/node/trainyard-node"));
    all += &read(&Path::new(ROOT).join("scripts/node/stage-lib.sh"));
    for stage in fs::read_dir(Path::new(ROOT).join("stack")).expect("stages") {
        for name in ["prepare.sh", "configure.sh", "verify.sh"] {
            let path = stage.as_ref().expect("an entry").path().join(name);
            if path.exists() {
                all += &read(&path);
            }
        }
    }
    all
}

#[test]
fn the_installer_asks_nothing_and_fetches_nothing() {
    for node in ["controller", "compute"] {
        let kickstart = rendered(node, "ks.cfg");
        let commands = kickstart.lines().take_while(|line| !line.starts_with("%packages"));
        for line in commands {
            let command = line.split(' ').next().expect("a word");
            // Its packages would be unsigned in effect: the installer's yum checks none.
            assert!(
                !["repo", "url", "nfs", "graphical", "text", "rhsm"].contains(&command),
                "{line}"
            );
        }
        assert!(kickstart.contains("\ncmdline\ncdrom\n"));
        let packages = &kickstart[at(&kickstart, "%packages\n")..];
        assert_eq!(
            packages.lines().take_while(|l| *l != "%end").collect::<Vec<_>>(),
            ["%packages", "@^minimal", "chrony", "firewalld"]
        );
    }
}

/// Programs that lorax takes out of the installer's image (share/runtime-cleanup.tmpl), as far as scripts use such.
const NOT_IN_THE_INSTALLER: [&str; 13] = [
    "base64",
    "install",
    "timeout",
    "stat",
    "nohup",
    "mkfifo",
    "paste",
    "join",
    "comm",
    "getent",
    "useradd",
    "grubby",
    "firewall-cmd",
];

#[test]
fn scripts_in_the_installer_use_what_it_has() {
    let lab = Lab::example("customised.yaml");
    lab.done(&["render", "compute", "-o", "out"]);
    let scripts = scripts_of(&lab.read("out/compute/ks.cfg"));
    let outside = |header: &str| !header.starts_with("%post") || header.contains("--nochroot");
    let outside: Vec<_> = scripts.iter().filter(|script| outside(&script.header)).collect();
    assert_eq!(outside.len(), 5, "%pre, hooks, the wipe guard, secrets, %onerror");
    for script in outside {
        // The first word of what may be a command.
        let parts = script.body.lines().flat_map(|line| line.split(['|', ';', '&', '(', '`']));
        let words = parts.flat_map(|part| {
            let words = part.split_whitespace();
            words
                .skip_while(|word| {
                    ["if", "then", "else", "do", "until", "while", "!"].contains(word)
                })
                .take(1)
        });
        let found: Vec<_> = words.filter(|word| NOT_IN_THE_INSTALLER.contains(word)).collect();
        assert!(found.is_empty(), "{}: {found:?}", script.header);
    }
}

#[test]
fn a_disk_is_cleared_only_by_what_a_script_has_written_that_could_have_refused() {
    // The installer only logs that a %pre has failed, and goes on with the commands that it has.
    for node in ["controller", "compute"] {
        let kickstart = rendered(node, "ks.cfg");
        let guard = at(&kickstart, "\n%pre --interpreter=/bin/bash --log=");
        let guard_end = guard + at(&kickstart[guard..], "\n%end");
        let mut position = 0;
        for line in kickstart.lines() {
            let command = line.split(' ').next().expect("a word");
            let clears = [
                "zerombr",
                "clearpart",
                "ignoredisk",
                "bootloader",
                "reqpart",
                "part",
                "volgroup",
                "logvol",
                "autopart",
            ];
            let inside = (guard..guard_end).contains(&position);
            assert!(inside || !clears.contains(&command), "{line}");
            position += line.len() + 1;
        }
        assert_eq!(kickstart.matches("\n%include /tmp/trainyard-storage.ks\n").count(), 1);
        // It is written last, after everything that can refuse; and who refuses waits for ever.
        let guard = &kickstart[guard..guard_end];
        let written = at(guard, "\ncat > \"$commands.new\"");
        let refusals = guard.rmatch_indices("refuse \"").next().expect("it can refuse").0;
        assert!(refusals < written && at(guard, "\nzerombr\n") > written);
        assert!(at(guard, "\nset -eu -o pipefail\n") < at(guard, "\ntrap 'refuse "));
        assert!(guard.contains("    while :; do sleep 3600; done\n}\n"));
        for console in ["/console", "/tty1", "/ttyS0"] {
            assert!(guard.contains(&format!("\"$dev{console}\"")), "{console}");
        }
    }
}

#[test]
fn no_copy_of_a_secret_stays_behind() {
    let kickstart = rendered("controller", "ks.cfg");
    // The installer copies the kickstart after our scripts have run, unless it finds this.
    assert!(kickstart.contains("%pre\ntouch /tmp/NOSAVE_INPUT_KS\n%end\n"));
    // The bodies of scripts that run in the new system stay in its /tmp.
    let nochroot = at(&kickstart, "%post --nochroot");
    let secret = at(&kickstart, "RABBIT_PASS=");
    let end = nochroot + at(&kickstart[nochroot..], "\n%end\n");
    assert!(nochroot < secret && secret < end);
    assert_eq!(kickstart.matches("RABBIT_PASS=").count(), 1);
    // And what is written after them goes at first boot, before any stage.
    let runner = scripts();
    assert!(
        runner.contains("/root/anaconda-ks.cfg")
            && runner.contains("/root/original-ks.cfg")
            && runner.contains("/tmp/ks-script-*")
    );
    let run = &runner[at(&runner, "run_command() {")..];
    assert!(at(run, "remove_kickstarts") < at(run, "run_stage "));
}

#[test]
fn labels_are_set_last() {
    let kickstart = rendered("controller", "ks.cfg");
    let post = &kickstart[at(&kickstart, "\n%post --interpreter")
        ..at(&kickstart, "\n# What the installer itself gives up on")];
    let restorecon = post.rfind("\nrestorecon -RF /etc/trainyard ").expect("there");
    assert!(post[restorecon..].starts_with("\nrestorecon -RF /etc/trainyard /usr/local/sbin/trainyard-node /usr/local/libexec/trainyard /etc/systemd/system\n%end"));
    // bin_t by the policy's own rules.
    assert!(kickstart.contains("put 0755 /usr/local/sbin/trainyard-node "));
}

#[test]
fn the_firewall_opens_nothing_to_everyone_and_is_never_reloaded() {
    for node in ["controller", "compute"] {
        let kickstart = rendered(node, "ks.cfg");
        assert!(kickstart.contains("\nselinux --enforcing\nfirewall --enabled --service=ssh\n"));
        let mut openings: Vec<_> =
            kickstart.lines().filter_map(|l| l.strip_prefix("firewall ")).collect();
        openings.retain(|l| !l.starts_with("--"));
        let wanted = match node {
            "controller" => {
                vec!["123 udp", "3306 tcp", "5672 tcp", "11211 tcp", "2379 tcp", "2380 tcp"]
            }
            _ => vec![],
        };
        let wanted: Vec<_> = wanted.into_iter().map(|port| format!("{port} 10.0.0.0/24")).collect();
        assert_eq!(openings, wanted);
    }
    let scripts = scripts();
    let commands = scripts.lines().filter(|line| !line.trim_start().starts_with('#'));
    assert!(commands.clone().all(|line| !line.contains("--reload")));
    assert!(commands.clone().any(|line| line.contains("firewall-cmd --permanent --add-rich-rule")));
    assert!(commands.clone().any(|line| line.contains("firewall-offline-cmd --add-rich-rule")));
    assert!(
        commands
            .into_iter()
            .all(|line| !line.contains("setenforce") && !line.contains("stop firewalld"))
    );
}

#[test]
fn repositories_are_signed_pinned_and_all_needed() {
    let kickstart = rendered("compute", "ks.cfg");
    let begin = at(
        &kickstart,
        "put 0600 /etc/trainyard/stages/repositories/files/etc/trainyard/pinned.repo",
    );
    let repo = &kickstart[begin..begin + at(&kickstart[begin..], "\nEOF\n")];
    let count = |line: &str| repo.lines().filter(|l| *l == line).count();
    let sections = repo.lines().filter(|l| l.starts_with('[')).count();
    assert_eq!(sections, 7);
    for line in ["gpgcheck=1", "skip_if_unavailable=0", "failovermethod=priority", "enabled=1"] {
        assert_eq!(count(line), sections, "{line}");
    }
    assert!(!repo.contains("mirrorlist") && !repo.contains("$releasever"));
    assert_eq!(repo.matches("http://vault.centos.org/7.9.2009/").count(), sections);
    assert_eq!(repo.matches("http://archive.kernel.org/centos-vault/7.9.2009/").count(), sections);
    assert!(kickstart.contains("package centos-release-openstack-train\n"));
}

#[test]
fn a_password_is_no_argument() {
    for line in scripts().lines().filter(|line| !line.trim_start().starts_with('#')) {
        assert!(
            !line.contains("rabbitmqctl add_user") && !line.contains("rabbitmqctl change_password"),
            "{line}"
        );
        assert!(
            !line.contains("--password")
                && !line.contains("mysql -p")
                && !line.contains("mysqladmin"),
            "{line}"
        );
    }
}

#[test]
fn the_clock_is_stepped_when_the_controller_knows_the_time() {
    let script =
        fs::read_to_string(Path::new(ROOT).join("stack/time-client/configure.sh")).expect("text");
    assert!(at(&script, "wait_until ") < at(&script, "\nchronyc makestep\n"));
    assert!(rendered("controller", "ks.cfg").contains("local stratum 10\n"));
}

#[test]
fn the_first_boot_waits_for_nobody_who_waits_for_it() {
    let unit =
        fs::read_to_string(Path::new(ROOT).join("scripts/node/trainyard-first-boot.service"))
            .expect("text");
    let settings: Vec<_> = unit.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(settings.contains(&"Type=simple") && settings.contains(&"WantedBy=multi-user.target"));
    assert!(
        settings.iter().all(|line| !line.contains("cloud-final") && !line.starts_with("Restart="))
    );
    let commands = user_data()["runcmd"].to_string();
    assert!(
        commands.contains(r#"["systemctl","--no-block","start","trainyard-first-boot.service"]"#),
        "{commands}"
    );
}

#[test]
fn cloud_init_leaves_names_to_the_stages() {
    let data = user_data();
    assert_eq!(data["hostname"], "compute");
    assert_eq!(data["manage_etc_hosts"], false);
    // fqdn would become the host name, and ntp is not among CentOS 7's modules.
    assert!(data.get("fqdn").is_none() && data.get("ntp").is_none());
}

#[test]
fn cloud_init_writes_only_for_root_and_before_any_package() {
    for file in user_data()["write_files"].as_array().expect("files") {
        assert_eq!(file["owner"], "root:root");
        let path = file["path"].as_str().expect("a path");
        let ours = [
            "/etc/trainyard/",
            "/usr/local/sbin/trainyard-node",
            "/usr/local/libexec/trainyard/",
            "/etc/systemd/system/trainyard-",
        ];
        assert!(ours.iter().any(|folder| path.starts_with(folder)), "{path}");
    }
}

#[test]
fn cloud_init_finds_interfaces_by_their_address_and_leaves_the_provider_bare() {
    let config: serde_json::Value =
        serde_yaml::from_str(&rendered("compute", "network-config")).expect("YAML");
    assert_eq!(config["version"], 1);
    let interfaces = config["config"].as_array().expect("interfaces");
    assert!(interfaces.iter().all(|i| i["type"] == "physical"
        && i["mac_address"].as_str().is_some_and(|m| m.starts_with("08:00:27:"))));
    assert!(
        interfaces[1].get("subnets").is_none()
            && interfaces[0]["subnets"][0]["netmask"] == "255.255.255.0"
    );
}

#[test]
fn a_changed_node_is_another_instance_and_an_unchanged_one_is_not() {
    let id = |text: &str| {
        let lab = Lab::new(text);
        lab.done(&["render", "controller", "-o", "out"]);
        lab.read("out/controller/meta-data").lines().next().expect("an id").to_owned()
    };
    let one = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";
    assert_eq!(id(one), id(one));
    assert_ne!(id(one), id(&format!("keyboard: kr\n{one}")));
    assert!(id(one).starts_with("instance-id: train-controller-"));
}

#[test]
fn a_compute_may_have_one_interface() {
    let lab = Lab::new(
        "nodes:\n  controller: {role: controller, address: 10.0.0.11}\n  compute: {role: compute, address: 10.0.0.31, interfaces: {enp0s3: {network: management}}}\n",
    );
    lab.done(&["render", "compute", "-o", "out"]);
    let kickstart = lab.read("out/compute/ks.cfg");
    assert!(
        kickstart.contains("TRAINYARD_PROVIDER_INTERFACE=\n")
            && !kickstart.contains("ifcfg-enp0s9")
    );
}
