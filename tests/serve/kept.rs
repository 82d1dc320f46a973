//! What is kept: through kills, and where it cannot be.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crate::common::{Lab, judge};
use crate::running::{Serving, begin, free, medium, serve};

/// A lab with so many computes.
pub fn lab_of(count: usize) -> Lab {
    let mut text = String::from(
        "version: 1\nname: many\nnetworks:\n  management: {cidr: 10.0.0.0/16, gateway: 10.0.0.1, dns: [8.8.8.8]}\n  provider: {}\nhost_keys: new\nnodes:\n",
    );
    for n in 0..count {
        let role = if n == 0 { "controller" } else { "compute" };
        let _ = writeln!(
            text,
            "  node-{n}:\n    role: {role}\n    interfaces:\n      enp0s3: {{network: management, address: 10.0.{}.{}}}\n      enp0s9: {{network: provider}}",
            1 + n / 200,
            1 + n % 200
        );
    }
    Lab::new(&text)
}

#[test]
fn a_server_that_is_killed_goes_on_where_it_was() {
    const NODES: usize = 50;
    let mut serving = Serving::of(lab_of(NODES), &[]);
    let names: Vec<String> = (0..NODES).map(|n| format!("node-{n}")).collect();
    let macs = crate::many::macs(&serving.lab);
    let mut expected = BTreeMap::new();
    let mut paths = BTreeMap::new();
    for (n, name) in names.iter().enumerate() {
        serving.wait_for(name, "armed");
        let state = match n % 4 {
            0 => "armed",
            1 => "installing",
            2 => "installed",
            _ => "failed",
        };
        if state != "armed" {
            let script = serving.get(&format!("/ipxe?mac={}", macs[name])).text();
            let url = script
                .split(' ')
                .find_map(|word| word.strip_prefix("inst.ks="))
                .expect("a kickstart");
            let path = url.split_once(&serving.address.to_string()).expect("here").1.to_owned();
            let kickstart = serving.get_as(&macs[name], &path);
            assert_eq!(kickstart.status, 200);
            let report = Serving::report_path(&kickstart.text());
            match state {
                "installed" => assert_eq!(serving.tell(&report, "what=installed").status, 204),
                "failed" => assert_eq!(serving.tell(&report, "what=failed&more=x").status, 204),
                _ => {}
            }
            paths.insert(name.clone(), (path, kickstart.body));
        }
        expected.insert(name.clone(), state.to_owned());
        // In the middle of things, ten times.
        if n % 5 == 4 {
            serving.kill();
            serving.again(&[]);
        }
    }
    for (name, state) in &expected {
        assert_eq!(serving.state(name), *state, "{name}");
    }
    for (name, (path, bytes)) in &paths {
        let answer = serving.get_as(&macs[name], path);
        if expected[name] == "installing" {
            assert!(answer.status == 200 && answer.body == *bytes, "{name}: the same bytes");
        } else {
            assert_eq!(answer.status, 404, "{name}");
        }
    }
    let events = serving.get("/api/v1/events").json();
    let ids: Vec<u64> = events["events"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| event["id"].as_u64().expect("a number"))
        .collect();
    assert!(ids.windows(2).all(|two| two[0] < two[1]), "{ids:?}");
    assert!(ids.len() >= NODES * 2, "{}", ids.len());
}

/// Machines that are all under way, and try again as they do, while their server dies whenever it likes.
#[test]
fn a_server_that_is_killed_in_flight_loses_no_installation() {
    const NODES: usize = 50;
    let options = ["--rate", "0", "--attempts", "1"];
    let mut serving = Serving::of(lab_of(NODES), &options);
    let macs = crate::many::macs(&serving.lab);
    for name in macs.keys() {
        serving.wait_for(name, "armed");
    }
    let address = serving.address;
    let seed = std::time::UNIX_EPOCH.elapsed().expect("a time").subsec_nanos();
    println!("seed {seed}");
    let mut kills = 0;
    std::thread::scope(|scope| {
        let all = macs.iter().enumerate().map(|(n, (name, mac))| {
            let random = random(seed.wrapping_add(u32::try_from(n).expect("few")));
            scope.spawn(move || keep_installing(address, name, mac, random))
        });
        let all: Vec<_> = all.collect();
        let mut random = random(seed);
        while !all.iter().all(ScopedJoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(u64::from(random() % 300)));
            serving.kill();
            kills += 1;
            serving.again(&options);
        }
    });
    assert!(kills >= 4, "{kills}");
    let nodes = serving.get("/api/v1/nodes").json();
    for node in nodes["nodes"].as_array().expect("nodes") {
        assert_eq!((&node["state"], &node["attempts"]), (&"installed".into(), &1.into()), "{node}");
        let name = node["name"].as_str().expect("a name");
        let events = serving.get(&format!("/api/v1/events?node={name}")).text();
        for once in ["\"fetched its kickstart, from ", "\"installed\"}"] {
            assert_eq!(events.matches(once).count(), 1, "{once} {events}");
        }
        assert!(serving.get(&format!("/ipxe?mac={}", macs[name])).text().contains("sanboot"));
    }
}

/// Numbers that follow from the first.
fn random(seed: u32) -> impl FnMut() -> u32 {
    let mut state = u64::from(seed);
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 33).expect("31 bits")
    }
}

/// An installation whose every question is asked until it is answered.
fn keep_installing(
    address: std::net::SocketAddr,
    name: &str,
    mac: &str,
    mut random: impl FnMut() -> u32,
) {
    let card = format!("X-RHN-Provisioning-MAC-0: eth0 {mac}");
    let kind = "Content-Type: application/x-www-form-urlencoded".to_owned();
    let headers = [card, kind];
    let mut ask = |method: &str, path: &str, body: &str, wanted: u16| loop {
        std::thread::sleep(Duration::from_millis(u64::from(random() % 120)));
        match crate::client::try_ask(address, method, path, &headers, body) {
            Some(answer) if answer.status == wanted => break answer,
            Some(answer) => panic!("{name} {path}: {answer:?}"),
            None => {}
        }
    };
    let script = ask("GET", &format!("/ipxe?mac={mac}"), "", 200).text();
    let url = script.split(' ').find_map(|word| word.strip_prefix("inst.ks="));
    let url = url.unwrap_or_else(|| panic!("{name}: {script}"));
    let path = url.split_once(&address.to_string()).expect("here").1;
    ask("GET", &path.replace("/ks", "/tree/images/pxeboot/vmlinuz"), "", 200);
    let kickstart = ask("GET", path, "", 200);
    assert!(kickstart.text().starts_with(&format!("# Kickstart of the node {name} ")), "{name}");
    assert!(ask("GET", path, "", 200).body == kickstart.body, "{name}: the same bytes");
    let report = Serving::report_path(&kickstart.text());
    for n in 0..5 {
        ask("POST", &report, &format!("what=step&more=step+{n}"), 204);
    }
    ask("POST", &report, "what=installed", 204);
}

#[test]
fn one_that_falls_silent_has_failed_and_is_said_where() {
    let mut serving = Serving::of(Lab::example("reference.yaml"), &["--silence", "4"]);
    serving.wait_for("compute", "armed");
    let (mac, path) = (serving.mac("compute"), serving.kickstart_path("compute"));
    assert_eq!(serving.get_as(&mac, &path).status, 200);
    std::thread::sleep(Duration::from_secs(3));
    serving.kill();
    serving.again(&["--silence", "4"]);
    // While nobody listened, nobody was silent.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(serving.state("compute"), "installing");
    serving.wait_for("compute", "failed");
    let reason = "nothing was heard of it for 4 s; the last was: fetched its kickstart";
    assert_eq!(serving.node("compute")["reason"], reason);
    assert_eq!(serving.get_as(&mac, &path).status, 404, "what opened its kickstart is dead");
    assert_eq!(serving.state("controller"), "armed", "nobody has to switch it on");
}

/// What opens a kickstart is not left lying about for a machine that never comes.
#[test]
fn one_that_never_comes_is_not_armed_any_more() {
    let mut serving = Serving::of(Lab::example("reference.yaml"), &["--armed-for", "8"]);
    serving.wait_for("controller", "armed");
    serving.wait_for("compute", "armed");
    let path = serving.kickstart_path("compute");
    let led = serving.get_as(&serving.mac("controller"), "/ks");
    assert_eq!(led.status, 302);
    let other = format!("/{}", led.header("location").expect("a place"));
    serving.kill();
    // The time counts while nobody serves, too.
    std::thread::sleep(Duration::from_secs(8));
    serving.again(&["--armed-for", "8"]);
    serving.wait_for("controller", "new");
    assert_eq!(serving.get_as(&serving.mac("controller"), &other).status, 404);
    assert!(serving.boot("controller").contains("sanboot"));
    let said = serving.node_command(&["status", "controller"]).stdout;
    assert!(said.contains("not armed any more: for 8 s it did not ask what to boot"), "{said}");
    assert_eq!(serving.get_as(&serving.mac("compute"), &path).status, 200, "this one came");
    assert_eq!(serving.node_command(&["arm", "controller"]).status, 0);
    assert!(serving.boot("controller").contains("inst.ks="));
}

/// A lost database is no reason to wipe a lab: its nodes are armed when it is served for the first time, and never again by
/// themselves.
#[test]
fn nodes_are_armed_by_themselves_only_once() {
    let mut serving = Serving::new();
    serving.wait_for("compute", "armed");
    serving.wait_for("controller", "armed");
    for _ in 0..100 {
        if serving.lab.path(".trainyard/served").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    serving.kill();
    for name in serving.lab.names(".trainyard") {
        if name.starts_with("state.sqlite") {
            std::fs::remove_file(serving.lab.path(&format!(".trainyard/{name}"))).expect("removed");
        }
    }
    serving.again(&[]);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(serving.state("compute"), "new");
    assert!(serving.boot("compute").contains("sanboot"));
    assert!(
        serving
            .said()
            .contains("not installed before `trainyard node arm` says so: controller, compute"),
        "{}",
        serving.said()
    );
}

#[test]
fn a_second_server_of_the_same_lab_is_refused() {
    let serving = Serving::new();
    let inner = serve(&serving.lab, free(), &[]);
    // It would serve for ever, were it let in.
    let mut command = judge("timeout");
    command.arg("20").arg(inner.get_program()).args(inner.get_args());
    command.current_dir(serving.lab.path(""));
    let second = crate::common::outcome(command);
    assert_eq!(second.status, 9, "{second:?}");
    assert!(second.stderr.contains("another server of this lab seems to be running"), "{second:?}");
    assert_eq!(serving.get("/boot.ipxe").status, 200);
}

/// Who asks again must not hear that what could not be kept is done.
#[test]
fn what_could_not_be_kept_is_not_called_done_the_second_time() {
    let lab = Lab::example("reference.yaml");
    std::fs::create_dir(lab.path("state")).expect("made");
    let address = free();
    let prepare =
        "chmod 0700 state; (sleep 4; head -c 60m /dev/zero >state/other 2>/dev/null; sleep 600) &";
    let command = on_small_disk(&lab, "size=4m", address, &format!("{{ {prepare} }}"));
    let (mut child, _) = begin(command);
    let mac = crate::running::mac(&lab, "compute");
    let card = [format!("X-RHN-Provisioning-MAC-0: eth0 {mac}")];
    let get = |path: &str| crate::client::ask(address, "GET", path, &card, "");
    std::thread::sleep(Duration::from_secs(2));
    let script = get(&format!("/ipxe?mac={mac}")).text();
    let url =
        script.split(' ').find_map(|word| word.strip_prefix("inst.ks=")).expect("a kickstart");
    let path = url.split_once(&address.to_string()).expect("here").1.to_owned();
    std::thread::sleep(Duration::from_secs(4));
    let answers: Vec<u16> = (0..6).map(|_| get(&path).status).collect();
    child.kill().expect("killed");
    child.wait().expect("it ends");
    assert_eq!(answers, [503; 6]);
}

/// A server on a small disk of its own, as root of a namespace of its own.
pub fn on_small_disk(
    lab: &Lab,
    options: &str,
    address: std::net::SocketAddr,
    prepare: &str,
) -> std::process::Command {
    let inner = serve(lab, address, &["--state", "state"]);
    let mut command = judge("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!(r#"mount -t tmpfs -o {options} tmpfs state && {prepare} && exec "$@""#));
    command.arg("sh").arg(inner.get_program()).args(inner.get_args());
    command.current_dir(lab.path("")).env("HOME", lab.path(""));
    command
}

#[test]
fn where_nothing_can_be_kept_nothing_is_installed() {
    let lab = Lab::example("reference.yaml");
    std::fs::create_dir(lab.path("state")).expect("made");
    let address = free();
    // Room for the database and the files of both nodes, and then somebody else's file takes the rest.
    let prepare = "chmod 0700 state; (sleep 3; head -c 60m /dev/zero >state/other 2>/dev/null; sleep 8; rm state/other) &";
    let command = on_small_disk(&lab, "size=4m", address, &format!("{{ {prepare} }}"));
    let (mut child, said) = begin(command);
    let ask = |path: &str| crate::client::ask(address, "GET", path, &[], "");
    let mac = crate::running::mac(&lab, "compute");
    std::thread::sleep(Duration::from_secs(4));
    let refused = ask(&format!("/ipxe?mac={mac}"));
    assert_eq!(refused.status, 503, "{refused:?} {}", said.lock().expect("whole"));
    assert_eq!(refused.header("retry-after"), Some("2"));
    let trouble = ask("/api/v1/nodes").json()["trouble"].as_str().expect("it is told").to_owned();
    assert!(trouble.contains("full") && trouble.contains("make room"), "{trouble}");
    assert!(ask("/metrics").text().contains("trainyard_state_kept 0"));
    std::thread::sleep(Duration::from_secs(9));
    let script = ask(&format!("/ipxe?mac={mac}"));
    assert!(script.status == 200 && script.text().contains("inst.ks="), "{script:?}");
    assert!(ask("/api/v1/nodes").json()["trouble"].is_null());
    child.kill().expect("killed");
    child.wait().expect("it ends");
}

#[test]
fn a_folder_that_cannot_be_used_is_told_at_once() {
    let lab = Lab::example("reference.yaml");
    let run = |lab: &Lab| {
        let address = free().to_string();
        lab.run(&["serve", "--listen", &address, "--image", &medium()])
    };
    std::fs::create_dir(lab.path(".trainyard")).expect("made");
    std::fs::create_dir(lab.path(".trainyard/files")).expect("made");
    for path in [".trainyard", ".trainyard/files"] {
        set_mode(&lab, path, 0o755);
    }
    let open = run(&lab);
    assert_eq!(open.status, 9, "{open:?}");
    assert!(
        open.stderr.contains("others may read `.trainyard`") && open.stderr.contains("chmod go="),
        "{open:?}"
    );
    for path in [".trainyard", ".trainyard/files"] {
        set_mode(&lab, path, 0o700);
    }
    std::fs::write(lab.path(".trainyard/state.sqlite"), "nonsense ".repeat(2000)).expect("written");
    let damaged = run(&lab);
    assert_eq!(damaged.status, 9, "{damaged:?}");
    assert!(
        damaged.stderr.contains("state.sqlite")
            && damaged.stderr.contains("it is damaged; move it"),
        "{damaged:?}"
    );
}

fn set_mode(lab: &Lab, path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(lab.path(path), std::fs::Permissions::from_mode(mode)).expect("set");
}
