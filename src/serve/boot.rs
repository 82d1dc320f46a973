//! What firmware and boot loaders ask: what to boot. iPXE, GRUB and PXELINUX are told the same, each in its own language.

use std::fmt::Display;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::ExtensionRejection;
use axum::extract::{Extension, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;

use super::keeper::{NotKept, now};
use super::known::{self, Machine};
use super::listen::Peer;
use super::machine::{not_kept, secret};
use super::{Served, Server};
use crate::model::Mac;
use crate::plan::NodePlan;
use crate::render::boot_menu::{NetworkBootError, Origin, grub_net, ipxe, pxelinux};
use crate::state::{Asked, State as Stage, Token};

type App = State<Arc<Server>>;

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/boot.ipxe", get(async || text(ipxe::WHO)))
        .route("/ipxe", get(by_ipxe))
        .route("/grub.cfg", get(grub_configuration))
        .route("/grub/{mac}", get(by_grub))
        .route("/pxelinux/ldlinux.c32", get(ldlinux))
        .route("/pxelinux/pxelinux.cfg/{name}", get(by_pxelinux))
}

/// Who asks, what is served then, and how it is asked: it only looks (HEAD), or it boots.
struct Question {
    server: Arc<Server>,
    lab: Arc<Served>,
    peer: Peer,
    method: Method,
}

impl FromRequestParts<Arc<Server>> for Question {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &Arc<Server>,
    ) -> Result<Self, Self::Rejection> {
        let Extension(peer) = Extension::from_request_parts(parts, server).await?;
        let (server, method) = (Arc::clone(server), parts.method.clone());
        Ok(Self { lab: server.now(), server, peer, method })
    }
}

/// What to boot.
enum Boot<'q> {
    /// The installer of this node, whose files this opens.
    Installer(&'q NodePlan, Token),
    /// What the machine boots without us.
    Disk,
}

impl Question {
    /// What to boot: the installer where the machine's node is armed, and otherwise the machine's own disk. Who only looks changes
    /// nothing, and neither does who may have no kickstart.
    async fn answer(&self, machine: &Machine) -> Result<Boot<'_>, NotKept> {
        let Self { server, lab, peer, .. } = self;
        let may_fetch = server.may_fetch(peer.0.ip()) && server.tree.is_some();
        let name = lab.machines.find(machine).filter(|_| may_fetch);
        let Some(name) = name else { return Ok(Boot::Disk) };
        let attempts = server.options.attempts;
        if self.method != Method::GET {
            // It would be told the same, to the byte.
            let mut node = server.keeper.node(name);
            let asked = node.as_mut().map(|node| (node.boots(attempts, now()), node.files.clone()));
            return Ok(self.boot(name, asked));
        }
        let asked = server.keeper.change(name, |node| {
            let (again, failed) = ((node.booted, node.attempts), node.state == Stage::Failed);
            let asked = node.boots(attempts, now());
            let news = match asked {
                // However often its firmware asks, that is told once.
                Asked::Install => (again != (true, node.attempts)).then(|| node.step.clone()),
                Asked::Disk if failed => None,
                Asked::Disk => node.reason.clone(),
            };
            ((asked, node.files.clone()), news)
        });
        // An installation that is not kept may happen twice.
        Ok(self.boot(name, asked.await?))
    }

    fn boot(&self, name: &str, asked: Option<(Asked, Option<Token>)>) -> Boot<'_> {
        match (asked, self.lab.node(name)) {
            (Some((Asked::Install, Some(files))), Some(plan)) => Boot::Installer(plan, files),
            _ => Boot::Disk,
        }
    }

    /// The same as a text: of the node, and where its installation comes from; or this one.
    async fn say(
        &self,
        machine: &Machine,
        disk: &'static str,
        install: impl FnOnce(&NodePlan, &Origin) -> Result<String, NetworkBootError>,
    ) -> Response {
        match self.answer(machine).await {
            Ok(Boot::Disk) => text(disk),
            Ok(Boot::Installer(plan, files)) => {
                let Self { server, .. } = self;
                let origin = Origin {
                    files: &server.boot_files_of(&files),
                    tree: &server.tree_of(&files),
                    kickstart: &server.kickstart_of(&files),
                    is_unproved: server.authority().is_some(),
                };
                install(plan, &origin).map_or_else(|error| failed(&error), secret)
            }
            Err(error) => not_kept(&error),
        }
    }
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

async fn by_ipxe(question: Question, Query(who): Query<Who>) -> Response {
    let machine = Machine {
        macs: who.mac.parse().into_iter().collect(),
        uuid: Some(who.uuid.to_ascii_lowercase()).filter(|uuid| !uuid.is_empty()),
        serial: known::serial(&who.serial_hex),
    };
    question.say(&machine, ipxe::DISK, ipxe::install).await
}

/// What GRUB is given first, for those who have a TFTP server of their own.
async fn grub_configuration(State(server): App) -> Response {
    text(grub_net::who(&server.options.url))
}

async fn by_grub(question: Question, Path(mac): Path<String>) -> Response {
    let Ok(mac) = mac.parse::<Mac>() else { return text(grub_net::DISK) };
    let machine = Machine { macs: vec![mac], ..Machine::default() };
    let url = &question.server.options.url;
    let install = |node: &NodePlan, origin: &Origin| grub_net::install(node, url, origin, mac);
    let mut answer = question.say(&machine, grub_net::DISK, install).await;
    // GRUB never closes the connection from which it starts something, and takes the same port next time.
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// PXELINUX asks by the machine's UUID, where it has one; by `01-` and the card's address; and then for what is all machines'.
async fn by_pxelinux(question: Question, Path(name): Path<String>) -> Response {
    let card = name.strip_prefix("01-").and_then(|mac| mac.parse::<Mac>().ok());
    let machine = Machine {
        macs: card.into_iter().collect(),
        uuid: card.is_none().then(|| name.to_ascii_lowercase()),
        serial: None,
    };
    // Only what is asked for a card ends its asking; a machine that the lab does not know by its UUID goes on.
    if card.is_none() && name != "default" && question.lab.machines.find(&machine).is_none() {
        return (StatusCode::NOT_FOUND, "no machine is known by this name\n").into_response();
    }
    question.say(&machine, pxelinux::DISK, pxelinux::install).await
}

/// What PXELINUX loads before it asks: the rest of itself.
async fn ldlinux() -> Response {
    let read = tokio::task::block_in_place(|| super::dhcp::ldlinux().map(std::fs::read));
    match read {
        Some(Ok(bytes)) => bytes.into_response(),
        Some(Err(error)) => failed(&error),
        None => (StatusCode::NOT_FOUND, "this machine has no PXELINUX\n").into_response(),
    }
}

fn failed(error: &impl Display) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
}

fn text(text: impl Into<std::borrow::Cow<'static, str>>) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, text.into()).into_response()
}
