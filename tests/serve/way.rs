//! A node's way, from the first boot to the disk.

use serde_json::Value;

use crate::common::Lab;
use crate::running::Serving;

/// What is told of a node: the texts of its events.
fn texts(serving: &Serving, node: &str) -> Vec<String> {
    let said = serving.node_command(&["events", node, "--format", "json"]);
    let said: Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|e| panic!("{e}: {said:?}"));
    let events = said["events"].as_array().expect("events").iter();
    events.map(|event| event["text"].as_str().expect("words").to_owned()).collect()
}

const ARMED: &str = "armed: it is installed when it next boots from the network";

#[test]
fn a_machine_is_installed_once_and_then_boots_its_disk() {
    let serving = Serving::new();
    assert!(
        serving.get("/boot.ipxe").text().starts_with("#!ipxe\nchain ipxe?mac=${netX/mac:hexhyp}")
    );
    serving.wait_for("compute", "armed");
    let path = serving.kickstart_path("compute");
    let mac = serving.mac("compute");
    let tree = path.replace("/ks", "/tree");
    assert_eq!(serving.get(&format!("{tree}/images/pxeboot/vmlinuz")).status, 200);
    let first = serving.get_as(&mac, &path);
    assert_eq!((first.status, first.header("cache-control")), (200, Some("no-store")));
    assert_eq!(serving.state("compute"), "installing");
    // Its curl asks again, and for every card that comes up.
    assert_eq!(serving.get_as(&mac, &path).body, first.body);
    serving.get(&format!("{tree}/LiveOS/squashfs.img"));
    let report = Serving::report_path(&first.text());
    let step = serving.tell(&report, "what=step&more=looking+at+the+machine+and+its+disks");
    assert_eq!(step.status, 204);
    for package in ["acl-2.2.51-15.el7.x86_64.rpm", "aide-0.15.1-13.el7.x86_64.rpm"] {
        assert_eq!(serving.get(&format!("{tree}/Packages/{package}")).status, 200);
    }
    assert_eq!(serving.tell(&report, "what=installed").status, 204);
    assert_eq!(serving.state("compute"), "installed");
    assert_eq!(serving.state("controller"), "armed", "it is nobody else's business");
    assert_eq!(serving.get_as(&mac, &path).status, 404, "its address is dead");
    assert_eq!(serving.get(&format!("{tree}/.treeinfo")).status, 404);
    assert!(serving.boot("compute").contains("sanboot --no-describe --drive 0x80"));
    let said = serving.tell(&format!("{report}/stages"), "");
    assert_eq!(said.status, 415, "no stages: {said:?}");
    assert_eq!(
        texts(&serving, "compute"),
        [
            ARMED,
            "asked what to boot",
            "loading its kernel",
            "fetched its kickstart, from 127.0.0.1",
            "loading the installer",
            "looking at the machine and its disks",
            "installing packages",
            "installed",
        ]
    );
    let told = serving.node_command(&["events", "compute"]);
    let again = serving.node_command(&["events", "compute", "--replay=1000000"]);
    assert_eq!((again.status, again.stdout.lines().count()), (0, 8), "{again:?}");
    assert_eq!(again.stdout, told.stdout);

    // Again.
    let armed = serving.node_command(&["arm", "compute"]);
    assert_eq!((armed.status, armed.stdout.as_str()), (0, format!("compute  {ARMED}\n").as_str()));
    let second = serving.kickstart_path("compute");
    assert_ne!(path, second);
    assert_eq!(serving.get_as(&mac, &path).status, 404, "the first one stays dead");
    assert_eq!(serving.tell(&report, "what=installed").status, 404, "and so does what it reports");
    assert_eq!(serving.state("compute"), "armed");
}

#[test]
fn the_nodes_own_stages_are_shown() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let kickstart = serving.get_as(&serving.mac("compute"), &serving.kickstart_path("compute"));
    let path = format!("{}/stages", Serving::report_path(&kickstart.text()));
    let tell = |said: &str| {
        let kind = "Content-Type: application/json".to_owned();
        crate::client::ask(serving.address, "POST", &path, &[kind], said).status
    };
    // The last word of its installer was lost. It has booted from its disk, so it is installed.
    let first = r#"{"schema": 1, "stages": [{"name": "host-network", "state": "done"}, {"name": "database", "state": "running"}]}"#;
    assert_eq!(tell(first), 204);
    assert_eq!(serving.state("compute"), "installed");
    assert_eq!(tell(first), 204);
    assert_eq!(tell(&first.replace("running", "failed")), 204);
    for wrong in ["{}", "[]", "{\"stages\": 5}", "{", "nonsense"] {
        assert!((400..500).contains(&tell(wrong)), "{wrong}");
    }
    for wrong in ["5", "[]", "{}", "true"] {
        assert_eq!(tell(&format!("{{\"stages\": [], \"verified\": {wrong}}}")), 400, "{wrong}");
    }
    let large = format!("{{\"stages\": [], \"x\": \"{}\"}}", "y".repeat(70_000));
    assert_eq!(tell(&large), 413);
    let told = texts(&serving, "compute");
    assert_eq!(told[3..], ["installed; host-network: done; database: running", "database: failed"]);
    let table = serving.node_command(&["status"]).stdout;
    assert!(table.contains("1 of 2 stages done, database failed"), "{table}");
}

#[test]
fn a_failure_is_told_with_its_reason() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let path = serving.kickstart_path("compute");
    let kickstart = serving.get_as(&serving.mac("compute"), &path).text();
    let report = Serving::report_path(&kickstart);
    assert_eq!(serving.tell(&report, "what=failed&more=No+disk+is+sda%0a%1b[31m").status, 204);
    let node = serving.node("compute");
    assert_eq!(
        (node["state"].as_str(), node["reason"].as_str()),
        (Some("failed"), Some("No disk is sda  [31m"))
    );
    assert!(serving.boot("compute").contains("sanboot"), "it is not tried for ever");
    let table = serving.node_command(&["status", "compute"]).stdout;
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(
        lines[1].starts_with("compute  failed") && lines[1].ends_with("No disk is sda  [31m"),
        "{table}"
    );
    for wrong in ["what=nonsense", "what=step", "more=x", ""] {
        assert!((400..500).contains(&serving.tell(&report, wrong).status), "{wrong}");
    }
}

#[test]
fn nothing_is_installed_that_nobody_armed() {
    let serving = Serving::of(Lab::example("reference.yaml"), &["--no-arm"]);
    assert_eq!(serving.state("compute"), "new");
    assert!(serving.boot("compute").contains("sanboot"));
    assert_eq!(serving.node_command(&["arm", "compute"]).status, 0);
    assert!(serving.boot("compute").contains("inst.ks="));
    assert_eq!(serving.state("controller"), "new");
    // A machine that the lab does not know boots on, untouched.
    for who in ["mac=52:54:00:00:00:01", "mac=nonsense", "", "uuid=x&serial_hex=79"] {
        let script = serving.get(&format!("/ipxe?{who}")).text();
        assert!(script.contains("sanboot") && !script.contains("kernel"), "{who}: {script}");
    }
}

#[test]
fn arming_reads_the_lab_anew() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let lab = serving.lab.read("lab.yaml");
    std::fs::write(serving.lab.path("lab.yaml"), lab.replace("keyboard: us", "keyboard: kr"))
        .expect("written");
    assert_eq!(serving.node_command(&["arm", "compute"]).status, 0);
    let fetch =
        |name: &str| serving.get_as(&serving.mac(name), &serving.kickstart_path(name)).text();
    assert!(fetch("compute").contains("\nkeyboard kr\n"));
    assert!(fetch("controller").contains("\nkeyboard us\n"), "it was armed before");

    std::fs::write(serving.lab.path("lab.yaml"), lab.replace("timezone:", "timezoen:"))
        .expect("written");
    let refused = serving.node_command(&["arm", "compute"]);
    assert_eq!(refused.status, 3, "{refused:?}");
    assert!(
        refused.stderr.contains("timezoen") && refused.stderr.contains("lab.yaml:"),
        "{refused:?}"
    );
    assert_eq!(serving.state("compute"), "installing", "and nothing changes");
}

/// A node that the lab has no more, and then has again, is what it was.
#[test]
fn a_node_that_returns_is_what_it_was() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    serving.wait_for("controller", "armed");
    let (own, path) = (serving.mac("compute"), serving.kickstart_path("compute"));
    let bytes = serving.get_as(&own, &path).body;
    let whole = serving.lab.read("lab.yaml");
    let (without, _) = whole.split_once("\n  compute:\n    role: compute").expect("the last node");
    std::fs::write(serving.lab.path("lab.yaml"), format!("{without}\n")).expect("written");
    assert_eq!(serving.node_command(&["arm", "controller"]).status, 0);
    assert_eq!(serving.get("/api/v1/nodes/compute").status, 404);
    assert_eq!(serving.get_as(&own, &path).status, 404, "the lab has it no more");
    std::fs::write(serving.lab.path("lab.yaml"), whole).expect("written");
    assert_eq!(serving.node_command(&["arm", "controller"]).status, 0);
    assert_eq!(serving.state("compute"), "installing");
    assert!(serving.get_as(&own, &path).body == bytes);
}

#[test]
fn who_is_told_what() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let unknown = serving.node_command(&["arm", "compuet"]);
    assert_eq!(unknown.status, 2, "{unknown:?}");
    let unknown = serving.node_command(&["status", "compuet"]);
    assert!(unknown.stderr.contains("did you mean `compute`?"), "{unknown:?}");
    for more in [&["events", "compuet"][..], &["events", "compuet", "--follow"]] {
        let unknown = serving.node_command(more);
        let said = unknown.stderr.contains("has no node `compuet`");
        assert!(unknown.status == 2 && said, "{unknown:?}");
    }
    let metrics = serving.get("/metrics").text();
    assert!(metrics.contains("trainyard_nodes{state=\"armed\"} 2\n"), "{metrics}");
    let lab = Lab::example("reference.yaml");
    let nobody = lab.run(&["node", "status"]);
    assert_eq!(nobody.status, 7, "{nobody:?}");
    assert!(
        nobody.stderr.contains("no server has served this lab from `.trainyard`"),
        "{nobody:?}"
    );
    // What cannot be read is something else than nothing.
    std::fs::create_dir_all(lab.path(".trainyard/server")).expect("made");
    let unread = lab.run(&["node", "status"]);
    assert!(
        unread.status == 9 && unread.stderr.contains("`.trainyard/server` cannot be read: "),
        "{unread:?}"
    );
    let silent = format!("http://{}", crate::running::free());
    let nobody = lab.run(&["node", "status", "--server", &silent]);
    assert!(
        nobody.status == 7 && nobody.stderr.contains(&format!("no server answers at {silent}")),
        "{nobody:?}"
    );
}

/// A node that has its kickstart on a medium, as `trainyard lab` makes them, asks for nothing here; it only tells.
#[test]
fn one_that_only_tells_is_heard_as_well() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let armed = serving.node_command(&["arm", "compute", "--format", "json"]).stdout;
    let armed: Value = serde_json::from_str(&armed).expect("JSON");
    let report = armed["nodes"][0]["report"].as_str().expect("an address");
    let report = &report[report.find("/r/").expect("a path")..];
    assert_eq!(serving.tell(report, "what=step&more=looking+at+the+machine").status, 204);
    assert_eq!(serving.state("compute"), "installing");
    let secrets = serving.lab.read("secrets.yaml");
    let secret = secrets.lines().find_map(|line| line.strip_prefix("RABBIT_PASS: "));
    let secret = secret.expect("one").trim_matches('"');
    assert_eq!(serving.tell(report, &format!("what=failed&more=it+said+{secret}")).status, 204);
    let node = serving.node("compute");
    assert_eq!((&node["state"], &node["reason"]), (&"failed".into(), &"it said (a secret)".into()));
    assert!(!texts(&serving, "compute").concat().contains(secret));
}

#[test]
fn who_serves_by_sudo_is_told_whose_cache_was_looked_at() {
    let lab = Lab::example("reference.yaml");
    let told = |user: Option<&str>| {
        let mut command = lab.command(&["serve", "--listen", "127.0.0.1:1"]);
        command.env("XDG_CACHE_HOME", lab.path("nobody")).env_remove("SUDO_USER");
        command.envs(user.map(|user| ("SUDO_USER", user)));
        let refused = crate::common::outcome(command);
        assert_eq!(refused.status, 9, "{refused:?}");
        refused.stderr
    };
    let said = told(Some("ann"));
    for words in ["nobody/trainyard`", "the cache of ann", "`--cache DIR`"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!told(None).contains("sudo"));
}
