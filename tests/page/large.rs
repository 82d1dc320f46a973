//! A thousand nodes.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, params};
use serde_json::json;

use crate::browser::{Browser, Window};
use crate::common::Lab;
use crate::running::Serving;
use crate::{is_content, open};

const NODES: u32 = 1000;

/// A thousand nodes that are installed, all but every tenth, which has failed; each with the dozen events and stages that it has told of.
#[test]
fn a_thousand_nodes_are_shown_soon_and_found() {
    let mut text = String::from(
        "version: 1\nname: many\nnetworks:\n  management: {cidr: 10.0.0.0/16, gateway: 10.0.0.1, dns: [8.8.8.8]}\nhost_keys: new\nnodes:\n",
    );
    for n in 0..NODES {
        let role = if n == 0 { "controller" } else { "compute" };
        let (third, last) = (1 + n / 200, 1 + n % 200);
        let _ = writeln!(text, "  node-{n}: {{role: {role}, address: 10.0.{third}.{last}}}");
    }
    let mut serving = Serving::of(Lab::new(&text), &["--no-arm"]);
    serving.kill();
    install_all(&serving.lab);
    serving.again(&[]);
    let browser = Browser::new(Window::Desktop, &[]);
    open(&serving, &browser);
    browser.wait("document.querySelectorAll('#nodes > li').length === 1000");
    // From the beginning of the navigation until every row is there, and until all is known that has happened.
    let shown = "performance.getEntriesByName('shown')[0].startTime";
    let shown = browser.value(shown).as_f64().expect("a time");
    browser.wait_text("#node-node-999 .heard", "after 5 min");
    browser.wait_text("#node-node-998 .heard", "took 7 min 20 s");
    browser.wait_text("#node-node-0 .heard", "took 7 min 20 s");
    let whole = browser.value("performance.now()").as_f64().expect("a time");
    let anew = "const begun = performance.now(); document.querySelector('#text').dispatchEvent(new Event('input')); document.body.offsetHeight; return performance.now() - begun";
    let anew = browser.run(anew).as_f64().expect("a time");
    println!(
        "{NODES} nodes: shown after {shown:.0} ms, with all that happened after {whole:.0} ms; painted anew in {anew:.1} ms"
    );
    assert!(
        shown < 3000.0 && whole < 10_000.0 && anew < 300.0,
        "{shown} ms, {whole} ms, {anew} ms"
    );

    assert_eq!(serving.node_command(&["arm", "node-777"]).status, 0);
    browser.wait_text("#node-node-777 .state", "armed");
    browser.run("document.querySelector('#states [data-state=armed]').click()");
    browser.wait_text("#shown", "1 of 1000 shown");
    let visible = "[...document.querySelectorAll('#nodes > li')].filter((it) => it.checkVisibility()).map((it) => it.id).join()";
    assert_eq!(browser.text(visible), "node-node-777");
    browser.run("document.querySelector('#states [data-state=armed]').click(); const text = document.querySelector('#text'); text.value = '10.0.3.14'; text.dispatchEvent(new Event('input'))");
    browser.wait_text("#shown", "11 of 1000 shown");
    is_content(&browser, "");
}

fn install_all(lab: &Lab) {
    const WAY: [(&str, &str, i64); 9] = [
        ("armed", "armed: it is installed when it next boots from the network", 0),
        ("armed", "asked what to boot", 40),
        ("armed", "loading its kernel", 46),
        ("installing", "fetched its kickstart, from 10.0.1.1", 60),
        ("installing", "loading the installer", 70),
        ("installing", "looking at the machine and its disks", 90),
        ("installing", "installing packages", 120),
        ("installing", "writing what it becomes", 340),
        ("installed", "installed", 380),
    ];
    let stages: Vec<_> = (0..12)
        .map(|n| json!({ "name": format!("stage-{n}"), "state": "done", "detail": "in 20 s" }))
        .collect();
    let stages = json!({ "stages": stages }).to_string();
    let done: Vec<_> = (0..12).map(|n| format!("stage-{n}: done")).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis();
    let begun = i64::try_from(now).expect("a time") - 3_600_000;
    let mut database = Connection::open(lab.path(".trainyard/state.sqlite")).expect("opened");
    let all = database.transaction().expect("begun");
    let event = |at: i64, node: &str, state: &str, text: &str| {
        let insert = "INSERT INTO event (at, node, state, text) VALUES (?, ?, ?, ?)";
        all.execute(insert, params![begun + at * 1000, node, state, text]).expect("written");
    };
    for n in 0..NODES {
        let (node, fails) = (format!("node-{n}"), n % 10 == 9);
        for (state, text, at) in WAY.into_iter().filter(|it| !fails || it.0 != "installed") {
            event(at, &node, state, text);
        }
        if fails {
            event(360, &node, "failed", "%post ended with 1");
        } else {
            event(400, &node, "installed", &done[..6].join("; "));
            event(500, &node, "installed", &done[6..].join("; "));
        }
        let (state, at, reason) = if fails {
            ("failed", 360, Some("%post ended with 1"))
        } else {
            ("installed", 380, None)
        };
        let insert =
            "INSERT INTO node VALUES (?, ?, ?, ?, 'installed', ?, 1, 0, NULL, NULL, ?, NULL)";
        let at = begun + at * 1000;
        let said = (!fails).then_some(&stages);
        all.execute(insert, params![node, state, at, at, reason, said]).expect("written");
    }
    all.commit().expect("kept");
}
