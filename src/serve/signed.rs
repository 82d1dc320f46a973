//! Signatures of the nodes' files, for who looks at them: each is given to whom its file is given, and fetching it begins nothing.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::Server;
use super::folder::FileKind;
use super::listen::Peer;
use super::machine::{Refused, kickstart_for, opened, secret};

type App = State<Arc<Server>>;

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/n/{token}/ks.sig", get(kickstart))
        .route("/n/{token}/seed/user-data.sig", get(user_data))
        .route("/n/{token}/seed/meta-data.sig", get(meta_data))
}

async fn kickstart(
    State(server): App,
    Extension(peer): Extension<Peer>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    answer(kickstart_for(&server, peer, &token, &headers, FileKind::KickstartSignature))
}

async fn user_data(
    State(server): App,
    Extension(peer): Extension<Peer>,
    Path(token): Path<String>,
) -> Response {
    answer(opened(&server, peer, &token, FileKind::UserDataSignature))
}

async fn meta_data(
    State(server): App,
    Extension(peer): Extension<Peer>,
    Path(token): Path<String>,
) -> Response {
    answer(opened(&server, peer, &token, FileKind::MetaDataSignature))
}

fn answer(opened: Result<(String, Vec<u8>), Refused>) -> Response {
    match opened {
        Ok((_, bytes)) => secret(bytes),
        Err(refused) => refused.into_response(),
    }
}
