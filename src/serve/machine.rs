//! What machines ask: what to boot, their kickstart, the medium's files; and what they tell of themselves.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Extension, Form, Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::folder::Kind;
use super::keeper::{NotKept, now};
use super::known::{self, Machine};
use super::listen::Peer;
use super::{Served, Server};
use crate::model::Mac;
use crate::render::boot_menu::ipxe;
use crate::state::{Asked, NodeState, State as Stage, Told};

/// Bytes of what a node may tell at once.
const LARGEST: usize = 64 << 10;
/// Letters of a step or a reason that are kept.
const WORDS: usize = 300;

type App = State<Arc<Server>>;

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/boot.ipxe", get(async || text(ipxe::WHO)))
        .route("/ipxe", get(boot))
        .route("/ks", get(by_headers))
        .route("/n/{token}/ks", get(kickstart))
        .route("/n/{token}/user-data", get(user_data))
        .route("/n/{token}/meta-data", get(meta_data))
        .route("/n/{token}/vendor-data", get(vendor_data))
        .route("/n/{token}/tree/{*path}", get(node_tree))
        .route("/tree/{*path}", get(tree))
        .route("/r/{token}", post(report))
        .route("/r/{token}/stages", post(stages))
        .layer(DefaultBodyLimit::max(LARGEST))
}

#[derive(Deserialize)]
struct Who {
    #[serde(default)]
    mac: String,
    #[serde(default)]
    uuid: String,
    /// The serial number's bytes.
    #[serde(default)]
    serial_hex: String,
}

/// What to boot: the installer where the machine's node is armed, and otherwise the machine's own disk.
async fn boot(State(server): App, Query(who): Query<Who>) -> Response {
    let machine = Machine {
        macs: who.mac.parse().into_iter().collect(),
        uuid: Some(who.uuid.to_ascii_lowercase()).filter(|uuid| !uuid.is_empty()),
        serial: known::serial(&who.serial_hex),
    };
    let lab = server.now();
    let Some(name) = lab.machines.find(&machine) else { return text(ipxe::DISK) };
    let attempts = server.options.attempts;
    let asked = server.keeper.change(name, |node| {
        let before = node.clone();
        let asked = node.boots(attempts, now());
        let news = if node.state == before.state { None } else { node.reason.clone() };
        let news = news.or_else(|| (asked == Asked::Install).then(|| node.step.clone()));
        ((asked, node.clone()), news)
    });
    match asked.await {
        Ok(Some((Asked::Install, node))) => install(&server, &lab, &node),
        Ok(_) => text(ipxe::DISK),
        // An installation that is not kept may happen twice.
        Err(error) => not_kept(&error),
    }
}

fn install(server: &Server, lab: &Served, node: &NodeState) -> Response {
    let (Some(plan), Some(files)) = (lab.node(&node.name), &node.files) else {
        return text(ipxe::DISK);
    };
    match ipxe::install(plan, &server.tree_of(files), &server.kickstart_of(files)) {
        Ok(script) => secret(script.into_bytes()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// Whether a machine may have a node's files.
fn refusal(
    server: &Server,
    lab: &Served,
    node: &NodeState,
    peer: Peer,
    machine: Option<&Machine>,
) -> Option<Response> {
    if !server.may_fetch(peer.0.ip()) {
        return Some(no("the address that asks is none of those that may (`--allow`)"));
    }
    let machine = machine?;
    let plan = lab.node(&node.name)?;
    let by_mac = known::macs(plan).any(|mac| machine.macs.contains(&mac));
    let by_serial = plan.machine.serial.is_some() && plan.machine.serial == machine.serial;
    // A UUID alone is in no header.
    let unnamed = known::macs(plan).next().is_none() && plan.machine.serial.is_none();
    (!by_mac && !by_serial && !unnamed)
        .then(|| no("this is another machine's; the kernel needs the argument `inst.ks.sendmac`"))
}

/// The node whose files this opens.
fn opened(server: &Server, token: &str) -> Option<NodeState> {
    server.keeper.by_token(token).filter(|node| node.files.as_ref().is_some_and(|it| it.is(token)))
}

async fn kickstart(
    State(server): App,
    Extension(peer): Extension<Peer>,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let machine = machine_of(&headers);
    give(&server, peer, &token, Kind::Kickstart, &method, Some(&machine)).await
}

async fn user_data(
    State(server): App,
    Extension(peer): Extension<Peer>,
    Path(token): Path<String>,
    method: Method,
) -> Response {
    give(&server, peer, &token, Kind::UserData, &method, None).await
}

async fn meta_data(
    State(server): App,
    Extension(peer): Extension<Peer>,
    Path(token): Path<String>,
    method: Method,
) -> Response {
    give(&server, peer, &token, Kind::MetaData, &method, None).await
}

/// cloud-init asks for it and can do without; nothing is in it.
async fn vendor_data(State(server): App, Path(token): Path<String>) -> Response {
    if opened(&server, &token).is_some() { text("") } else { gone() }
}

/// A node's file, where this opens it. Fetching it begins the installation, and spends nothing: an installer asks again.
async fn give(
    server: &Arc<Server>,
    peer: Peer,
    token: &str,
    kind: Kind,
    method: &Method,
    machine: Option<&Machine>,
) -> Response {
    let Some(node) = opened(server, token) else { return gone() };
    if let Some(refusal) = refusal(server, &server.now(), &node, peer, machine) {
        server.counts.add("refused", 403);
        return refusal;
    }
    let Some(files) = &node.files else { return gone() };
    let read = tokio::task::block_in_place(|| server.folder.get(files, kind));
    let Ok(bytes) = read else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "its file cannot be read\n").into_response();
    };
    if kind != Kind::MetaData && method == Method::GET {
        let from = peer.0.ip();
        let fetched = server.keeper.change(&node.name, |node| {
            let begins = node.fetched(now());
            ((), begins.then(|| format!("{}, from {from}", node.step)))
        });
        if let Err(error) = fetched.await {
            return not_kept(&error);
        }
    }
    secret(bytes)
}

/// For who says only `inst.ks=http://…/ks`: the machine is known by its headers.
async fn by_headers(State(server): App, headers: HeaderMap) -> Response {
    let lab = server.now();
    let node = lab.machines.find(&machine_of(&headers)).and_then(|name| server.keeper.node(name));
    match node.and_then(|node| node.files) {
        Some(files) => {
            let to = format!("n/{}/ks", files.reveal());
            (
                StatusCode::FOUND,
                [(header::LOCATION, to), (header::CACHE_CONTROL, "no-store".into())],
            )
                .into_response()
        }
        None => gone(),
    }
}

/// What an installer says of its machine, with `inst.ks.sendmac` and `inst.ks.sendsn`: `eth0 52:54:00:…`, numbered from 0.
fn machine_of(headers: &HeaderMap) -> Machine {
    let mac = |n: usize| -> Option<Mac> {
        let text = headers.get(format!("x-rhn-provisioning-mac-{n}"))?.to_str().ok()?;
        text.split_whitespace().last()?.parse().ok()
    };
    let serial = headers.get("x-system-serial-number").and_then(|it| it.to_str().ok());
    // No machine has more; the number of headers is limited anyway.
    let macs = (0..64).map_while(mac).collect();
    Machine { macs, uuid: None, serial: serial.map(|it| it.trim().to_owned()) }
}

async fn tree(
    State(server): App,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    server.tree.answer(&path, &method, &headers)
}

/// The same for an installation, of which it tells how far it is.
async fn node_tree(
    State(server): App,
    Path((token, path)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let Some(node) = opened(&server, &token) else { return gone() };
    let step = match path.as_str() {
        "images/pxeboot/vmlinuz" | "images/pxeboot/initrd.img" => "loading its kernel",
        "LiveOS/squashfs.img" => "loading the installer",
        path if path.rsplit_once('.').is_some_and(|(_, ending)| ending == "rpm") => {
            "installing packages"
        }
        _ => "",
    };
    if !step.is_empty() && node.step != step && method == Method::GET {
        let told = server.keeper.change(&node.name, |node| {
            let news = node.tells(Told::Step(step), now());
            ((), news.then(|| step.to_owned()))
        });
        // Nothing depends on it.
        let _ = told.await;
    }
    server.tree.answer(&path, &method, &headers)
}

#[derive(Deserialize)]
struct Report {
    what: String,
    #[serde(default)]
    more: String,
}

/// The node whose reports this takes.
fn reporter(server: &Server, token: &str) -> Option<NodeState> {
    server.keeper.by_token(token).filter(|node| node.report.as_ref().is_some_and(|it| it.is(token)))
}

async fn report(
    State(server): App,
    Path(token): Path<String>,
    Form(report): Form<Report>,
) -> Response {
    let Some(node) = reporter(&server, &token) else { return gone() };
    let more = words(&report.more);
    let told = match report.what.as_str() {
        "step" if !more.is_empty() => Told::Step(&more),
        "installed" => Told::Installed,
        "failed" => Told::Failed(&more),
        _ => return (StatusCode::BAD_REQUEST, "what: step, installed or failed\n").into_response(),
    };
    let kept = server.keeper.change(&node.name, |node| {
        let news = node.tells(told, now());
        let text = node.reason.clone().unwrap_or_else(|| node.step.clone());
        ((), news.then_some(text))
    });
    answered(kept.await)
}

/// What `trainyard-node status --format json` says on the node.
async fn stages(
    State(server): App,
    Path(token): Path<String>,
    Json(said): Json<serde_json::Value>,
) -> Response {
    let Some(node) = reporter(&server, &token) else { return gone() };
    if !said["stages"].is_array() {
        return (StatusCode::BAD_REQUEST, "stages: a list\n").into_response();
    }
    let kept = server.keeper.change(&node.name, |node| {
        // It has booted from its disk, so it is installed, whatever became of the last word of its installer.
        let installed = node.state == Stage::Installing && node.tells(Told::Installed, now());
        let changed = changes(node.stages.as_ref(), &said);
        node.seen = Some(now());
        node.stages = Some(said);
        let changed = installed.then(|| "installed".to_owned()).into_iter().chain(changed);
        let text = changed.collect::<Vec<_>>().join("; ");
        ((), Some(text).filter(|text| !text.is_empty()))
    });
    answered(kept.await)
}

/// What is new in what a node says of its stages.
fn changes(before: Option<&serde_json::Value>, after: &serde_json::Value) -> Vec<String> {
    let states = |said: &serde_json::Value| -> Vec<(String, String)> {
        let stages = said["stages"].as_array().into_iter().flatten();
        let word = |value: &serde_json::Value| words(value.as_str().unwrap_or_default());
        stages.map(|stage| (word(&stage["name"]), word(&stage["state"]))).collect()
    };
    let before = before.map(states).unwrap_or_default();
    let new = states(after).into_iter().filter(|stage| !before.contains(stage));
    new.map(|(name, state)| format!("{name}: {state}")).collect()
}

/// What somebody else wrote, on one line and not too long.
fn words(text: &str) -> String {
    let text: String =
        text.chars().map(|it| if it.is_control() { ' ' } else { it }).take(WORDS).collect();
    text.trim().to_owned()
}

fn answered(kept: Result<Option<()>, NotKept>) -> Response {
    match kept {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => not_kept(&error),
    }
}

fn text(text: &'static str) -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")],
        text,
    )
        .into_response()
}

/// A text that nobody on the way may keep.
fn secret(bytes: Vec<u8>) -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")],
        bytes,
    )
        .into_response()
}

fn no(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, format!("{why}\n")).into_response()
}

/// What opens nothing, and what opens nothing any more, look alike.
fn gone() -> Response {
    (StatusCode::NOT_FOUND, "nothing is here, or not any more\n").into_response()
}

fn not_kept(error: &NotKept) -> Response {
    super::complain(&error.to_string());
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::RETRY_AFTER, "2")],
        "this server cannot keep its state now\n",
    )
        .into_response()
}
