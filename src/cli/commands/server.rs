//! A server that serves, and how it is spoken to.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use reqwest::blocking::{Client, ClientBuilder, RequestBuilder, Response};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::serve::state_folder;
use super::trust;
use crate::cli::NodeArgs;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::interrupt;
use crate::serve::Folder;

/// Whether a server that is asked again and again still answers: told once when it does not, and once when it does again.
#[derive(Default)]
pub(super) struct Contact {
    lost: bool,
}

impl Contact {
    /// What it answered; nothing where it is waited for.
    pub(super) fn of<T>(&mut self, asked: Result<T>, ui: &Ui) -> Option<T> {
        let was_lost = std::mem::replace(&mut self.lost, asked.is_err());
        match &asked {
            Ok(_) if was_lost => ui.note("the server answers again"),
            Err(error) if !was_lost => ui.note(format!("{error}; waiting for it")),
            _ => {}
        }
        asked.ok()
    }
}

/// What is on this machine or its own network needs no proxy.
fn client() -> ClientBuilder {
    // Fails where somebody has installed one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(Duration::from_secs(30))
}

/// How often a server is asked that says that this address asks too much.
const TIMES: u32 = 3;
/// How long it is waited for then, each time.
const LONGEST: Duration = Duration::from_secs(10);

/// How long it wants not to be asked.
fn asked_for(answer: &Response) -> Duration {
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1))
}

/// A server, and how it is spoken to.
pub(super) struct Server {
    url: String,
    folder: Folder,
    client: Client,
}

impl Server {
    pub(super) fn of(lab_file: &Path, args: &NodeArgs) -> Result<Self> {
        let path = state_folder(args.state.as_deref(), lab_file);
        if let Some(url) = args.server.clone() {
            let client = trust::by_authorities(client(), args.ca_file.as_deref())?;
            return Ok(Self { url, folder: Folder::at(&path), client });
        }
        let folder = Folder::at(&path);
        let url = folder.address().map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                let message = format!(
                    "no server has served this lab from `{}`: `trainyard serve` begins, and `--server URL` names one elsewhere",
                    path.display()
                );
                return Failure::new(exit::NETWORK, message);
            }
            let message = format!(
                "`{}` cannot be read: {error}; it is for the user alone who serves the lab: ask as that user (`sudo`, where the server was begun by it), or name the server (`--server URL`)",
                folder.address_path().display()
            );
            Failure::new(exit::INPUT, message)
        })?;
        Self::at(&path, url)
    }

    /// The one of this folder, at its address.
    pub(super) fn at(folder: &Path, url: String) -> Result<Self> {
        let folder = Folder::at(folder);
        let client = if url.starts_with("https:") {
            trust::by_folder(client(), &folder)?
        } else {
            trust::by_authorities(client(), None)?
        };
        Ok(Self { url, folder, client })
    }

    /// What it answers to everyone.
    pub(super) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Response> {
        let url = format!("{}/api/v1/{path}", self.url);
        let url = url::Url::parse_with_params(&url, query).context("the server's address")?;
        self.send(self.client.get(url))
    }

    /// The same, as data.
    pub(super) fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        self.data(self.get(path, query)?)
    }

    /// What it does, or answers, to its administrator alone.
    pub(super) fn administer(&self, method: Method, path: &str) -> Result<Value> {
        let token = self.folder.admin_token().ok_or_else(|| {
            let message = format!(
                "`{}` is no administrator's token, without which the server does nothing: `--state` says where its server keeps it",
                self.folder.admin_path().display()
            );
            Failure::new(exit::INPUT, message)
        })?;
        let url = format!("{}/api/v1/{path}", self.url);
        self.data(self.send(self.client.request(method, url).bearer_auth(token.reveal()))?)
    }

    /// What it answers. One that has too much to do for this address did nothing, and is asked again when it says.
    fn send(&self, request: RequestBuilder) -> Result<Response> {
        for _ in 1..TIMES {
            let Some(once) = request.try_clone() else { break };
            let answer = self.send_once(once)?;
            let wait =
                (answer.status() == StatusCode::TOO_MANY_REQUESTS).then(|| asked_for(&answer));
            match wait {
                Some(wait) if wait <= LONGEST => interrupt::sleep(wait)?,
                _ => return self.good(answer),
            }
        }
        self.good(self.send_once(request)?)
    }

    fn send_once(&self, request: RequestBuilder) -> Result<Response> {
        let answer = request.send().map_err(|error| {
            let error = error.without_url();
            let Self { url, folder, .. } = self;
            let message = match trust::tls_error(&error) {
                Some(error) if trust::is_other(error) => format!(
                    "what answers at {url} shows another certificate than `{}`, so it is not the server of this folder, and was told nothing",
                    folder.certificate().display()
                ),
                Some(error) => format!(
                    "what answers at {url} cannot prove who it is: {error}; `--ca-file` names the certificate to trust (`tls.pem` in its server's folder)"
                ),
                None => format!("no server answers at {url}: {error}; `trainyard serve` begins one"),
            };
            Failure::new(exit::NETWORK, message)
        });
        Ok(answer?)
    }

    /// The same, where it is no refusal.
    fn good(&self, answer: Response) -> Result<Response> {
        let code = match answer.status() {
            status if status.is_success() => return Ok(answer),
            StatusCode::NOT_FOUND => exit::USAGE,
            StatusCode::CONFLICT => exit::LAB,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => exit::REFUSED,
            _ => exit::NETWORK,
        };
        let wait = (answer.status() == StatusCode::TOO_MANY_REQUESTS).then(|| asked_for(&answer));
        let said = self.data(answer)?;
        let mut message = said["error"].as_str().unwrap_or("it does not say why").to_owned();
        if let Some(wait) = wait {
            let _ = write!(message, "; ask again in {} s", wait.as_secs());
        }
        bail!(Failure::new(code, message))
    }

    fn data(&self, answer: Response) -> Result<Value> {
        let status = answer.status();
        let read = answer.bytes().context("reading its answer")?;
        serde_json::from_slice(&read).map_err(|_| {
            let message = format!("what answers at {} is no trainyard ({status})", self.url);
            Failure::new(exit::NETWORK, message).into()
        })
    }
}
