//! What people and programs ask: how far the nodes are, what happened; and to arm one.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::arm::NotArmed;
use super::keeper::now;
use super::logs::Logs;
use super::stages::Verified;
use super::wrong::told;
use super::{Folder, Server};
use crate::state::{Event, NodeState, Sqlite, State as Stage, StateError, Store as _};

/// How many events are sent at once.
const MOST_EVENTS: usize = 1000;
/// More than there ever are.
const ALL_EVENTS: usize = 1 << 30;

type App = State<Arc<Server>>;

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/api/v1/nodes", get(nodes))
        .route("/api/v1/nodes/{name}", get(node))
        .route("/api/v1/nodes/{name}/arm", post(arm))
        .route("/api/v1/nodes/{name}/log", get(log))
        .route("/api/v1/events", get(events))
        .route("/api/v1/stream", get(stream))
        .route("/api/v1/schema", get(schema))
        .route("/metrics", get(metrics))
}

/// What answers are like, as a JSON schema (draft 7).
async fn schema() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/schema+json")];
    (kind, include_str!("api.schema.json")).into_response()
}

/// A node as it is shown: nothing in it opens anything.
#[derive(Serialize)]
struct Shown {
    name: String,
    role: Option<String>,
    address: Option<std::net::Ipv4Addr>,
    state: Stage,
    since: u64,
    seen: Option<u64>,
    step: String,
    reason: Option<String>,
    attempts: u32,
    stages: Option<serde_json::Value>,
    verified: Option<Found>,
}

/// What its last verification found, and the same in words.
#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    verified: Verified,
    words: String,
}

fn shown(server: &Server, node: NodeState) -> Shown {
    let lab = server.now();
    let plan = lab.node(&node.name);
    shown_as(plan.map(|plan| (plan.role.clone(), plan.address)), node)
}

/// What a server has kept in this folder, in the form of its answers. It is read while no server has it.
pub struct Kept {
    /// All nodes.
    pub nodes: serde_json::Value,
    /// All events.
    pub events: serde_json::Value,
}

impl Kept {
    /// Reads it; nothing where no server has kept anything there.
    ///
    /// # Errors
    /// It cannot be read, as while a server has it.
    pub fn read(folder: &Folder) -> Result<Option<Self>, StateError> {
        let database = folder.database();
        if !database.exists() {
            return Ok(None);
        }
        let store = Sqlite::open(&database)?;
        let nodes: Vec<Shown> =
            store.nodes()?.into_iter().map(|node| shown_as(None, node)).collect();
        let events = store.events(0, None, ALL_EVENTS)?;
        let events = json!({ "schema": 1, "events": events });
        Ok(Some(Self { nodes: json!({ "schema": 1, "nodes": nodes }), events }))
    }

    /// The last lines that a node has logged.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn log(folder: &Folder, node: &str, lines: usize) -> std::io::Result<String> {
        let said = Logs::at(folder.logs()).last(node, lines)?.text;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

fn shown_as(plan: Option<(String, std::net::Ipv4Addr)>, node: NodeState) -> Shown {
    let found = |verified: Verified| Found { words: verified.words(), verified };
    let verified = Verified::of_node(&node).map(found);
    let stages = node.stages.map(|all| json!({ "stages": all["stages"] }));
    let (role, address) = plan.unzip();
    Shown {
        role,
        address,
        name: node.name,
        state: node.state,
        since: node.since,
        seen: node.seen,
        step: node.step,
        reason: node.reason,
        attempts: node.attempts,
        stages,
        verified,
    }
}

async fn nodes(State(server): App) -> Response {
    // Before the nodes: who goes on from there misses nothing.
    let last_event = server.keeper.last_event();
    let nodes: Vec<Shown> =
        server.keeper.nodes().into_iter().map(|node| shown(&server, node)).collect();
    Json(json!({
        "schema": 1, "lab": server.now().lab.plan.lab, "now": now(), "last_event": last_event,
        "trouble": server.keeper.trouble().as_deref(), "nodes": nodes,
    }))
    .into_response()
}

async fn node(State(server): App, Path(name): Path<String>) -> Response {
    match server.keeper.node(&name) {
        Some(node) => Json(shown(&server, node)).into_response(),
        None => unknown(&name),
    }
}

fn unknown(name: &str) -> Response {
    told(StatusCode::NOT_FOUND, &format!("the lab has no node `{name}`"))
}

async fn arm(State(server): App, Path(name): Path<String>, headers: HeaderMap) -> Response {
    if let Some(refused) = refused(&server, &headers) {
        return refused;
    }
    match server.arm(&name).await {
        Ok(node) => {
            let report = node.report.as_ref().map(|token| server.report_of(token));
            let mut said = json!(shown(&server, node));
            // For who makes media of it: its administrator alone is told.
            said["report"] = json!(report);
            Json(said).into_response()
        }
        Err(error) => {
            let status = match error {
                NotArmed::Unknown(_) => StatusCode::NOT_FOUND,
                NotArmed::Lab(_) => StatusCode::CONFLICT,
                NotArmed::NotKept(_) | NotArmed::Sign(_) | NotArmed::Io(_) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
            };
            told(status, &error.to_string())
        }
    }
}

/// What somebody hears who is not the administrator.
pub(super) fn refused(server: &Server, headers: &HeaderMap) -> Option<Response> {
    let said = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = said.and_then(|it| it.strip_prefix("Bearer "));
    if token.is_some_and(|token| server.admin.is(token.trim())) {
        return None;
    }
    let message = "this needs the administrator's token: `Authorization: Bearer …`";
    let mut response = told(StatusCode::UNAUTHORIZED, message);
    let bearer = header::HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
    Some(response)
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    after: u64,
    node: Option<String>,
}

async fn events(State(server): App, Query(wanted): Query<Wanted>) -> Response {
    if let Some(name) = wanted.node.as_deref().filter(|name| server.keeper.node(name).is_none()) {
        return unknown(name);
    }
    match server.keeper.events(wanted.after, wanted.node, MOST_EVENTS).await {
        Ok(events) => Json(json!({ "schema": 1, "events": events })).into_response(),
        Err(error) => told(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// Events as they happen, each with its number; `Last-Event-ID` and `?after=` bring what was missed.
async fn stream(State(server): App, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Response {
    let mut live = server.keeper.listen();
    let last = headers.get("last-event-id").and_then(|it| it.to_str().ok()?.parse().ok());
    let mut after: u64 = last.unwrap_or(wanted.after);
    let (sender, receiver) = tokio::sync::mpsc::channel::<Event>(64);
    tokio::spawn(async move {
        loop {
            // What it ends with, its client sees, and asks again from where it was.
            let Ok(missed) = server.keeper.events(after, None, MOST_EVENTS).await else { return };
            let whole = missed.len() < MOST_EVENTS;
            for event in missed {
                after = event.id;
                if sender.send(event).await.is_err() {
                    return;
                }
            }
            if whole {
                break;
            }
        }
        loop {
            let event = tokio::select! {
                event = live.recv() => event,
                () = sender.closed() => return,
            };
            let Ok(event) = event else { return };
            if event.id > after && sender.send(event).await.is_err() {
                return;
            }
        }
    });
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(10));
    Sse::new(Events(receiver)).keep_alive(keep_alive).into_response()
}

struct Events(tokio::sync::mpsc::Receiver<Event>);

impl futures_core::Stream for Events {
    type Item = Result<sse::Event, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let event = |event: Event| {
            let data = serde_json::to_string(&event).unwrap_or_default();
            Ok(sse::Event::default().id(event.id.to_string()).data(data))
        };
        self.0.poll_recv(context).map(|received| received.map(event))
    }
}

#[derive(Deserialize)]
struct Lines {
    tail: Option<usize>,
    after: Option<u64>,
}

/// Lines of a log that are sent where nobody says how many.
const LINES: usize = 200;
/// Where to go on in a log.
pub const NEXT: &str = "x-trainyard-next";

/// What a node's installer logs: its last lines, or all after a byte, with the byte to go on from.
async fn log(State(server): App, Path(name): Path<String>, Query(lines): Query<Lines>) -> Response {
    if server.keeper.node(&name).is_none() {
        return unknown(&name);
    }
    let part = tokio::task::block_in_place(|| match lines.after {
        Some(after) => server.logs.after(&name, after),
        None => server.logs.last(&name, lines.tail.unwrap_or(LINES)),
    });
    match part {
        Ok(part) => {
            let kind = (header::CONTENT_TYPE.as_str(), "text/plain; charset=utf-8".to_owned());
            let next = (NEXT, part.next.to_string());
            let fresh = (header::CACHE_CONTROL.as_str(), "no-store".to_owned());
            ([kind, next, fresh], part.text).into_response()
        }
        Err(error) => told(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// For Prometheus.
async fn metrics(State(server): App) -> Response {
    let nodes = server.keeper.nodes();
    let mut text = String::from(
        "# HELP trainyard_nodes Nodes of the lab by state.\n# TYPE trainyard_nodes gauge\n",
    );
    for state in Stage::ALL {
        let count = nodes.iter().filter(|node| node.state == state).count();
        let _ = writeln!(text, "trainyard_nodes{{state=\"{state}\"}} {count}");
    }
    text.push_str(
        "# HELP trainyard_nodes_verified Nodes by what their last verification found.\n# TYPE trainyard_nodes_verified gauge\n",
    );
    let verified: Vec<_> = nodes.iter().filter_map(Verified::of_node).collect();
    for (found, is_ok) in [("ok", true), ("failed", false)] {
        let count = verified.iter().filter(|it| it.is_ok() == is_ok).count();
        let _ = writeln!(text, "trainyard_nodes_verified{{found=\"{found}\"}} {count}");
    }
    let kept = u8::from(server.keeper.trouble().is_none());
    let _ = write!(
        text,
        "# HELP trainyard_state_kept Whether what happens can be kept.\n# TYPE trainyard_state_kept gauge\ntrainyard_state_kept {kept}\n"
    );
    text += &server.rates.metrics();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
