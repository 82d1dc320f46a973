//! A thousand nodes, and a telephone.

use std::fmt::Write as _;

use serde_json::json;

use crate::browser::{Browser, Window};
use crate::common::Lab;
use crate::running::Serving;
use crate::{begin, is_content, open, shown, tell_stages};

#[test]
fn a_thousand_nodes_are_shown_soon_and_found() {
    let mut text = String::from(
        "version: 1\nname: many\nnetworks:\n  management: {cidr: 10.0.0.0/16, gateway: 10.0.0.1, dns: [8.8.8.8]}\nhost_keys: new\nnodes:\n",
    );
    for n in 0..1000 {
        let role = if n == 0 { "controller" } else { "compute" };
        let _ = writeln!(
            text,
            "  node-{n}: {{role: {role}, address: 10.0.{}.{}}}",
            1 + n / 200,
            1 + n % 200
        );
    }
    let serving = Serving::of(Lab::new(&text), &["--no-arm"]);
    let browser = Browser::new(Window::Desktop, &[]);
    open(&serving, &browser);
    browser.wait("document.querySelectorAll('#nodes > li').length === 1000");
    // From the beginning of the navigation until every row is there, and how long all of them take to be painted anew.
    let shown = browser
        .value("performance.getEntriesByName('shown')[0].startTime")
        .as_f64()
        .expect("a time");
    let anew = "const begun = performance.now(); document.querySelector('#text').dispatchEvent(new Event('input')); document.body.offsetHeight; return performance.now() - begun";
    let anew = browser.run(anew).as_f64().expect("a time");
    println!("1000 nodes: shown after {shown:.0} ms, painted anew in {anew:.1} ms");
    assert!(shown < 3000.0 && anew < 300.0, "{shown} ms, {anew} ms");
    assert_eq!(serving.node_command(&["arm", "node-777"]).status, 0);
    browser.wait_text("#node-node-777 .state", "armed");
    browser.run("document.querySelector('#states [data-state=armed]').click()");
    browser.wait_text("#shown", "1 of 1000 shown");
    let visible = "[...document.querySelectorAll('#nodes > li')].filter((it) => it.checkVisibility()).map((it) => it.id).join()";
    assert_eq!(browser.text(visible), "node-node-777");
    browser.run("document.querySelector('#states [data-state=armed]').click(); const text = document.querySelector('#text'); text.value = '10.0.3.14'; text.dispatchEvent(new Event('input'))");
    browser.wait_text("#shown", "7 of 1000 shown");
    is_content(&browser, "");
}

#[test]
fn a_telephone_shows_all_of_it() {
    let (serving, browser) = shown(Window::Phone);
    assert_eq!(browser.value("innerWidth"), 360);
    let (report, _) = begin(&serving, "compute");
    serving.tell(&report, &format!("what=failed&more={}", "x".repeat(280)));
    browser.wait_text("#node-compute .state", "failed");
    let (report, _) = begin(&serving, "controller");
    let long = "a-stage-with-a-name-that-somebody-has-given-it-and-that-is-long";
    tell_stages(
        &serving,
        &report,
        &json!([{ "name": long, "state": "running", "detail": "y".repeat(200) }]),
    );
    browser.wait_text("#node-controller .what", long);
    browser.run("document.querySelectorAll('summary').forEach((it) => it.click())");
    browser.wait_text("#node-controller .stages", long);
    let fits = |what: &str| {
        let beside = "[document.documentElement.scrollWidth, ...[...document.querySelectorAll('body *')].filter((it) => it.checkVisibility() && !it.closest('.unseen, .log')).map((it) => Math.ceil(it.getBoundingClientRect().right))].reduce((a, b) => Math.max(a, b))";
        let widest = browser.value(beside);
        assert!(widest.as_u64().is_some_and(|it| it <= 360), "{what}: {widest}");
        let small = "[...document.querySelectorAll('button, input, summary')].filter((it) => it.checkVisibility() && it.getBoundingClientRect().height < 36).map((it) => it.outerHTML).join()";
        assert_eq!(browser.text(small), "", "a finger meets it");
    };
    fits("the list");
    browser.run("document.querySelector('#node-compute button').click()");
    fits("the dialog");
    browser.run("document.querySelector('#arm-no').click()");
    let mut serving = serving;
    serving.kill();
    browser.wait("!document.querySelector('#lost').hidden");
    fits("a lost connection");
}
