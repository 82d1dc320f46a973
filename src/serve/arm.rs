//! Nodes are armed: rendered as the lab is now, for addresses that nobody knew before.

use std::io;
use std::sync::{Arc, PoisonError};

use tokio::task::JoinSet;

use super::folder::FileKind;
use super::keeper::{NotKept, now};
use super::{NewNodes, Served, Server, complain, dhcp};
use crate::render::{Renderer, Server as Source, nocloud_net};
use crate::state::{NodeState, State, Token};

/// What is told of a node then: where a medium is served, and where it has media of its own.
const ARMED: &str = "armed: it is installed when it next boots from the network";
const READY: &str = "armed: what it is made by is ready for it";

/// What opens a node's files, and what takes its reports.
type Tokens = (Token, Token);

/// Why a node is not armed.
#[derive(Debug, thiserror::Error)]
pub enum NotArmed {
    /// The lab has no such node.
    #[error("the lab has no node `{0}`")]
    Unknown(String),
    /// The lab file says something wrong.
    #[error("{0}")]
    Lab(String),
    /// It would not outlive the server.
    #[error(transparent)]
    NotKept(#[from] NotKept),
    /// Its files cannot be signed.
    #[error("its files cannot be signed: {0}")]
    Sign(String),
    /// The disk.
    #[error("its files cannot be written: {0}")]
    Io(#[from] io::Error),
}

impl Server {
    /// Arms the nodes of a lab that is served for the first time.
    pub(super) async fn begin(self: &Arc<Self>) {
        let new = self.keeper.nodes().into_iter().filter(|node| node.state == State::New);
        let new: Vec<String> = new.map(|node| node.name).collect();
        if self.options.new_nodes != NewNodes::Arm || self.folder.was_served() {
            if !new.is_empty() && self.options.new_nodes != NewNodes::Leave {
                complain(&format!(
                    "not installed before `trainyard node arm` says so: {}",
                    new.join(", ")
                ));
            }
        } else {
            let _one_at_a_time = self.arming.lock().await;
            for (name, wrong) in self.arm_these(self.now(), &new).await {
                complain(&format!("{name} is not armed: {wrong}"));
            }
        }
        tokio::task::block_in_place(|| self.tell_outdated());
        if let Err(error) = self.folder.mark_served() {
            complain(&format!("`{}`: {error}", self.folder.path().display()));
        }
    }

    /// Tells which nodes that are armed, or are being installed, were told another address or certificate than this server has now:
    /// nobody would hear that they are installed, and so they would be installed again and again.
    pub(super) fn tell_outdated(&self) {
        let report = format!("{}/r/", self.safest_url());
        let mut outdated = Vec::new();
        for node in self.keeper.nodes() {
            let Some(files) = node.files else { continue };
            let Ok(kickstart) = self.folder.get(&files, FileKind::Kickstart) else { continue };
            let has = |text: &str| memchr::memmem::find(&kickstart, text.as_bytes()).is_some();
            if !has(&report) || self.authority().is_some_and(|pem| !has(pem.trim_end())) {
                outdated.push(node.name);
            }
        }
        if !outdated.is_empty() {
            let names = outdated.join(" ");
            complain(&format!(
                "told another address or certificate of this server when they were armed, so what they report does not arrive: {names}; `trainyard node arm {names}` makes their kickstarts anew"
            ));
        }
    }

    /// Arms a node, as the lab file says now.
    pub(super) async fn arm(self: &Arc<Self>, name: &str) -> Result<NodeState, NotArmed> {
        let _one_at_a_time = self.arming.lock().await;
        let server = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || (server.reload)()).await;
        let lab =
            read.unwrap_or_else(|_| Err("the lab cannot be read".into())).map_err(NotArmed::Lab)?;
        self.logs.hide(&lab.secrets);
        let lab = Served::of(lab);
        *self.lab.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&lab);
        if lab.node(name).is_none() {
            return Err(NotArmed::Unknown(name.to_owned()));
        }
        self.keeper.know(lab.lab.plan.nodes.iter().map(|node| node.name.as_str()));
        if let Some(hosts) = self.hosts.get()
            && let Err(error) = tokio::task::block_in_place(|| dhcp::reserve(hosts, &lab.lab.plan))
        {
            complain(&format!("nodes that are new get no address: {error}"));
        }
        let wrong = self.arm_these(lab, &[name.to_owned()]).await;
        match wrong.into_iter().next() {
            Some((_, wrong)) => Err(wrong),
            None => self.keeper.node(name).ok_or_else(|| NotArmed::Unknown(name.to_owned())),
        }
    }

    /// Arms these, and returns why some are not. One at a time does: files whose tokens nobody keeps are removed.
    async fn arm_these(
        self: &Arc<Self>,
        lab: Arc<Served>,
        names: &[String],
    ) -> Vec<(String, NotArmed)> {
        let (server, wanted) = (Arc::clone(self), names.to_owned());
        let rendered = tokio::task::spawn_blocking(move || server.render(&lab, &wanted)).await;
        let failed = |_| {
            let failed =
                |name: &String| (name.clone(), Err(NotArmed::Lab("it cannot be rendered".into())));
            names.iter().map(failed).collect()
        };
        let mut wrong = Vec::new();
        let mut kept = JoinSet::new();
        for (name, tokens) in rendered.unwrap_or_else(failed) {
            match tokens {
                Ok((files, report)) => {
                    let server = Arc::clone(self);
                    kept.spawn(async move {
                        let armed = server.keeper.change(&name, |node| {
                            node.arm(files, report, now());
                            ((), Some(if server.tree.is_some() { ARMED } else { READY }.to_owned()))
                        });
                        let armed = armed.await;
                        // What it has installed will be gone, and the token by which it was told is another one.
                        let armed = armed
                            .map_err(NotArmed::from)
                            .and_then(|_| Ok(server.folder.forget_packages(&name)?));
                        (name, armed)
                    });
                }
                Err(error) => wrong.push((name, error)),
            }
        }
        for (name, kept) in kept.join_all().await {
            if let Err(error) = kept {
                wrong.push((name, error));
            }
        }
        self.folder.keep_only(&self.keeper.file_tokens());
        wrong
    }

    /// Renders these for new tokens, which it returns.
    fn render(&self, lab: &Served, names: &[String]) -> Vec<(String, Result<Tokens, NotArmed>)> {
        let mut renderer = Renderer::new(&lab.lab.plan, &lab.lab.secrets);
        let mut one = |name: &str| {
            let node = lab.node(name).ok_or_else(|| NotArmed::Unknown(name.to_owned()))?;
            let (files, report) = (Token::random()?, Token::random()?);
            let (tree, report_to) = (self.tree_of(&files), self.report_of(&report));
            let authority = self.authority().map(str::to_owned);
            let source = Source { tree: Some(tree), report: report_to, authority };
            let made = renderer.render_for(node, Some(&source));
            let made = made.map_err(|error| NotArmed::Lab(error.to_string()))?;
            self.folder.put(&files, FileKind::Kickstart, &made.kickstart)?;
            if nocloud_net::refusal(node).is_none() {
                self.folder.put(&files, FileKind::UserData, made.seed_user_data()?)?;
                self.folder.put(&files, FileKind::MetaData, &made.meta_data)?;
            }
            Ok((files, report))
        };
        let made: Vec<_> = names.iter().map(|name| (name.clone(), one(name))).collect();
        let Some(signer) = &self.options.signer else { return made };
        let tokens = made.iter().filter_map(|(_, made)| Some(&made.as_ref().ok()?.0));
        match self.folder.sign(&tokens.collect::<Vec<_>>(), signer) {
            Ok(()) => made,
            Err(error) => {
                let not = |made: Result<Tokens, NotArmed>| {
                    made.and_then(|_| Err(NotArmed::Sign(error.to_string())))
                };
                made.into_iter().map(|(name, made)| (name, not(made))).collect()
            }
        }
    }
}
