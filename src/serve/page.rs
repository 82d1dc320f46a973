//! The page that shows people how far the nodes are: a few files in the binary, and nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;

use super::Server;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const FILES: [(&str, &str, &str); 7] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/page/page.css", CSS, include_str!("page/page.css")),
    ("/page/page.js", JS, include_str!("page/page.js")),
    ("/page/rows.js", JS, include_str!("page/rows.js")),
    ("/page/way.js", JS, include_str!("page/way.js")),
    ("/page/arm.js", JS, include_str!("page/arm.js")),
    ("/page/icon.svg", SVG, include_str!("page/icon.svg")),
];

/// What a browser lets the page do: run, show and ask what comes from here. No text becomes markup or a script (Trusted Types),
/// no form leads anywhere, and nobody shows it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// For whatever a browser is shown, the API's answers and refusals as well.
const GUARDS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The page and what else people look at, guarded.
pub(super) fn beside(people: Router<Arc<Server>>) -> Router<Arc<Server>> {
    let file = |router: Router<Arc<Server>>, (path, kind, text)| {
        // A newer program brings a newer page.
        let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")];
        router.route(path, get(async move || (headers, text)))
    };
    FILES.into_iter().fold(people, file).layer(map_response(guard))
}

pub(super) async fn guard(mut response: Response) -> Response {
    for (name, value) in GUARDS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
