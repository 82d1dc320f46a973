//! What installers and nodes ask: their kickstart, the medium's files; and what they tell of themselves.

use std::fmt::Display;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{
    DefaultBodyLimit, Extension, Form, FromRequest as _, Path, Query, Request, State,
};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::Deserialize;

use super::folder::FileKind;
use super::keeper::{NotKept, Opens, now};
use super::known::{self, Machine};
use super::listen::Peer;
use super::syslog::Message;
use super::{Served, Server, stages};
use crate::model::Mac;
use crate::packages::Installed;
use crate::state::{State as Stage, Token, Told};

/// Bytes of what a node may tell at once.
const LARGEST: usize = 64 << 10;
/// Bytes of the list of what a node has installed: many times that of a node with all of OpenStack.
const LARGEST_LIST: usize = 1 << 20;
/// Letters of a step or a reason that are kept.
const WORDS: usize = 300;

type App = State<Arc<Server>>;

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/ks", get(by_headers))
        .route("/n/{token}/ks", get(kickstart))
        .route("/n/{token}/ks.sig", get(kickstart_signature))
        .route("/r/{token}", post(report))
        .route("/r/{token}/stages", post(stages::told))
        .route("/r/{token}/log", post(log))
        .layer(DefaultBodyLimit::max(LARGEST))
        .route("/r/{token}/packages", post(packages).layer(DefaultBodyLimit::max(LARGEST_LIST)))
}

/// What has no secret in it: the medium's files.
pub(super) fn public_routes() -> Router<Arc<Server>> {
    Router::new().route("/n/{token}/tree/{*path}", get(node_tree)).route("/tree/{*path}", get(tree))
}

/// Why a machine may not have a node's kickstart.
fn refusal(lab: &Served, name: &str, machine: &Machine) -> Option<&'static str> {
    let Some(plan) = lab.node(name) else { return Some("the lab has this node no more") };
    let by_mac = known::macs(plan).any(|mac| machine.macs.contains(&mac));
    let by_serial = plan.machine.serial.is_some() && plan.machine.serial == machine.serial;
    // No header tells it; the kickstart itself looks at it before it touches a disk.
    let by_uuid = plan.machine.uuid.is_some()
        && plan.machine.serial.is_none()
        && plan.machine.macs.is_empty();
    (!by_mac && !by_serial && !by_uuid)
        .then_some("this is another machine's; the kernel needs the argument `inst.ks.sendmac`")
}

/// Why somebody gets no file.
pub(super) enum Refused {
    Gone,
    Stranger,
    Other(&'static str),
    Unreadable,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Gone => gone(),
            Self::Stranger => no("the address that asks is none of those that may (`--allow`)"),
            Self::Other(why) => no(why),
            Self::Unreadable => {
                (StatusCode::INTERNAL_SERVER_ERROR, "its file cannot be read\n").into_response()
            }
        }
    }
}

/// The node that a token is of, and its file.
pub(super) fn opened(
    server: &Server,
    peer: Peer,
    token: &str,
    kind: FileKind,
) -> Result<(String, Vec<u8>), Refused> {
    let name = server.keeper.opened(token, Opens::Files).ok_or(Refused::Gone)?;
    let token = Token::parse(token).ok_or(Refused::Gone)?;
    if !server.may_fetch(peer.0.ip()) {
        return Err(Refused::Stranger);
    }
    let bytes = tokio::task::block_in_place(|| server.folder.get(&token, kind));
    let bytes = bytes.map_err(|error| match error.kind() {
        // A node that needs a network-config has no seed.
        io::ErrorKind::NotFound => Refused::Gone,
        _ => Refused::Unreadable,
    })?;
    Ok((name, bytes))
}

/// A node's kickstart, or its signature, where the machine that asks may have it.
fn kickstart_for(
    server: &Server,
    peer: Peer,
    token: &str,
    headers: &HeaderMap,
    kind: FileKind,
) -> Result<(String, Vec<u8>), Refused> {
    let (name, bytes) = opened(server, peer, token, kind)?;
    match refusal(&server.now(), &name, &machine_of(headers)) {
        Some(why) => Err(Refused::Other(why)),
        None => Ok((name, bytes)),
    }
}

/// A node's kickstart, where this opens it. Fetching it begins the installation, and spends nothing: an installer asks again.
async fn kickstart(
    State(server): App,
    Extension(peer): Extension<Peer>,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let (name, bytes) = match kickstart_for(&server, peer, &token, &headers, FileKind::Kickstart) {
        Ok(opened) => opened,
        Err(refused) => return refused.into_response(),
    };
    let from = peer.0.ip();
    if method == Method::GET {
        let fetched = server.keeper.change(&name, |node| {
            let moved = node.asks_from(from);
            let news = if node.fetched("its kickstart", now()) {
                Some(format!("{}, from {from}", node.step))
            } else {
                // An installer asks again from where it was: this may be somebody else.
                moved.then(|| format!("its kickstart was fetched once more, from {from}"))
            };
            ((), news)
        });
        if let Err(error) = fetched.await {
            return not_kept(&error);
        }
    }
    secret(bytes)
}

/// Its signature, for who looks at it. Fetching it begins nothing.
async fn kickstart_signature(
    State(server): App,
    Extension(peer): Extension<Peer>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    given(kickstart_for(&server, peer, &token, &headers, FileKind::KickstartSignature))
}

/// Gives a node's file, where this opens it.
pub(super) fn given(opened: Result<(String, Vec<u8>), Refused>) -> Response {
    opened.map_or_else(Refused::into_response, |(_, bytes)| secret(bytes))
}

/// For who says only `inst.ks=http://…/ks`: the machine is known by its headers.
async fn by_headers(
    State(server): App,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let lab = server.now();
    let name = lab.machines.find(&machine_of(&headers)).filter(|_| server.may_fetch(peer.0.ip()));
    let Some(files) = name.and_then(|name| server.keeper.node(name)?.files) else { return gone() };
    let to = format!("n/{}/ks", files.reveal());
    let headers = [(header::LOCATION, to), (header::CACHE_CONTROL, "no-store".into())];
    (StatusCode::FOUND, headers).into_response()
}

/// What an installer says of its machine, with `inst.ks.sendmac` and `inst.ks.sendsn`: `eth0 52:54:00:…`, numbered from 0.
pub(super) fn machine_of(headers: &HeaderMap) -> Machine {
    // Not every card has an address of this kind.
    let mac = |n: usize| -> Option<Option<Mac>> {
        let text = headers.get(format!("x-rhn-provisioning-mac-{n}"))?.to_str().unwrap_or_default();
        Some(text.split_whitespace().last().and_then(|mac| mac.parse().ok()))
    };
    let serial = headers.get("x-system-serial-number").and_then(|it| it.to_str().ok());
    // No machine has more; the number of headers is limited anyway.
    let macs = (0..64).map_while(mac).flatten().collect();
    Machine { macs, uuid: None, serial: serial.map(|it| it.trim().to_owned()) }
}

async fn tree(
    State(server): App,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    server.file(&path, &method, &headers)
}

impl Server {
    /// A file of the medium's.
    fn file(&self, path: &str, method: &Method, headers: &HeaderMap) -> Response {
        self.tree.as_ref().map_or_else(gone, |tree| tree.answer(path, method, headers))
    }
}

/// The same for an installation, of which it tells how far it is.
async fn node_tree(
    State(server): App,
    Path((token, path)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let Some(name) = server.keeper.opened(&token, Opens::Files) else { return gone() };
    let step = match path.as_str() {
        "images/pxeboot/vmlinuz" | "images/pxeboot/initrd.img" => "loading its kernel",
        "LiveOS/squashfs.img" => "loading the installer",
        path if path.rsplit_once('.').is_some_and(|(_, ending)| ending == "rpm") => {
            "installing packages"
        }
        _ => "",
    };
    if server.keeper.hears(&name, step) && !step.is_empty() && method == Method::GET {
        let told = server.keeper.change(&name, |node| {
            let news = node.tells(Told::Step(step), now());
            ((), news.then(|| step.to_owned()))
        });
        // Nothing depends on it.
        let _ = told.await;
    }
    server.file(&path, &method, &headers)
}

#[derive(Deserialize)]
struct Report {
    what: String,
    #[serde(default)]
    more: String,
}

async fn report(
    State(server): App,
    Path(token): Path<String>,
    Form(report): Form<Report>,
) -> Response {
    let Some(name) = server.keeper.opened(&token, Opens::Reports) else { return gone() };
    let more = words(&server.logs.without_secrets(report.more));
    let told = match report.what.as_str() {
        "step" if !more.is_empty() => Told::Step(&more),
        "installed" => Told::Installed,
        "failed" => Told::Failed(&more),
        _ => return (StatusCode::BAD_REQUEST, "what: step, installed or failed\n").into_response(),
    };
    let kept = server.keeper.change(&name, |node| {
        // It has its kickstart from a medium, where it did not fetch it here.
        let began = node.state == Stage::Armed && node.fetched("its kickstart", now());
        let news = node.tells(told, now()) || began;
        let text = node.reason.clone().unwrap_or_else(|| node.step.clone());
        ((), news.then_some(text))
    });
    answered(kept.await)
}

#[derive(Deserialize)]
struct Of {
    stage: String,
}

/// The end of a stage's log, from a node where it failed.
async fn log(
    State(server): App,
    Path(token): Path<String>,
    Query(of): Query<Of>,
    text: Bytes,
) -> Response {
    let Some(name) = server.keeper.opened(&token, Opens::Reports) else { return gone() };
    let tag = words(&of.stage);
    tokio::task::block_in_place(|| {
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            server
                .logs
                .add(&name, &Message { severity: "err", tag: tag.clone(), ..Message::of(line) });
        }
    });
    StatusCode::NO_CONTENT.into_response()
}

/// What a node has installed, as `trainyard-node packages` says it there. So much is read of nobody else.
async fn packages(
    State(server): App,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Response> {
    let opened = || server.keeper.opened(&token, Opens::Reports);
    opened().ok_or_else(gone)?;
    let list = Bytes::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
    let wrong = |what: &str| (StatusCode::BAD_REQUEST, format!("{what}\n")).into_response();
    let list = str::from_utf8(&list).map_err(|_| wrong("it is no text"))?;
    if Installed::all(list).map_err(|what| wrong(&what))?.is_empty() {
        return Err(wrong("it names no package"));
    }
    // It may have been armed anew while this came.
    let name = opened().ok_or_else(gone)?;
    let kept = tokio::task::block_in_place(|| server.folder.put_packages(&name, list));
    kept.map_err(|error| {
        not_kept(&format!("what `{name}` has installed cannot be kept: {error}"))
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What somebody else wrote, on one line and not too long.
pub(super) fn words(text: &str) -> String {
    let text: String =
        text.chars().map(|it| if it.is_control() { ' ' } else { it }).take(WORDS).collect();
    text.trim().to_owned()
}

pub(super) fn answered(kept: Result<Option<()>, NotKept>) -> Response {
    match kept {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => not_kept(&error),
    }
}

/// A text that nobody on the way may keep.
pub(super) fn secret(bytes: impl Into<Body>) -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")],
        bytes.into(),
    )
        .into_response()
}

pub(super) fn no(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, format!("{why}\n")).into_response()
}

/// What opens nothing, and what opens nothing any more, look alike.
pub(super) fn gone() -> Response {
    (StatusCode::NOT_FOUND, "nothing is here, or not any more\n").into_response()
}

pub(super) fn not_kept(why: &impl Display) -> Response {
    super::complain(&why.to_string());
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::RETRY_AFTER, "2")],
        "this server cannot keep its state now\n",
    )
        .into_response()
}
