//! How it looks: on a telephone, in the dark, and for who wants nothing to move.

use serde_json::json;

use crate::browser::Window;
use crate::{begin, shown, tell_stages};

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

/// The contrast of each colour with what it stands on, as WCAG 2.2 reckons it (1.4.3: at least 4.5 for text).
const CONTRASTS: &str = "
const probe = document.querySelector('#said').appendChild(document.createElement('i'));
const light = (text) => {
  const [r, g, b] = text.match(/[\\d.]+/g).map((it) => Number(it) / (text.startsWith('rgb') ? 255 : 1)).map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const of = (name) => ['card', 'page', `tint ${name}`].map((back) => {
  probe.style.color = `var(--${name})`;
  probe.style.background = back.startsWith('tint') ? `color-mix(in srgb, var(--${name}) 13%, var(--card))` : `var(--${back})`;
  const [a, b] = [getComputedStyle(probe).color, getComputedStyle(probe).backgroundColor].map(light).sort((x, y) => y - x);
  return [`${name} on ${back}`, (a + 0.05) / (b + 0.05)];
});
return ['text', 'soft', 'accent', 'new', 'armed', 'installing', 'installed', 'ready', 'verified', 'failed'].flatMap(of)";

#[test]
fn colours_can_be_read_in_both_schemes_and_what_moves_stops() {
    let (serving, browser) = shown(Window::Desktop);
    begin(&serving, "compute");
    browser.wait_text("#node-compute .state", "installing");
    let like = |scheme: &str, motion: &str| {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": motion }]);
        browser.command("Emulation.setEmulatedMedia", &json!({ "features": features }));
    };
    let back = "getComputedStyle(document.body).backgroundColor";
    let moves =
        "getComputedStyle(document.querySelector('#node-compute .track'), '::after').animationName";
    let mut backs = Vec::new();
    for scheme in ["light", "dark"] {
        like(scheme, "no-preference");
        backs.push(browser.text(back));
        assert_eq!(browser.text(moves), "breathe");
        let contrasts = browser.run(CONTRASTS);
        let contrasts = contrasts.as_array().expect("contrasts");
        assert_eq!(contrasts.len(), 30);
        let low: Vec<_> =
            contrasts.iter().filter(|it| it[1].as_f64().is_none_or(|it| it < 4.5)).collect();
        assert!(low.is_empty(), "{scheme}: {low:?}");
    }
    assert_ne!(backs[0], backs[1]);
    like("light", "reduce");
    assert_eq!(browser.text(moves), "none");
    // A state is told by its word.
    let words =
        "[...document.querySelectorAll('#nodes .state')].map((it) => it.textContent).join()";
    assert_eq!(browser.text(words), "armed,installing");
}
