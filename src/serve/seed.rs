//! The seed of a node that starts from a cloud image: cloud-init's data source `NoCloud` reads it from a web server, which is told
//! it by a kernel's command line or a serial number, and neither says which machine asks. So the address is all that opens it.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use serde_json::json;

use super::Server;
use super::folder::FileKind;
use super::keeper::now;
use super::listen::Peer;
use super::machine::{given, not_kept, opened, secret};
use super::people;
use super::wrong::told;
use crate::render::nocloud_net;

type App = State<Arc<Server>>;

/// How what is compressed begins (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The folder below a node's token.
const FOLDER: &str = "seed";

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/n/{token}/seed/user-data", get(user_data))
        .route("/n/{token}/seed/meta-data", read(FileKind::MetaData))
        .route("/n/{token}/seed/user-data.sig", read(FileKind::UserDataSignature))
        .route("/n/{token}/seed/meta-data.sig", read(FileKind::MetaDataSignature))
        .route("/api/v1/nodes/{name}/seed", get(source))
}

/// What is only read, and begins nothing: the meta-data, which cloud-init reads first, and the signatures.
fn read(kind: FileKind) -> MethodRouter<Arc<Server>> {
    get(
        async move |State(server): App,
                    Extension(peer): Extension<Peer>,
                    Path(token): Path<String>| {
            given(opened(&server, peer, &token, kind))
        },
    )
}

/// What makes the node. It may be asked again, and is: at every boot until the node tells of its stages.
async fn user_data(
    State(server): App,
    Extension(peer): Extension<Peer>,
    Path(token): Path<String>,
    method: Method,
) -> Response {
    let (name, bytes) = match opened(&server, peer, &token, FileKind::UserData) {
        Ok(opened) => opened,
        Err(refused) => return refused.into_response(),
    };
    if method == Method::GET {
        let fetched = server.keeper.change(&name, |node| {
            let begins = node.fetched("its user-data", now());
            ((), begins.then(|| format!("{}, from {}", node.step, peer.0.ip())))
        });
        if let Err(error) = fetched.await {
            return not_kept(&error);
        }
    }
    let is_packed = bytes.starts_with(&GZIP);
    let mut answer = secret(bytes);
    if is_packed {
        let kind = HeaderValue::from_static("application/gzip");
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    answer
}

/// What tells a machine where its seed is; it opens the seed, so only the administrator hears it.
async fn source(State(server): App, Path(name): Path<String>, headers: HeaderMap) -> Response {
    if let Some(refused) = people::refused(&server, &headers) {
        return refused;
    }
    let lab = server.now();
    let Some((plan, node)) = lab.node(&name).zip(server.keeper.node(&name)) else {
        return told(StatusCode::NOT_FOUND, &format!("the lab has no node `{name}`"));
    };
    if let Some(why) = nocloud_net::refusal(plan) {
        return told(StatusCode::CONFLICT, &why);
    }
    if server.authority().is_some() {
        let why = format!(
            "the cloud-init of CentOS 7 cannot be told a certificate before it has its seed, so it would not take one from this server, whose \
             certificate was made here: serve with one that the image trusts already (`--tls-cert`, `--tls-key`), or without `--tls`; \
             `trainyard seed {name} --kind cidata` makes a medium, which needs no server"
        );
        return told(StatusCode::CONFLICT, &why);
    }
    let Some(files) = node.files else {
        let why =
            format!("`{name}` is {}: `trainyard node arm {name}` makes a seed of it", node.state);
        return told(StatusCode::CONFLICT, &why);
    };
    match nocloud_net::source(Some(&server.seed_of(&files)), std::path::Path::new(FOLDER)) {
        Ok(source) => Json(json!({ "schema": 1, "node": name, "source": source })).into_response(),
        Err(error) => told(StatusCode::CONFLICT, &error.to_string()),
    }
}
