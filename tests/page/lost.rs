//! The connection is lost, and found again.

use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::browser::Window;
use crate::{begin, shown, shown_after, unfold};

#[test]
fn a_lost_connection_is_said_and_it_goes_on_by_itself() {
    let (mut serving, browser) = shown(Window::Desktop);
    browser.run("window.same = true");
    let (report, _) = begin(&serving, "compute");
    browser.wait_text("#node-compute .state", "installing");
    assert_eq!(browser.value("document.querySelector('#lost').hidden"), true);
    serving.kill();
    browser.wait("!document.querySelector('#lost').hidden");
    browser.wait_text(
        "#lost-what[role=alert]",
        "The connection to the server is lost; it is tried again.",
    );
    browser.wait_text("#connection", "not connected");
    let age = || browser.text("document.querySelector('#lost-age').textContent");
    let first = age();
    assert!(first.starts_with("What is shown is of ") && first.ends_with(" s ago."), "{first}");
    thread::sleep(Duration::from_millis(2100));
    assert_ne!(age(), first, "it grows older");
    assert_eq!(
        browser.text("document.querySelector('#node-compute .state').textContent"),
        "installing",
        "it is still shown"
    );

    serving.again(&[]);
    browser.wait_text("#connection", "live");
    assert_eq!(browser.value("document.querySelector('#lost').hidden"), true);
    serving.tell(&report, "what=step&more=writing+what+it+becomes");
    browser.wait_text("#node-compute .place", "%post, 6 of 9");
    unfold(&browser, "compute");
    // What was told before is not told again, and nothing is missing.
    browser.wait_text("#node-compute .log", "writing what it becomes");
    let lines = "document.querySelector('#node-compute .log').textContent.split('\\n').map((it) => it.split('  ')[1].split(',')[0])";
    let told = [
        "armed: it is installed when it next boots from the network",
        "asked what to boot",
        "loading its kernel",
        "fetched its kickstart",
        "writing what it becomes",
    ];
    assert_eq!(browser.value(lines), json!(told));
    assert_eq!(browser.value("window.same"), true, "without a reload");
}

/// Where nothing comes any more and nobody says why, as from behind a cable that was pulled.
#[test]
fn a_server_that_falls_silent_is_not_taken_for_alive() {
    // What is asked every ten seconds, with a limit of eight, is asked more often and with less patience.
    let faster = "const every = setInterval; window.setInterval = (what, ms) => every(what, ms === 10000 ? 300 : ms); const limit = AbortSignal.timeout.bind(AbortSignal); AbortSignal.timeout = (ms) => limit(ms / 5)";
    let (serving, browser) = shown_after(Window::Desktop, faster);
    // Until what is asked in the beginning is answered.
    thread::sleep(Duration::from_millis(600));
    let pid = i32::try_from(serving.pid()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, Signal::STOP).expect("stopped");
    browser.wait_text("#lost-what", "The connection to the server is lost");
    kill_process(pid, Signal::CONT).expect("goes on");
    browser.wait_text("#connection", "live");
    begin(&serving, "compute");
    browser.wait_text("#node-compute .state", "installing");
}

/// What happened while nobody listened comes later; a server that has lost its database is believed, too.
#[test]
fn what_was_missed_is_shown_afterwards() {
    let (mut serving, browser) = shown(Window::Desktop);
    let (report, _) = begin(&serving, "compute");
    browser.wait_text("#node-compute .place", "kickstart");
    // The page hears nothing while its stream is closed and a new one is not there yet.
    serving.kill();
    browser.wait("!document.querySelector('#lost').hidden");
    serving.again(&[]);
    serving.tell(&report, "what=failed&more=no+disk");
    browser.wait_text("#node-compute .what", "no disk");
    browser.wait_text("#events li:first-child", "compute no disk");

    serving.kill();
    for name in ["state.sqlite", "state.sqlite-wal", "state.sqlite-shm"] {
        let _ = std::fs::remove_file(serving.lab.path(&format!(".trainyard/{name}")));
    }
    serving.again(&[]);
    browser.wait_text("#node-compute .state", "new");
    assert_eq!(serving.node_command(&["arm", "compute"]).status, 0);
    browser.wait_text("#node-compute .place", "armed, 1 of 9");
    browser.wait_text("#events li:only-child", "compute armed: it is installed");
}
