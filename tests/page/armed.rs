//! A node is installed again: by keyboard alone, and only with the token.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::browser::{ENTER, ESCAPE, TAB, Window};
use crate::{begin, is_content, shown, unfold};

#[test]
fn a_node_is_armed_by_keyboard_and_with_the_token_alone() {
    let (serving, browser) = shown(Window::Desktop);
    let (report, _) = begin(&serving, "compute");
    serving.tell(&report, "what=installed");
    browser.wait_text("#node-compute .state", "installed");
    let token = serving.lab.read(".trainyard/admin-token").trim().to_owned();

    browser.tab_to("it.tagName === 'SUMMARY' && it.closest('#node-compute')");
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.text(outline), "solid", "the focus is seen");
    browser.press([ENTER]);
    browser.wait("document.querySelector('#node-compute details').open");
    let button = "it.dataset.node === 'compute'";
    browser.tab_to(button);
    assert_eq!(browser.text("document.activeElement.textContent"), "Install again …");
    assert_eq!(browser.text(outline), "solid");
    browser.press([ENTER]);
    browser.wait("document.querySelector('dialog').open");
    assert_eq!(
        browser.text("document.querySelector('#arm-title').textContent"),
        "Install compute again?"
    );
    assert_eq!(
        browser.text("`${document.activeElement.id} ${document.activeElement.type}`"),
        "token password"
    );

    // Without a token, nothing is asked; with a wrong one, it is refused in words.
    browser.press([ENTER]);
    assert_eq!(browser.value("document.querySelector('dialog').open"), true);
    browser.press("0".repeat(32).chars().chain([ENTER]));
    browser.wait_text("#arm-wrong", "this is not the token of this server; nothing was armed");
    assert_eq!(browser.text("document.querySelector('#arm-wrong').getAttribute('role')"), "alert");
    browser.press("\u{0161}\u{0110}".chars().chain([ENTER]));
    browser.wait_text("#arm-wrong", "this is no token");
    assert_eq!(serving.state("compute"), "installed");

    // Escape closes it, and nothing has happened; the focus is where it was.
    browser.press(token.chars());
    browser.press([ESCAPE]);
    browser.wait("!document.querySelector('dialog').open");
    browser.wait("document.activeElement.dataset.node === 'compute'");
    // What was not sent is forgotten.
    browser.wait("document.querySelector('#token').value === ''");
    assert_eq!(serving.state("compute"), "installed");

    // Nothing behind the dialog is reached while it is open: the focus goes round in it (or to the browser's own controls).
    browser.press([ENTER]);
    browser.wait("document.querySelector('dialog').open");
    for _ in 0..8 {
        browser.press([TAB]);
        let inside = "document.activeElement === document.body || document.activeElement.closest('dialog') !== null";
        assert_eq!(browser.value(inside), true);
    }
    browser.run("document.querySelector('#token').focus()");
    browser.press(token.chars().chain([ENTER]));
    serving.wait_for("compute", "armed");
    browser.wait("!document.querySelector('dialog').open");
    browser.wait_text("#node-compute .state", "armed");
    browser.wait("document.activeElement.dataset.node === 'compute'");

    // The token is in nothing that stays, and in no address.
    let kept = "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href, history.length, performance.getEntriesByType('resource').map((it) => it.name), document.documentElement.outerHTML])";
    assert!(!browser.text(kept).contains(&token), "it is kept");
    // Until the page is left it need not be given again.
    browser.press([ENTER]);
    browser.wait("document.querySelector('dialog').open");
    assert_eq!(browser.text("document.querySelector('#token').value"), token);
    browser.press([ESCAPE]);
    browser.run("location.reload()");
    browser.wait_text("#connection", "live");
    unfold(&browser, "compute");
    browser.run("document.querySelector('#node-compute button').click()");
    assert_eq!(browser.text("document.querySelector('#token').value"), "");
    is_content(&browser, "401 (Unauthorized)");
}

/// A node under way is warned of, and what the server has against it is said in its words.
#[test]
fn what_arming_would_break_and_why_it_cannot_be_is_said() {
    let (serving, browser) = shown(Window::Desktop);
    begin(&serving, "compute");
    browser.wait_text("#node-compute .state", "installing");
    unfold(&browser, "compute");
    browser.run("document.querySelector('#node-compute button').click()");
    assert_eq!(browser.value("document.querySelector('#arm-now').hidden"), false);
    browser.run("document.querySelector('#arm-no').click()");
    unfold(&browser, "controller");
    browser.run("document.querySelector('#node-controller button').click()");
    assert_eq!(browser.value("[document.querySelector('#arm-now').hidden, document.querySelector('#arm-title').textContent]"), json!([true, "Install controller?"]));
    let lab = serving.lab.read("lab.yaml");
    std::fs::write(serving.lab.path("lab.yaml"), lab.replace("keyboard: us", "keyboard: nonsense"))
        .expect("written");
    browser.press(serving.lab.read(".trainyard/admin-token").trim().chars().chain([ENTER]));
    browser.wait_text("#arm-wrong", "nonsense");
    is_content(&browser, "409 (Conflict)");
}

/// An answer that comes late is told, but not in the dialog of another node.
#[test]
fn a_late_answer_is_no_other_nodes() {
    let (serving, browser) = shown(Window::Desktop);
    let (report, _) = begin(&serving, "compute");
    serving.tell(&report, "what=installed");
    browser.wait_text("#node-compute .state", "installed");
    unfold(&browser, "compute");
    unfold(&browser, "controller");
    let token = serving.lab.read(".trainyard/admin-token").trim().to_owned();
    let pid = i32::try_from(serving.pid()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, Signal::STOP).expect("stopped");
    browser.run("document.querySelector('#node-compute button').click()");
    browser.press(token.chars().chain([ENTER, ESCAPE]));
    browser.run("document.querySelector('#node-controller button').click()");
    kill_process(pid, Signal::CONT).expect("goes on");
    browser.wait_text("#said", "compute");
    serving.wait_for("compute", "armed");
    browser.wait_text("#node-compute .state", "armed");
    let shown = "[document.querySelector('dialog').open, document.querySelector('#arm-title').textContent, document.querySelector('#arm-wrong').textContent]";
    assert_eq!(browser.value(shown), json!([true, "Install controller?", ""]));
}
