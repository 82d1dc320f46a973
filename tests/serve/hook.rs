//! A program of the person's own, on each event.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::Lab;
use crate::running::Serving;

fn lab(script: &str) -> Lab {
    let lab = Lab::example("reference.yaml");
    let path = lab.path("hook");
    fs::write(&path, format!("#!/bin/bash\n{script}\n")).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    lab
}

#[test]
fn it_is_called_on_each_event_in_its_order() {
    let lab = lab(
        "printf '%s|%s|%s\\n' \"$TRAINYARD_NODE\" \"$TRAINYARD_STATE\" \"$TRAINYARD_TEXT\" >>log; echo \"$TRAINYARD_EVENT\" >>json; [ \"$TRAINYARD_STATE\" != failed ] || { echo oh >&2; exit 3; }; echo \"${TRAINYARD_SECRET_X-none}\" >>seen",
    );
    let secret = ("TRAINYARD_SECRET_X", "what-nobody-sees");
    let serving = Serving::with(lab, &["--no-arm", "--on-event", "hook"], &[secret]);
    assert_eq!(serving.node_command(&["arm", "compute"]).status, 0);
    let path = serving.kickstart_path("compute");
    let kickstart = serving.get_as(&serving.mac("compute"), &path).text();
    let report = Serving::report_path(&kickstart);
    // No shell reads what a node says.
    serving.tell(&report, "what=step&more=$(touch%20spoiled)%60id%60;%20touch%20spoiled");
    serving.tell(&report, "what=failed&more=no+disk");
    let end = Instant::now() + Duration::from_secs(30);
    let log = loop {
        let log = fs::read_to_string(serving.lab.path("log")).unwrap_or_default();
        if log.contains("no disk") && serving.said().contains("event ") {
            break log;
        }
        assert!(Instant::now() < end, "{log}{}", serving.said());
        sleep(Duration::from_millis(50));
    };
    let wanted = [
        "compute|armed|armed: it is installed when it next boots from the network",
        "compute|armed|asked what to boot",
        "compute|installing|fetched its kickstart, from 127.0.0.1",
        "compute|installing|$(touch spoiled)`id`; touch spoiled",
        "compute|failed|no disk",
    ];
    assert_eq!(log.lines().collect::<Vec<_>>(), wanted);
    let seen = serving.lab.read("seen");
    assert!(!seen.is_empty() && seen.lines().all(|line| line == "none"), "{seen}");
    assert!(!serving.lab.path("spoiled").exists());
    let events = serving.lab.read("json");
    let first: serde_json::Value =
        serde_json::from_str(events.lines().next().expect("one")).expect("JSON");
    assert_eq!((&first["id"], &first["node"]), (&1.into(), &"compute".into()));
    // Where it fails, that is told, and nothing ends.
    let said = serving.said();
    assert!(said.contains("exit status: 3") && said.contains("oh"), "{said}");
    assert_eq!(serving.state("compute"), "failed");
}

/// What happened while it was busy, or had no server, it is told afterwards.
#[test]
fn it_goes_on_where_a_killed_server_ended() {
    let lab = lab(
        "echo \"${TRAINYARD_EVENT#*:}\" | cut -d, -f1 >>ids; until [ -e go ]; do sleep 0.05; done",
    );
    let mut serving = Serving::of(lab, &["--no-arm", "--on-event", "hook"]);
    for _ in 0..3 {
        assert_eq!(serving.node_command(&["arm", "compute"]).status, 0);
    }
    let ids = |serving: &Serving, count: usize| {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let ids = fs::read_to_string(serving.lab.path("ids")).unwrap_or_default();
            let ids: Vec<u64> = ids.lines().filter_map(|id| id.parse().ok()).collect();
            if ids.len() >= count {
                return ids;
            }
            assert!(Instant::now() < end, "{ids:?} {}", serving.said());
            sleep(Duration::from_millis(50));
        }
    };
    assert_eq!(ids(&serving, 1), [1], "it is busy with the first");
    serving.kill();
    // One server does not call it.
    serving.again(&["--no-arm"]);
    assert_eq!(serving.node_command(&["arm", "controller"]).status, 0);
    serving.kill();
    fs::write(serving.lab.path("go"), "").expect("written");
    serving.again(&["--no-arm", "--on-event", "hook"]);
    assert_eq!(ids(&serving, 5), [1, 1, 2, 3, 4], "the one that was killed again, and the others");
    sleep(Duration::from_secs(1));
    serving.kill();
    serving.again(&["--no-arm", "--on-event", "hook"]);
    assert_eq!(serving.node_command(&["arm", "controller"]).status, 0);
    assert_eq!(ids(&serving, 6), [1, 1, 2, 3, 4, 5]);
}

#[test]
fn what_cannot_be_called_is_refused_at_the_start() {
    let lab = lab("true");
    fs::write(lab.path("text"), "no program").expect("written");
    let image = crate::running::medium();
    for (program, told) in [("missing", "No such file"), ("text", "no file that may be run")] {
        let serve = ["serve", "--listen", "127.0.0.1:1", "--image", &image, "--on-event", program];
        let refused = lab.run(&serve);
        assert!(refused.status == 9 && refused.stderr.contains(told), "{refused:?}");
    }
}
