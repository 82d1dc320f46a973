//! What people add to their nodes arrives there, by a kickstart as by cloud-init.

mod common;

use std::fs;

use common::Lab;
use common::installed::{Installed, scripts};

fn rendered(lab: &Lab, node: &str, file: &str) -> String {
    lab.read(&format!("out/{node}/{file}"))
}

#[test]
fn everything_of_the_example_is_there() {
    let lab = Lab::example("customised.yaml");
    lab.done(&["render", "-o", "out"]);
    let kickstart = rendered(&lab, "compute", "ks.cfg");
    for line in [
        "bootloader --location=mbr --boot-drive=$disk --append='console=tty0 console=ttyS0,115200n8 intel_iommu=on'",
        "grubby --update-kernel=ALL --remove-args='rhgb quiet'",
        "hook check-memory",
    ] {
        assert!(kickstart.lines().any(|l| l == line), "{line}");
    }
    let installed = Installed::new(&lab, "compute", &[]);
    installed.assert_equals_user_data(&rendered(&lab, "compute", "user-data"));
    let order = installed.read("etc/trainyard/stages/order");
    let order: Vec<&str> = order.lines().collect();
    assert_eq!(order[..3], ["accounts", "hook-issue", "host-network"]);
    assert_eq!(order[order.len() - 2..], ["site", "hook-report"]);
    let before = |a: &str, b: &str| {
        let at = |name: &str| order.iter().position(|stage| *stage == name).expect("there");
        at(a) < at(b)
    };
    assert!(before("system-upgrade", "kernel") && before("kernel", "openstack-packages"));
    let manifest = installed.read("etc/trainyard/stages/site/manifest");
    for line in [
        "package tcpdump",
        "package vim-enhanced",
        "package numactl",
        "file 0644 root root /etc/motd",
        "file 0640 root developers /etc/logrotate.d/lab",
        "firewall 9100 tcp 10.0.0.0/24",
        "disabled postfix.service",
    ] {
        assert!(manifest.lines().any(|l| l == line), "{line}\n{manifest}");
    }
    assert_eq!(
        installed.read("etc/trainyard/stages/site/files/etc/sysctl.d/90-trainyard.conf"),
        "vm.swappiness = 10\n"
    );
    assert!(!rendered(&lab, "controller", "ks.cfg").contains("intel_iommu"));
}

#[test]
fn people_can_log_in_before_the_first_boot() {
    let lab = Lab::example("customised.yaml");
    lab.done(&["render", "-o", "out"]);
    let installed = Installed::new(&lab, "compute", &["accounts"]);
    let calls = installed.calls();
    let of = |name: &str| -> Vec<&str> {
        calls.iter().filter_map(|call| call.strip_prefix(name)?.strip_prefix(' ')).collect()
    };
    assert_eq!(
        of("useradd"),
        [
            "--uid 1500 --create-home --user-group --shell /bin/bash alice",
            "--create-home --user-group --shell /bin/bash deploy"
        ]
    );
    assert_eq!(of("groupadd"), ["developers", "wheel"], "the fake system has no groups at all");
    assert_eq!(
        of("usermod"),
        ["--lock deploy", "--groups developers,wheel alice", "--groups  deploy"]
    );
    let shadow = installed.read("shadow");
    assert!(shadow.starts_with("alice:$6$") && shadow.lines().count() == 1, "{shadow}");
    assert!(!calls.iter().any(|call| call.contains("$6$")), "no hash among arguments");
    let keys = fs::read_to_string(lab.path("customised/alice.pub")).expect("a key");
    for account in ["alice", "deploy"] {
        assert_eq!(installed.read(&format!("home/{account}/.ssh/authorized_keys")), keys);
        assert_eq!(installed.mode(&format!("home/{account}/.ssh")), 0o700);
        assert_eq!(installed.mode(&format!("home/{account}/.ssh/authorized_keys")), 0o600);
    }
    assert_eq!(
        installed.read("etc/sudoers.d/trainyard-deploy"),
        "deploy ALL=(ALL) NOPASSWD: /usr/bin/systemctl restart httpd, /usr/sbin/reboot\n"
    );
    assert_eq!(installed.mode("etc/sudoers.d/trainyard-deploy"), 0o440);
    assert!(!installed.exists("etc/sudoers.d/trainyard-alice"), "wheel is what lets alice in");
    assert!(installed.exists("var/log/trainyard/accounts.log"));
    // The first boot finds them done.
    assert!(installed.exists("var/lib/trainyard/done/accounts"));
    let data: serde_json::Value =
        serde_yaml::from_str(&rendered(&lab, "compute", "user-data")).expect("YAML");
    let commands = data["runcmd"].to_string();
    let place = |command: &str| commands.find(command).unwrap_or_else(|| panic!("{commands}"));
    let early = place(r#"["/usr/local/sbin/trainyard-node","run","accounts","hook-issue"]"#);
    // A hook may ask for a reboot, and the first boot must then go on.
    assert!(place(r#""enable","trainyard-first-boot.service""#) < early);
    assert!(early < place(r#""start","trainyard-first-boot.service""#));
}

#[test]
fn a_password_is_made_for_each_account_that_has_one() {
    let lab = Lab::new(
        "users: {alice: {password: yes}, bob: {password: yes}}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    let missing = lab.run(&["render", "-o", "out"]);
    assert_eq!(missing.status, 3);
    assert!(missing.stderr.contains("`USER_PASS_alice`, `USER_PASS_bob`"), "{missing:?}");
    let made = lab.done(&["secrets"]);
    assert!(made.stdout.contains("4 secrets made"), "{made:?}");
    assert!(!lab.done(&["secrets"]).stderr.contains("USER_PASS"), "they are asked for");
    lab.done(&["render", "-o", "out"]);
    let secrets = lab.read("secrets.yaml");
    for line in secrets.lines().filter(|l| l.starts_with("USER_PASS_alice:")) {
        let value = line.split('"').nth(1).expect("quoted");
        for file in ["ks.cfg", "user-data"] {
            assert!(!rendered(&lab, "controller", file).contains(value), "{file}");
        }
    }
    let installed = Installed::new(&lab, "controller", &["accounts"]);
    let kept = installed.read("mnt/sysimage/etc/trainyard/ks.cfg");
    assert!(!kept.contains("$6$rounds"), "no hash is kept");
}

#[test]
fn a_hook_that_fails_stops_the_installation_and_says_why() {
    let node = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";
    let lab = Lab::new(&format!(
        "hooks:\n\
         \x20 pre: [{{name: good, script: \"echo seen $TRAINYARD_NODE\"}}, {{name: bad, script: \"echo no disk here\\nexit 7\\n\"}}, {{name: never, script: \"true\"}}]\n\
         \x20 post: [{{name: broken, script: \"echo what went wrong\\nexit 4\\n\"}}]\n{node}"
    ));
    lab.done(&["render", "-o", "out"]);
    let installed = Installed::prepare(&lab, "controller");
    let scripts = scripts(&rendered(&lab, "controller", "ks.cfg"));
    // Before the wipe guard, so that a hook can load the driver of a disk.
    assert!(scripts[1].header.starts_with("%pre ") && scripts[2].body.contains("find_disk"));
    let stopped = installed.run(&scripts[1], &[]);
    assert_eq!(stopped.status, 9, "it waits for ever: {stopped:?}");
    let told = installed.read("dev/console");
    assert!(
        told.contains(
            "controller is not installed: the hook bad failed with exit status 7; its log is"
        ) && told.contains("/tmp/trainyard-hook-bad.log: no disk here"),
        "{told}"
    );
    assert_eq!(installed.read("tmp/trainyard-hook-good.log"), "seen controller\n");
    assert!(!installed.exists("tmp/trainyard-hook-never.log"));

    fs::remove_file(installed.path("dev/console")).expect("there");
    installed.run(&scripts[3], &[]);
    assert!(!installed.exists("dev/console"));
    assert_eq!(installed.run(&scripts[4], &["hook-broken"]).status, 9);
    let told = installed.read("dev/console");
    for part in ["`hook-broken` failed", "what went wrong", "(exit status 4)", "hook-broken.log"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

#[test]
fn hooks_run_in_the_order_of_lab_role_and_node() {
    let hook =
        |when: &str, name: &str| format!("hooks: {{{when}: [{{name: {name}, script: 'true'}}]}}");
    let lab = Lab::new(&format!(
        "{}\nroles: {{controller: {{{}}}}}\nnodes: {{controller: {{role: controller, address: 10.0.0.11, {}}}}}\n",
        hook("first_boot", "of-lab"),
        hook("first_boot", "of-role"),
        hook("first_boot", "of-node"),
    ));
    let plan: serde_json::Value =
        serde_json::from_str(&lab.done(&["plan", "--format", "json"]).stdout).expect("JSON");
    let stages = plan["nodes"][0]["stages"].as_array().expect("stages").iter();
    let names: Vec<_> = stages.filter_map(|stage| stage["name"].as_str()).collect();
    assert_eq!(names[names.len() - 3..], ["hook-of-lab", "hook-of-role", "hook-of-node"]);
}

#[test]
fn a_proxy_and_a_repository_of_ones_own() {
    let lab = Lab::example("proxy-and-own-repository.yaml");
    lab.done(&["render", "-o", "out"]);
    let installed = Installed::new(&lab, "compute", &["accounts"]);
    let inside = "etc/trainyard/stages/repositories/files";
    let pinned = installed.read(&format!("{inside}/etc/trainyard/pinned.repo"));
    let sections: Vec<&str> = pinned.split("\n[").collect();
    for section in &sections[1..] {
        let own = section.starts_with("site]");
        // no_proxy has the domain of its only URL.
        assert_eq!(section.contains("\nproxy=http://proxy.example.org:3128\n"), !own, "{section}");
        assert!(
            section.contains("\ngpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-"),
            "{section}"
        );
    }
    assert_eq!(
        sections.last().copied().expect("a section").trim_end(),
        "site]\nname=Packages of our own\nbaseurl=http://packages.lab.example.org/el7/$basearch/\nenabled=1\n\
         failovermethod=priority\nskip_if_unavailable=0\ntimeout=30\nretries=3\nminrate=10000\ngpgcheck=1\n\
         gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-trainyard-site"
    );
    let key = fs::read_to_string(lab.path("proxy-and-own-repository/example-packages.asc"));
    let there = format!("{inside}/etc/pki/rpm-gpg/RPM-GPG-KEY-trainyard-site");
    assert_eq!(installed.read(&there), key.expect("a key"));
    assert_eq!(
        installed.read(&format!("{inside}/etc/profile.d/trainyard-proxy.sh")),
        "# Written by trainyard.\nexport http_proxy=http://proxy.example.org:3128\n\
         export https_proxy=http://proxy.example.org:3128\n\
         export no_proxy=localhost,127.0.0.1,controller,10.0.0.11,compute,10.0.0.31,.lab.example.org\n"
    );
}

#[test]
fn a_package_cache_stands_before_the_mirrors_of_what_it_keeps() {
    let lab = Lab::new(
        "package_cache: http://10.0.0.1:8080/\nmirror: [http://a, http://b]\n\
         repositories:\n  near: {baseurl: ['http://c/$basearch/', 'file:///srv/near'], gpgkey: 'file:///etc/near.asc'}\n  \
         own: {baseurl: 'file:///srv/own', gpgkey: 'file:///etc/own.asc'}\n  \
         unsigned: {baseurl: 'https://d/', gpgcheck: no}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    lab.done(&["render", "-o", "out"]);
    let installed = Installed::new(&lab, "controller", &["accounts"]);
    let pinned =
        installed.read("etc/trainyard/stages/repositories/files/etc/trainyard/pinned.repo");
    assert!(pinned.contains("\n#cache=http://10.0.0.1:8080\n"), "{pinned}");
    let urls = |id: &str| -> Vec<String> {
        let (_, section) = pinned.split_once(&format!("[{id}]\n")).expect("a section");
        let (_, urls) = section.split_once("baseurl=").expect("URLs");
        urls.lines().take_while(|it| !it.contains('=')).map(|it| it.trim().to_owned()).collect()
    };
    let kept = |id: &str| format!("http://10.0.0.1:8080/packages/{id}/");
    let archive = |mirror: &str| format!("http://{mirror}/7.9.2009/os/$basearch/");
    assert_eq!(urls("base"), [kept("base"), archive("a"), archive("b")]);
    // What begins its line would be a setting of its own, and the file none that yum reads.
    let indented =
        format!("baseurl={}\n        {}\n        {}\n", kept("base"), archive("a"), archive("b"));
    assert!(pinned.contains(&indented), "{pinned}");
    let near = ["http://c/$basearch/", "file:///srv/near"].map(str::to_owned);
    assert_eq!(urls("near"), [&[kept("near")], &near[..]].concat());
    assert_eq!(urls("own"), ["file:///srv/own"]);
    // Nobody on the way could be told from who made it.
    assert_eq!(urls("unsigned"), ["https://d/"]);
}

#[test]
fn what_is_locked_comes_from_the_bundle_and_the_cache_alone() {
    for cache in ["", "package_cache: http://10.0.0.1:8080\n"] {
        let lab = Lab::new(&format!(
            "{cache}package_lock: packages.lock\nmirror: [http://a, http://b]\nproxy: {{url: 'http://p:3128'}}\n\
             repositories: {{own: {{baseurl: 'http://c/', gpgkey: 'file:///etc/own.asc'}}}}\n\
             nodes: {{controller: {{role: controller, address: 10.0.0.11}}}}\n"
        ));
        let lock = common::lock_of(&["controller"], &["own"]);
        fs::write(lab.path("packages.lock"), &lock).expect("written");
        lab.done(&["render", "-o", "out"]);
        let installed = Installed::new(&lab, "controller", &["accounts"]);
        let pinned =
            installed.read("etc/trainyard/stages/repositories/files/etc/trainyard/pinned.repo");
        let digest = trainyard::digest::Digest::of(lock.as_bytes());
        let marks = format!("\n#medium=/run/trainyard/packages\n#lock={digest}\n");
        assert!(pinned.contains(&marks), "{pinned}");
        for section in pinned.split("\n[").skip(1) {
            let (id, rest) = section.split_once("]\n").expect("a section");
            let kept = if cache.is_empty() {
                String::new()
            } else {
                format!("        http://10.0.0.1:8080/packages/{id}/\n")
            };
            let urls = format!("baseurl=file:///run/trainyard/packages/{id}/\n{kept}");
            let begins = format!("name={id}\n{urls}enabled=1\n");
            assert!(rest.starts_with(&begins), "{section}");
            assert!(!rest.contains("proxy"), "{section}");
        }
        assert!(pinned.contains("\n[own]\n"), "{pinned}");
        // Another lock is another input of the stage.
        fs::write(lab.path("packages.lock"), format!("{lock}\n")).expect("written");
        lab.done(&["render", "-o", "again"]);
        assert!(!lab.read("again/controller/ks.cfg").contains(&marks));
    }
}

#[test]
fn the_ids_that_are_taken_are_those_of_the_pinned_repositories() {
    let lab = Lab::example("smallest.yaml");
    lab.done(&["render", "-o", "out"]);
    let kickstart = rendered(&lab, "compute", "ks.cfg");
    let begin = kickstart.find("# Written by trainyard. Mirrors").expect("pinned.repo");
    let pinned = kickstart[begin..].split("\nEOF").next().expect("text");
    let ids = pinned.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
    let ids: Vec<&str> = ["main"].into_iter().chain(ids).collect();
    assert_eq!(ids, trainyard::model::PINNED);
}

#[test]
fn sudo_takes_every_rule_that_is_accepted() {
    let lab = Lab::new(
        "users:\n\
         \x20 a: {password: yes, sudo: yes}\n\
         \x20 b: {password: no, sudo: yes, shell: /sbin/nologin}\n\
         \x20 c_1: {password: yes, sudo: [\"ALL=(ALL:ALL) NOPASSWD:SETENV: /sbin/reboot, /usr/bin/systemctl restart *\", \"ALL = /bin/ls -l /root\", \"ALL=(a) LOG_INPUT: NOEXEC: /usr/bin/less\"]}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    lab.done(&["secrets"]);
    lab.done(&["render", "-o", "out"]);
    let installed = Installed::new(&lab, "controller", &["accounts"]);
    assert_eq!(installed.read("etc/sudoers.d/trainyard-a"), "a ALL=(ALL) ALL\n");
    assert_eq!(installed.read("etc/sudoers.d/trainyard-b"), "b ALL=(ALL) NOPASSWD: ALL\n");
    for name in ["a", "b", "c_1"] {
        let path = installed.path(&format!("etc/sudoers.d/trainyard-{name}"));
        let mut command = common::judge("visudo");
        command.args(["-c", "-s", "-f"]).arg(path);
        common::judged(command);
    }
    let path = lab.path("broken");
    fs::write(&path, "a ALL=(ALL) ls\n").expect("written");
    let mut command = common::judge("visudo");
    command.args(["-c", "-f"]).arg(path);
    assert_ne!(common::outcome(command).status, 0, "it would have said something");
}

#[test]
fn without_bash_hooks_are_not_checked_and_that_is_said() {
    let lab = Lab::new(
        "hooks: {post: [{name: broken, script: 'fi'}]}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    let told = lab.run(&["check"]);
    assert_eq!(told.status, 3);
    assert!(told.stdout.contains("bash cannot read the hook `broken`"), "{told:?}");
    let mut command = lab.command(&["check"]);
    command.env("PATH", lab.path("nowhere"));
    let told = common::outcome(command);
    assert_eq!(told.status, 0);
    assert!(
        told.stderr.contains("`bash` is needed to check the syntax of hooks and scripts"),
        "{told:?}"
    );
}

#[test]
fn the_plan_shows_what_was_added() {
    let lab = Lab::example("customised.yaml");
    let text = lab.done(&["plan", "compute"]).stdout;
    for line in [
        "  installer's kernel   +console=ttyS0,115200n8 -quiet",
        "  installer's hooks    check-memory",
        "  kernel               +console=tty0 +console=ttyS0,115200n8 +intel_iommu=on -rhgb -quiet",
        "  at installation      accounts hook-issue",
        "  packages   tcpdump, vim-enhanced, numactl",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    let text = lab.done(&["plan", "--explain", "compute"]).stdout;
    for (path, value) in [
        ("users.alice.password", "yes"),
        ("host_keys", "keep"),
        ("files./etc/logrotate.d/lab.mode", "0640"),
        ("hooks.first_boot", "report"),
        ("installer.boot_arguments_removed", "quiet"),
    ] {
        let line = text.lines().find(|l| l.trim_start().starts_with(&format!("{path} ")));
        let words: Vec<_> =
            line.unwrap_or_else(|| panic!("{path}\n{text}")).split_whitespace().collect();
        assert_eq!(words[1], value, "{words:?}");
    }
}

#[test]
fn host_keys_are_kept_or_made_by_the_node() {
    let node = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";
    for (said, kept) in [("", true), ("host_keys: keep\n", true), ("host_keys: new\n", false)] {
        let lab = Lab::new(&format!("{said}{node}"));
        lab.done(&["render", "-o", "out"]);
        for file in ["ks.cfg", "user-data"] {
            let text = rendered(&lab, "controller", file);
            assert_eq!(text.contains("BEGIN OPENSSH PRIVATE KEY"), kept, "{said}{file}");
        }
    }
}

#[test]
fn what_holds_a_password_is_not_shown() {
    let lab = Lab::new(
        "proxy: {url: \"http://me:hunter2hunter@proxy:3128\"}\n\
         repositories: {site: {baseurl: \"http://me:hunter2hunter@x/\", gpgcheck: no}}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    for format in ["text", "short", "json"] {
        let said = lab.run(&["check", "--format", format]);
        assert_eq!(said.status, 3);
        assert!(!format!("{said:?}").contains("hunter2"), "{said:?}");
    }
}

#[test]
fn what_is_nearer_takes_back_or_replaces_kernel_arguments() {
    let lab = Lab::new(
        "include: site.yaml\n\
         kernel: {arguments: [mitigations=auto], remove: [rhgb]}\n\
         installer: {boot_arguments: [inst.gpt], boot_arguments_removed: [quiet]}\n\
         roles: {compute: {kernel: {arguments: [console=ttyS0, intel_iommu=off], remove: [quiet]}}}\n\
         nodes:\n  \
           controller: {role: controller, address: 10.0.0.11}\n  \
           b: {role: compute, address: 10.0.0.31}\n  \
           c:\n    \
             role: compute\n    \
             address: 10.0.0.32\n    \
             kernel: {arguments: [quiet, intel_iommu=on, console=tty0], remove: [debug, mitigations]}\n    \
             installer: {boot_arguments: [quiet], boot_arguments_removed: [inst.gpt]}\n",
    );
    let site =
        "kernel: {arguments: [console=tty0, debug, mitigations=off, hugepagesz=1G, hugepages=4]}\n";
    fs::write(lab.path("site.yaml"), site).expect("written");
    lab.done(&["check", "--strict"]);
    let of = |node: &str, key: &str| -> Vec<String> {
        let explained = lab.done(&["plan", "--explain", node, "--format", "json"]).stdout;
        let plan: serde_json::Value = serde_json::from_str(&explained).expect("JSON");
        let values = plan["values"].as_array().or(plan.as_array()).expect("values");
        let of_key = values.iter().filter(|v| v["path"] == key);
        of_key.map(|v| v["value"].as_str().expect("text").to_owned()).collect()
    };
    for (node, key, wanted) in [
        (
            "controller",
            "kernel.arguments",
            "console=tty0 debug hugepagesz=1G hugepages=4 mitigations=auto",
        ),
        ("controller", "kernel.remove", "rhgb"),
        (
            "b",
            "kernel.arguments",
            "console=tty0 debug hugepagesz=1G hugepages=4 mitigations=auto console=ttyS0 intel_iommu=off",
        ),
        ("b", "kernel.remove", "rhgb quiet"),
        (
            "c",
            "kernel.arguments",
            "hugepagesz=1G hugepages=4 console=ttyS0 quiet intel_iommu=on console=tty0",
        ),
        ("c", "kernel.remove", "rhgb debug mitigations"),
        ("c", "installer.boot_arguments", "quiet"),
        ("c", "installer.boot_arguments_removed", "inst.gpt"),
    ] {
        assert_eq!(of(node, key).join(" "), wanted, "{node} {key}");
    }
}

#[test]
fn a_password_in_a_url_is_nowhere_told() {
    let good = "image: {url: \"http://me:hunter2hunter@127.0.0.1:1/a.iso\", sha256: SUM}\n\
                nodes: {controller: {role: controller, address: 10.0.0.11}}\n";
    let lab = Lab::new(&good.replace("SUM", &"0".repeat(64)));
    let explained = lab.done(&["plan", "--explain", "controller"]).stdout;
    assert!(explained.contains("http://…@127.0.0.1:1/a.iso"), "{explained}");
    let json = lab.done(&["plan", "--format", "json"]).stdout;
    let overview = lab.done(&["plan"]).stdout;
    let build = lab.run(&["build", "-o", "out", "--retry", "0"]);
    assert!(build.stderr.contains("http://…@127.0.0.1:1/a.iso"), "{build:?}");
    assert!(!format!("{explained}{json}{overview}{build:?}").contains("hunter2"));
    // What is wrong in the same line, and with the URL itself.
    let wrong =
        good.replace("SUM", "1").replace("nodes", "mirror: [\"http://a:hunter2@b c/\"]\nnodes");
    for lab in [Lab::new(&wrong), Lab::new(&good.replace("SUM", "1, sum: 2"))] {
        for format in ["text", "short", "json"] {
            let said = lab.run(&["check", "--format", format]);
            assert_eq!(said.status, 3, "{said:?}");
            assert!(!format!("{said:?}").contains("hunter2"), "{said:?}");
        }
    }
    let said = Lab::new(&good.replace("SUM", "1, sum: 2")).run(&["check"]).stdout;
    let marked = |said: &str| {
        let lines: Vec<&str> = said.lines().collect();
        let at = lines.iter().rposition(|line| line.contains("sum: 2"))?;
        let from = lines[at + 1].find('^')?;
        let column = lines[at + 1][..from].chars().count();
        Some(lines[at].chars().skip(column).take(3).collect::<String>())
    };
    assert_eq!(marked(&said).as_deref(), Some("sum"), "{said}");
}

#[test]
fn the_plan_says_what_repositories_and_files_get() {
    let lab = Lab::new(
        "repositories:\n\
         \x20 open: {baseurl: http://x/, gpgcheck: no}\n\
         \x20 signed: {baseurl: http://x/, gpgkey: file:///etc/k, enabled: no}\n\
         files: {/etc/motd: {content: \"Train\\n\", mode: \"0600\", group: wheel}}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    let explained = lab.done(&["plan", "--explain", "controller"]).stdout;
    let row = |name: &str| {
        let row = explained.lines().find(|l| l.trim_start().starts_with(&format!("{name} ")));
        let words: Vec<_> = row.unwrap_or_default().split_whitespace().skip(1).collect();
        words.join(" ")
    };
    for (name, value) in [
        ("repositories.open.gpgcheck", "no lab.yaml:2"),
        ("repositories.open.enabled", "yes built-in"),
        ("repositories.signed.gpgcheck", "yes built-in"),
        ("repositories.signed.enabled", "no lab.yaml:3"),
        ("files./etc/motd", "1 line (6 bytes), 0600 root:wheel lab.yaml:4"),
    ] {
        assert_eq!(row(name), value, "{explained}");
    }
    let detail = lab.done(&["plan", "controller"]).stdout;
    assert!(detail.contains("/etc/motd (0600 root:wheel)"), "{detail}");
}

/// What is rendered once for many nodes differs where anything that is said in it does.
#[test]
fn nodes_that_say_something_else_get_something_else() {
    let cases = [
        ("hosts: {10.9.9.VALUE: [registry]}", "10.9.9.VALUE"),
        ("mirror: http://mirror-VALUE.example.org/centos", "mirror-VALUE.example.org"),
        (
            "mirror: http://mirror.example.org\n    proxy: {url: http://proxy-VALUE.example.org:3128}",
            "proxy-VALUE.example.org",
        ),
        (
            "repositories: {extra: {baseurl: http://extra-VALUE.example.org/7, gpgcheck: false}}",
            "extra-VALUE.example.org",
        ),
        ("parameters: {message-queue: {open_files: 1234VALUE}}", "1234VALUE"),
    ];
    for (says, told) in cases {
        let of = |n: &str| says.replace("VALUE", n);
        let node = |name: &str, n: &str| {
            format!("  {name}:\n    role: queue\n    address: 10.0.0.1{n}\n    {}\n", of(n))
        };
        let lab = Lab::new(&format!(
            "version: 1\nname: three\nroles: {{queue: {{stages: [message-queue]}}}}\nnodes:\n  controller: {{role: controller, address: 10.0.0.2}}\n{}{}",
            node("first", "1"),
            node("second", "2")
        ));
        lab.done(&["secrets"]);
        let plan = lab.done(&["plan", "--format", "json"]).stdout;
        let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
        for (node, own, other) in [("first", "1", "2"), ("second", "2", "1")] {
            let nodes = plan["nodes"].as_array().expect("nodes");
            let node = nodes.iter().find(|it| it["name"] == node).expect("planned");
            let stages = node["stages"].as_array().expect("stages").iter();
            let files = stages.flat_map(|stage| stage["files"].as_array().expect("files"));
            let texts: Vec<_> = files.map(|file| file["content"].to_string()).collect();
            let has = |n: &str| texts.iter().any(|text| text.contains(&told.replace("VALUE", n)));
            assert!(has(own) && !has(other), "{says}: {texts:#?}");
        }
    }
}
