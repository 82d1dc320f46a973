//! What the page may do, and what it asks for.

use crate::browser::Window;
use crate::{begin, is_content, shown};

#[test]
fn nothing_leaves_the_server_and_no_text_becomes_markup() {
    let (serving, browser) = shown(Window::Desktop);
    for path in ["/", "/page/page.js", "/api/v1/nodes", "/api/v1/nodes/nobody", "/metrics"] {
        let answer = serving.get(path);
        let header = |name| answer.header(name).unwrap_or_default();
        let policy = header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(
            !policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"),
            "{policy}"
        );
        assert_eq!(
            (
                header("x-content-type-options"),
                header("referrer-policy"),
                header("x-frame-options")
            ),
            ("nosniff", "no-referrer", "DENY"),
            "{path}"
        );
    }
    let page = serving.get("/");
    assert_eq!(
        (page.status, page.header("content-type"), page.header("cache-control")),
        (200, Some("text/html; charset=utf-8"), Some("no-cache"))
    );

    begin(&serving, "compute");
    browser.wait_text("#node-compute .place", "kickstart");
    let elsewhere = "performance.getEntriesByType('resource').map((it) => it.name).filter((it) => !it.startsWith(`${location.origin}/`)).join()";
    assert_eq!(browser.text(elsewhere), "");
    let resources = "performance.getEntriesByType('resource').map((it) => it.name)";
    assert!(browser.text(resources).contains("/page/rows.js"), "what is asked for is seen");
    is_content(&browser, "");

    // The browser itself holds the page to that: a script of elsewhere, of the page's text, and markup made of text.
    browser.run("window.refused = []; document.addEventListener('securitypolicyviolation', (it) => window.refused.push(it.effectiveDirective))");
    browser.run("fetch('http://127.0.0.2:9/').catch(() => {}); const image = new Image(); image.src = 'http://127.0.0.2:9/x.png'");
    browser.run("try { document.querySelector('#said').innerHTML = '<b>x</b>' } catch { window.thrown = true }");
    browser.wait("window.thrown && ['connect-src', 'img-src', 'require-trusted-types-for'].every((it) => window.refused.includes(it))");
}
