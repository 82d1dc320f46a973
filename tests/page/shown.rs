//! What happens is shown, and while it happens.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::json;

use crate::browser::Window;
use crate::{begin, is_content, shown, shown_after, tell, tell_stages, unfold};

const COMPUTE: &str = "#node-compute";

#[test]
fn a_nodes_way_is_shown_while_it_goes_it() {
    // Because it is told: nothing is asked by the clock.
    let never = "const every = setInterval; window.setInterval = (what, ms) => ms < 5000 && every(what, ms)";
    let (serving, browser) = shown_after(Window::Desktop, never);
    browser.run("window.unchanged = document.querySelector('#node-compute')");
    assert_eq!(browser.text("document.querySelector('#node-compute .state').textContent"), "armed");
    assert_eq!(
        browser.text("document.querySelector('#node-compute .role').textContent"),
        "compute · 10.0.0.31"
    );
    let place = format!("{COMPUTE} .place");
    browser.wait_text(&place, "armed, 1 of 9");
    let path = serving.kickstart_path("compute");
    browser.wait_text(&place, "boot, 2 of 9");
    let (report, kickstart) = begin(&serving, "compute");
    browser.wait_text(&place, "kickstart, 4 of 9");
    browser.wait_text("#node-compute .state", "installing");
    browser.wait_text("#node-compute .main", "for 2 s");
    // What is no step of the way is told all the same.
    let steps: Vec<_> = kickstart
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tell step '")?.strip_suffix('\''))
        .collect();
    let [first, last] = steps[..] else { panic!("{steps:?}") };
    serving.tell(&report, &format!("what=step&more={first}"));
    browser.wait_text(&format!("{COMPUTE} .what"), first);
    browser.wait_text(&place, "kickstart, 4 of 9");
    serving.get(&path.replace("/ks", "/tree/Packages/acl-2.2.51-15.el7.x86_64.rpm"));
    browser.wait_text(&place, "packages, 5 of 9");
    serving.tell(&report, &format!("what=step&more={last}"));
    browser.wait_text(&place, "%post, 6 of 9");
    serving.tell(&report, "what=installed");
    browser.wait_text(&place, "first boot, 7 of 9");
    let mut stages = json!([{ "name": "host-network", "state": "done", "detail": "in 3 s" }, { "name": "database", "state": "running" }]);
    tell_stages(&serving, &report, &stages);
    browser.wait_text(&format!("{COMPUTE} .what"), "1 of 2 stages done; database running");
    browser.wait_text("#node-compute .state", "installed");
    stages[1]["state"] = "done".into();
    tell_stages(&serving, &report, &stages);
    browser.wait_text(&place, "ready, 8 of 9");
    browser.wait_text("#said", "compute: ready, 2 of 2 stages done");
    browser.wait_text(&format!("{COMPUTE} .heard"), "took ");

    // Unfolded, it has all of it with its times; nothing was made anew meanwhile.
    unfold(&browser, "compute");
    let words = "[...document.querySelectorAll('#node-compute .way li')].map((it) => `${it.children[1].textContent}: ${it.children[2].textContent} ${it.querySelector('time').textContent.length}`).join('\\n')";
    let mut way =
        ["armed", "boot", "kernel", "kickstart", "packages", "%post", "first boot", "ready"]
            .map(|step| format!("{step}: done 8"))
            .to_vec();
    way.push("verified: not yet 0".into());
    browser.wait(&format!("{words} === {}", json!(way.join("\n"))));
    let shown = browser.text("document.querySelector('#node-compute .stages').textContent");
    assert!(
        shown.contains("host-network done in 3 s") && shown.contains("database done"),
        "{shown}"
    );
    let log = browser.text("document.querySelector('#node-compute .log').textContent");
    assert!(
        log.contains("asked what to boot")
            && log.lines().last().is_some_and(|it| it.ends_with("database: done")),
        "{log}"
    );
    assert_eq!(browser.value("window.unchanged === document.querySelector('#node-compute')"), true);
    assert_eq!(
        browser.text("document.querySelector('#node-controller .state').textContent"),
        "armed"
    );
    browser.wait_text("#events li:first-child", "compute database: done");
    is_content(&browser, "");
}

#[test]
fn a_failure_is_shown_with_its_reason_and_its_place() {
    let (serving, browser) = shown(Window::Desktop);
    let (report, _) = begin(&serving, "compute");
    serving.tell(&report, "what=failed&more=No+disk+is+sda%3a+only+vda");
    browser.wait_text(&format!("{COMPUTE} .state"), "failed");
    browser.wait_text(&format!("{COMPUTE} .what"), "No disk is sda: only vda");
    browser.wait_text(&format!("{COMPUTE} .place"), "kickstart, 4 of 9");
    browser.wait_text("#said", "compute: failed, No disk is sda: only vda");
    browser.wait("document.title.startsWith('1 failed')");
    unfold(&browser, "compute");
    browser.wait_text(&format!("{COMPUTE} [data-is='failed here']"), "kickstart failed here");

    // A stage of the first boot that fails is a failure as well, until it is done after all.
    let (report, _) = begin(&serving, "controller");
    let mut stages = json!([{ "name": "database", "state": "failed", "detail": "exit status 1" }, { "name": "cache", "state": "running" }]);
    tell_stages(&serving, &report, &stages);
    browser.wait_text("#node-controller .state", "failed");
    browser
        .wait_text("#node-controller .what", "0 of 2 stages done; database failed exit status 1");
    browser.wait("document.title.startsWith('2 failed')");
    stages[0]["state"] = "running".into();
    tell_stages(&serving, &report, &stages);
    browser.wait_text("#node-controller .state", "installed");

    // By the state, and by text.
    browser.run("document.querySelector('#states [data-state=failed]').click()");
    browser.wait_text("#shown", "1 of 2 shown");
    assert_eq!(browser.value("document.querySelector('#node-controller').hidden"), true);
    browser.run("document.querySelector('#states [data-state=\"\"]').click(); const text = document.querySelector('#text'); text.value = 'CONTROLLER'; text.dispatchEvent(new Event('input'))");
    browser.wait("document.querySelector('#node-compute').hidden && !document.querySelector('#node-controller').hidden");
    is_content(&browser, "");
}

/// What the verification found, from the first time, at which another node was not up, to one that somebody makes by hand.
#[test]
fn what_a_verification_found_is_the_last_of_its_way() {
    let (serving, browser) = shown(Window::Desktop);
    let (report, _) = begin(&serving, "compute");
    let found = |ok: bool, failed: &[&str], again: bool| {
        let verified = json!({ "ok": ok, "at": "2026-11-26T10:00:00Z", "passed": 57, "failed": failed, "again": again });
        let stages = json!([{ "name": "cache", "state": "done", "detail": "in 3 s" }]);
        tell(&serving, &report, &json!({ "schema": 1, "stages": stages, "verified": verified }));
    };
    let [state, what, place] = ["state", "what", "place"].map(|it| format!("{COMPUTE} .{it}"));
    let missing = ["host-network: each other node answers"];
    found(false, &missing, true);
    browser.wait_text(
        &what,
        &format!("1 of 1 stages done, not verified: 1 of 58 checks fail so far: {}", missing[0]),
    );
    browser.wait_text(&state, "ready");
    browser.wait_text(&place, "ready, 8 of 9");
    unfold(&browser, "compute");
    browser.wait_text(&format!("{COMPUTE} .way li:last-child .unseen"), "not yet");

    found(true, &[], false);
    browser.wait_text(&what, "1 of 1 stages done, verified by 57 checks");
    browser.wait_text(&state, "verified");
    browser.wait_text(&place, "verified, 9 of 9");
    browser.wait_text("#said", "compute: verified, 1 of 1 stages done, verified by 57 checks");
    browser.wait_text("#states [data-state=verified] .count", "1");
    browser.wait(&format!(
        "document.querySelectorAll('{COMPUTE} .way [data-is=done] time').length === 9"
    ));
    browser.wait(
        "document.querySelector('#node-compute .way li:last-child time').textContent.length === 8",
    );

    let hostile = "cache: <img src=x onerror=alert(1)>";
    found(false, &[hostile], false);
    browser.wait_text(&state, "failed");
    browser.wait_text(&what, &format!("1 of 58 checks failed: {hostile}"));
    browser.wait_text(&format!("{COMPUTE} [data-is='failed here']"), "verified failed here");
    browser.wait_text(
        "#events li:first-child",
        &format!("compute not verified: 1 of 58 checks failed: {hostile}"),
    );
    browser.wait("document.title.startsWith('1 failed')");
    assert_eq!(browser.value("document.querySelectorAll('main img').length"), 0);
    // A stage that runs again makes it nothing.
    tell_stages(&serving, &report, &json!([{ "name": "cache", "state": "running" }]));
    browser.wait_text(&state, "installed");
    is_content(&browser, "");
}

#[test]
fn what_a_node_says_is_text() {
    let (serving, browser) = shown(Window::Desktop);
    let hostile = "<img src=x onerror=alert(1)> <b>&amp;\u{202e}{{7*7}}</b>";
    unfold(&browser, "compute");
    unfold(&browser, "controller");
    let (report, _) = begin(&serving, "compute");
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("what", "step")
        .append_pair("more", hostile)
        .finish();
    serving.tell(&report, &form);
    for part in ["#node-compute .what", "#node-compute .log", "#events"] {
        browser.wait_text(part, hostile);
    }
    let (report, _) = begin(&serving, "controller");
    tell_stages(
        &serving,
        &report,
        &json!([{ "name": hostile, "state": hostile, "detail": hostile }, { "name": 5, "state": null }]),
    );
    browser.wait_text("#node-controller .stages", hostile);
    browser.wait_text("#node-controller .log", hostile);
    assert_eq!(browser.value("document.querySelectorAll('main img, main b').length"), 0);
    is_content(&browser, "");
}

/// Where the server has an installer's log, that is shown, and what comes is.
#[test]
fn the_end_of_its_log_is_shown_where_there_is_one() {
    let (serving, browser) = shown(Window::Desktop);
    begin(&serving, "compute");
    let mut installer = TcpStream::connect(serving.address).expect("connected");
    let mut log = |text: &str| {
        let line = format!("<30>Nov 26 07:40:01 localhost {text}\n");
        installer.write_all(line.as_bytes()).expect("sent");
    };
    log("anaconda: <b>packaging</b> 1");
    unfold(&browser, "compute");
    browser.wait_text("#node-compute .log", "anaconda: <b>packaging</b> 1");
    browser.wait_text("#node-compute .said h3", "log");
    log("anaconda: packaging 2");
    browser.wait_text("#node-compute .log", "packaging 2");
    assert_eq!(
        browser.text("document.querySelector('#node-compute .log').getAttribute('aria-label')"),
        "Installer's log, its end of compute"
    );
    unfold(&browser, "controller");
    browser.wait_text("#node-controller .log", "armed: it is installed");
}
