//! The page of `trainyard serve`, in a real browser.

#[path = "../serve/client.rs"]
#[allow(dead_code, reason = "the server's own tests use the rest")]
mod client;
#[path = "../common/mod.rs"]
mod common;
#[path = "../serve/running.rs"]
#[allow(dead_code, reason = "the server's own tests use the rest")]
mod running;

mod armed;
mod browser;
mod guarded;
mod large;
mod looks;
mod lost;
mod pictures;
mod png;
mod shown;

use browser::{Browser, Window};
use common::Lab;
use running::Serving;

/// The reference lab, served and shown.
fn shown(window: Window) -> (Serving, Browser) {
    shown_after(window, "")
}

/// The same, and a script has run before the page's own.
fn shown_after(window: Window, script: &str) -> (Serving, Browser) {
    let serving = Serving::of(Lab::example("reference.yaml"), &[]);
    serving.wait_for("compute", "armed");
    serving.wait_for("controller", "armed");
    let browser = Browser::new(window, &[]);
    browser.before(script);
    open(&serving, &browser);
    browser.wait("document.querySelectorAll('#nodes > li').length === 2");
    (serving, browser)
}

/// Opens the page, and waits until it listens.
fn open(serving: &Serving, browser: &Browser) {
    browser.open(&format!("http://{}/", serving.address));
    browser.wait_text("#connection", "live");
}

/// A node's machine boots and fetches its kickstart. Returns where it reports to, and the kickstart.
fn begin(serving: &Serving, node: &str) -> (String, String) {
    let path = serving.kickstart_path(node);
    for file in ["vmlinuz", "initrd.img"] {
        let file = path.replace("/ks", &format!("/tree/images/pxeboot/{file}"));
        assert_eq!(serving.get(&file).status, 200);
    }
    let kickstart = serving.get_as(&serving.mac(node), &path).text();
    (Serving::report_path(&kickstart), kickstart)
}

/// Unfolds a node's row, or folds it up, and waits for what is in it.
fn unfold(browser: &Browser, node: &str) {
    browser.run(&format!("document.querySelector('#node-{node} summary').click()"));
    browser.wait(&format!("document.querySelector('#node-{node} .more button')"));
}

/// It says what its stages are.
fn tell_stages(serving: &Serving, report: &str, stages: &serde_json::Value) {
    tell(serving, report, &serde_json::json!({ "schema": 1, "stages": stages }));
}

/// It says how far it is.
fn tell(serving: &Serving, report: &str, said: &serde_json::Value) {
    let kind = "Content-Type: application/json".to_owned();
    let said = said.to_string();
    let answer = client::ask(serving.address, "POST", &format!("{report}/stages"), &[kind], &said);
    assert_eq!(answer.status, 204, "{answer:?}");
}

/// Asserts that the browser has found nothing wrong, but for these words of the console's.
fn is_content(browser: &Browser, but: &str) {
    let wrong: Vec<_> =
        browser.complaints().into_iter().filter(|it| but.is_empty() || !it.contains(but)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
