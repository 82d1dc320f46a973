//! The manual's pictures of the page: `TRAINYARD_PICTURES=write cargo test --test page pictures` takes them anew.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::browser::{Browser, Window};
use crate::common::{Lab, ROOT};
use crate::png::small;
use crate::running::Serving;
use crate::{begin, open, tell, tell_stages, unfold};

const LAB: &str = "\
version: 1
name: train
host_keys: new
networks: {management: {pool: 10.0.0.31-10.0.0.99}}
nodes:
  controller: {role: controller, address: 10.0.0.11}
  compute[1-6]: {role: compute}
";

/// What a picture has at most, in bytes.
const LARGEST: usize = 120_000;

const STAGES: [&str; 11] = [
    "host-network",
    "time-client",
    "repositories",
    "kernel",
    "openstack-packages",
    "system-upgrade",
    "database",
    "message-queue",
    "cache",
    "key-value-store",
    "firewall",
];

const FOUND: &str = "what=failed&more=sda+holds+something+else%3A+a+partition+table%2C+and+ntfs+on+sda1.+Nothing+was+written.";

#[test]
fn the_manual_shows_the_page() {
    let mut serving = Serving::of(Lab::new(LAB), &[]);
    for node in ["controller", "compute6"] {
        serving.wait_for(node, "armed");
    }
    for node in ["compute1", "controller"] {
        let (report, package) = begins(&serving, node);
        assert_eq!(serving.get(&package).status, 200);
        serving.tell(&report, "what=step&more=writing+what+it+becomes");
        serving.tell(&report, "what=installed");
        let last = if node == "compute1" { STAGES.len() } else { 6 };
        (0..=last).for_each(|done| tell_stages(&serving, &report, &stages(done)));
        if node == "compute1" {
            let verified = json!({ "ok": true, "at": "2026-11-26T10:00:00Z", "passed": 57, "failed": [], "again": false });
            let all = json!({ "schema": 1, "stages": stages(last), "verified": verified });
            tell(&serving, &report, &all);
        }
    }
    let (report, _) = begins(&serving, "compute2");
    serving.tell(&report, FOUND);
    let (_, package) = begins(&serving, "compute3");
    serving.get(&package);
    let (report, package) = begins(&serving, "compute4");
    serving.get(&package);
    serving.tell(&report, "what=step&more=writing+what+it+becomes");
    serving.boot("compute5");
    serving.kill();
    draw_out(&serving.lab);
    serving.again(&[]);
    for (name, window, unfolded) in
        [("page", Window::Desktop, "controller"), ("page-phone", Window::Phone, "compute2")]
    {
        let words = [
            "--lang=en",
            "--window-size=1280,1400",
            "--disable-lcd-text",
            "--font-render-hinting=none",
        ];
        let browser = Browser::new(window, &words);
        open(&serving, &browser);
        browser.wait_text("#node-compute2 .heard", "after");
        unfold(&browser, unfolded);
        browser.wait_text(&format!("#node-{unfolded} .log"), "fetched its kickstart");
        if let Window::Phone = window {
            browser.run("document.querySelector('#node-compute1').scrollIntoView()");
        }
        let picture = small(&browser.picture());
        let path = Path::new(ROOT).join(format!("docs/{name}.png"));
        if std::env::var("TRAINYARD_PICTURES").is_ok_and(|it| it == "write") {
            fs::write(&path, &picture).expect("written");
        }
        // That there is something to be seen, as much as in the manual.
        let kept = fs::read(&path).unwrap_or_default().len();
        let like = picture.len() / 2..picture.len() * 2;
        assert!(
            kept < LARGEST && like.contains(&kept),
            "docs/{name}.png has {kept} bytes, and one of now {}: TRAINYARD_PICTURES=write takes it anew",
            picture.len()
        );
    }
}

/// A node's installer comes up and looks at its disks. Returns where it reports to, and where its packages are.
fn begins(serving: &Serving, node: &str) -> (String, String) {
    let (report, kickstart) = begin(serving, node);
    let tree = kickstart.split_whitespace().find_map(|word| Some(&word[word.find("/n/")?..]));
    let tree = tree.expect("an address").trim_matches('"');
    serving.get(&format!("{tree}/LiveOS/squashfs.img"));
    serving.tell(&report, "what=step&more=looking+at+the+machine+and+its+disks");
    (report, format!("{tree}/Packages/acl-2.2.51-15.el7.x86_64.rpm"))
}

fn stages(done: usize) -> Value {
    let stage = |(n, name)| match n {
        n if n < done => {
            json!({ "name": name, "state": "done", "detail": format!("in {} s", 3 + n * n % 37) })
        }
        n if n == done => json!({ "name": name, "state": "running", "detail": "" }),
        _ => json!({ "name": name, "state": "pending", "detail": "" }),
    };
    STAGES.iter().enumerate().map(stage).collect()
}

/// Gives to what has happened in a moment the time that it takes.
fn draw_out(lab: &Lab) {
    let database = Connection::open(lab.path(".trainyard/state.sqlite")).expect("opened");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time");
    let now = i64::try_from(now.as_secs()).expect("a time");
    let mut last: HashMap<String, i64> = HashMap::new();
    let mut events: Vec<(i64, String, String, String)> = Vec::new();
    let mut read =
        database.prepare("SELECT node, state, text FROM event ORDER BY id DESC").expect("read");
    let rows = read.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("read");
    for row in rows {
        let (node, state, text): (String, String, String) = row.expect("an event");
        let ended = match &*node {
            "compute1" => 1540,
            "compute2" => 262,
            "compute4" => 31,
            "compute6" => 2105,
            _ => 9,
        };
        let at = last.entry(node.clone()).or_insert(now - ended);
        let before = match &*text {
            "asked what to boot" => 41,
            "loading its kernel" => 6,
            "loading the installer" => 11,
            "looking at the machine and its disks" => 24,
            "installing packages" => 38,
            "writing what it becomes" => 216,
            "installed" => 23,
            text if text.starts_with("fetched") => 19,
            _ => 47,
        };
        events.push((*at * 1000, node, state, text));
        *at -= before;
    }
    drop(read);
    events.sort();
    database.execute("DELETE FROM event", []).expect("written");
    for (at, node, state, text) in events {
        let insert = "INSERT INTO event (at, node, state, text) VALUES (?, ?, ?, ?)";
        database.execute(insert, params![at, node, state, text]).expect("written");
    }
    database.execute("UPDATE node SET since = (SELECT min(at) FROM event WHERE event.node = name AND event.state = node.state)", []).expect("written");
}
