//! By which names the server is asked. A page elsewhere whose name leads here all of a sudden (DNS rebinding) makes a browser ask by that
//! name, and would be shown what this machine may see.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::tls::host_of;
use super::{Server, page};

/// Whether somebody who knows the server as `url` may ask it by this: an address, which no name server gives out; this machine's own name
/// for itself; or what `url` says. The port says nothing, for what stands before a server may have another.
fn is_ours(asked: &Authority, url: &str) -> bool {
    let host = asked.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok()
        || bare.eq_ignore_ascii_case("localhost")
        || bare.eq_ignore_ascii_case(&host_of(url))
}

/// Lets through what is asked by a name of the server's. Who says none is no browser.
pub(super) async fn check(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers().get_all(header::HOST).iter();
    let said = headers.map(|name| name.to_str().ok().and_then(|name| name.parse().ok()));
    let asked = said.chain(request.uri().authority().cloned().map(Some));
    for name in asked {
        if !name.is_some_and(|name: Authority| is_ours(&name, server.url())) {
            let why = "this server is not known by the name that it is asked by: ask it by its address, or begin it with that name in `--url`\n";
            return page::guard((StatusCode::MISDIRECTED_REQUEST, why).into_response()).await;
        }
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn addresses_and_the_name_that_nodes_know_are_ours() {
        for (asked, wanted) in [
            ("10.0.0.5:8080", true),
            ("10.0.0.5", true),
            ("[fd00::5]:8080", true),
            ("[::1]", true),
            ("localhost:8080", true),
            ("LocalHost", true),
            ("lab.example.org", true),
            ("Lab.Example.Org:8081", true),
            ("user@10.0.0.5", true),
            ("evil.example.org:8080", false),
            ("lab.example.org.evil.org", false),
            ("10.0.0.5.evil.org", false),
            ("0x7f000001", false),
            ("x", false),
        ] {
            let name = asked.parse().expect("an authority");
            assert_eq!(is_ours(&name, "http://lab.example.org:8080"), wanted, "{asked}");
        }
    }
}
