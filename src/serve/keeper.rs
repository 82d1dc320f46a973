//! Where every node is: in memory for who asks, and kept by one thread.

mod room;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use indexmap::IndexMap;
use room::Room;
use tokio::sync::{broadcast, oneshot};
use worker::{Order, Read, Worker};

use crate::state::{Change, Event, Limits, NodeState, StateError, Store, Token};

/// How many events a listener may be behind; who is further behind is told to begin anew.
const BEHIND: usize = 4096;

/// What could not be kept, in words. What depends on its being kept must not be done.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the state cannot be kept: {0}")]
pub struct NotKept(Arc<str>);

/// The nodes of a lab.
pub struct Keeper {
    known: Mutex<Known>,
    orders: mpsc::Sender<Order>,
    news: broadcast::Sender<Event>,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

/// Why what happens is not kept, and of which nodes something is missing.
struct Trouble {
    why: Arc<str>,
    nodes: HashSet<String>,
}

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// A node's files.
    Files,
    /// What a node tells.
    Reports,
}

struct Known {
    nodes: IndexMap<String, NodeState>,
    /// Those that the lab has no more, until they return.
    away: HashMap<String, NodeState>,
    tokens: HashMap<String, (Opens, String)>,
    /// How much more is kept of what nodes do.
    rooms: HashMap<String, Room>,
    last_event: u64,
}

/// Milliseconds since 1970, by this machine's clock.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Keeper {
    /// Takes up what was kept, for these nodes.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn begin<'n>(
        store: impl Store + 'static,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Self, StateError> {
        let (orders, ordered) = mpsc::channel();
        let trouble = Arc::default();
        let kept = store.nodes()?.into_iter().map(|node| (node.name.clone(), node)).collect();
        let known = Known {
            nodes: IndexMap::new(),
            away: kept,
            tokens: HashMap::new(),
            rooms: HashMap::new(),
            last_event: store.last_event()?,
        };
        let worker = Worker::new(store, Arc::clone(&trouble));
        thread::spawn(move || worker.work(&ordered));
        let news = broadcast::Sender::new(BEHIND);
        let keeper = Self { known: Mutex::new(known), orders, news, trouble };
        keeper.know(names);
        // While nobody listened, nobody was silent.
        keeper.all_heard();
        Ok(keeper)
    }

    /// Takes these for the lab's nodes; what is known of the others waits for their return.
    pub fn know<'n>(&self, names: impl Iterator<Item = &'n str>) {
        let mut known = self.known();
        let left = std::mem::take(&mut known.nodes);
        known.away.extend(left);
        known.tokens.clear();
        for name in names {
            let node = known.away.remove(name).unwrap_or_else(|| NodeState::new(name, now()));
            known.put(node);
        }
    }

    /// Every node as it is now, in the lab's order.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeState> {
        self.known().nodes.values().cloned().collect()
    }

    /// One of them.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<NodeState> {
        self.known().nodes.get(name).cloned()
    }

    /// The name of the one of which this is so; nothing where it is so of several.
    #[must_use]
    pub fn only(&self, is: impl Fn(&NodeState) -> bool) -> Option<String> {
        let known = self.known();
        let mut all = known.nodes.values().filter(|node| is(node));
        let only = all.next()?.name.clone();
        all.next().is_none().then_some(only)
    }

    /// What opens files, of those that are away as well.
    #[must_use]
    pub fn file_tokens(&self) -> Vec<Token> {
        let known = self.known();
        let all = known.nodes.values().chain(known.away.values());
        all.filter_map(|node| node.files.clone()).collect()
    }

    /// The node of which this token opens that.
    #[must_use]
    pub fn opened(&self, token: &str, what: Opens) -> Option<String> {
        let known = self.known();
        let (opens, name) = known.tokens.get(token)?;
        (*opens == what).then(|| name.clone())
    }

    /// A node was heard of. Returns whether it does something else than before.
    #[must_use]
    pub fn hears(&self, name: &str, step: &str) -> bool {
        let mut known = self.known();
        let Some(node) = known.nodes.get_mut(name) else { return false };
        node.seen = Some(now());
        node.step != step
    }

    /// A node was heard of, that is all.
    pub fn heard(&self, name: &str) {
        if let Some(node) = self.known().nodes.get_mut(name) {
            node.seen = Some(now());
        }
    }

    /// Those that have taken longer than they may.
    #[must_use]
    pub fn late(&self, limits: Limits) -> Vec<String> {
        let (known, now) = (self.known(), now());
        let late = known.nodes.values().filter(|node| node.is_late(limits, now));
        late.map(|node| node.name.clone()).collect()
    }

    /// This machine was asleep, or its clock was set: nobody was silent meanwhile.
    pub fn all_heard(&self) {
        let now = now();
        for node in self.known().nodes.values_mut() {
            node.seen = node.seen.map(|_| now);
        }
    }

    /// Changes a node. `change` says what it comes to, and what happened, where anything did: then it returns when that
    /// is kept. Nothing where there is no such node.
    ///
    /// # Errors
    /// It, or what it comes after, could not be kept. It is so all the same, and is tried again.
    pub async fn change<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut NodeState) -> (T, Option<String>),
    ) -> Result<Option<T>, NotKept> {
        let (answer, kept) = oneshot::channel();
        let result = {
            let mut known = self.known();
            let Some(before) = known.nodes.get(name).cloned() else { return Ok(None) };
            let mut node = before.clone();
            let (result, text) = change(&mut node);
            known.put(node.clone());
            let text = text.and_then(|text| known.room_for(text, decides(&before, &node), name));
            let Some(text) = text else { return self.kept(name).map(|()| Some(result)) };
            self.tell(&mut known, node, text, answer);
            result
        };
        match kept.await {
            Ok(kept) => kept.map(|()| Some(result)),
            Err(_) => Err(NotKept("nobody writes it any more".into())),
        }
    }

    /// Notes what has happened to a node that changes nothing about it, and returns when it is kept, or cannot be. Not for the server's own
    /// threads, which may not wait.
    pub fn note(&self, name: &str, text: String) {
        self.noted(name, text, false);
    }

    /// The same, of a machine that starts ([`NodeState::starts`]).
    pub fn starts(&self, name: &str, text: String) {
        self.noted(name, text, true);
    }

    fn noted(&self, name: &str, text: String, starts: bool) {
        let (answer, kept) = oneshot::channel();
        {
            let mut known = self.known();
            let Some(mut node) = known.nodes.get(name).cloned() else { return };
            if starts {
                node.starts();
                known.put(node.clone());
            }
            let Some(text) = known.room_for(text, starts, name) else { return };
            self.tell(&mut known, node, text, answer);
        }
        let _ = kept.blocking_recv();
    }

    /// Has it kept, and tells it to who listens. Under the lock, so that all is kept and told in one order.
    fn tell(
        &self,
        known: &mut Known,
        node: NodeState,
        text: String,
        answer: oneshot::Sender<Result<(), NotKept>>,
    ) {
        known.last_event += 1;
        let (id, at, state) = (known.last_event, now(), node.state);
        let event = Event { id, at, node: node.name.clone(), state, text };
        let change = Change { node, event: event.clone() };
        let _ = self.orders.send(Order::Keep(Box::new(change), answer));
        let _ = self.news.send(event);
    }

    /// Whether all is kept that has happened to a node: who asks again must not hear that what failed is done.
    fn kept(&self, name: &str) -> Result<(), NotKept> {
        match &*self.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(trouble) if trouble.nodes.contains(name) => Err(NotKept(Arc::clone(&trouble.why))),
            _ => Ok(()),
        }
    }

    /// The last event's number, or 0.
    #[must_use]
    pub fn last_event(&self) -> u64 {
        self.known().last_event
    }

    /// Events as they happen.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.news.subscribe()
    }

    /// What happened after this event; see [`Store::events`].
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn events(
        &self,
        after: u64,
        node: Option<String>,
        most: usize,
    ) -> Result<Vec<Event>, NotKept> {
        let (answer, read) = oneshot::channel();
        let _ = self.orders.send(Order::Read(Read { after, node, most, answer }));
        read.await.unwrap_or_else(|_| Err(NotKept("nobody reads it any more".into())))
    }

    /// Why what happens is not kept now, if it is not.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<str>> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.as_ref().map(|trouble| Arc::clone(&trouble.why))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a change decides what a node may have from now on: it must outlive this server, however much the node tells.
fn decides(before: &NodeState, after: &NodeState) -> bool {
    let what = |node: &NodeState| {
        (node.state, node.attempts, node.booted, node.files.clone(), node.report.clone())
    };
    what(before) != what(after)
}

impl Known {
    /// What is kept of an event.
    fn room_for(&mut self, text: String, matters: bool, name: &str) -> Option<String> {
        let now = Instant::now();
        let room = self.rooms.entry(name.to_owned()).or_insert_with(|| Room::new(now));
        room.take(text, matters, now)
    }

    fn put(&mut self, node: NodeState) {
        let tokens = |node: &NodeState| {
            let files = node.files.iter().map(|token| (Opens::Files, token.reveal().to_owned()));
            let report = node.report.iter();
            let report = report.map(|token| (Opens::Reports, token.reveal().to_owned()));
            files.chain(report).collect::<Vec<_>>()
        };
        for (_, token) in self.nodes.get(&node.name).map(tokens).unwrap_or_default() {
            self.tokens.remove(&token);
        }
        for (opens, token) in tokens(&node) {
            self.tokens.insert(token, (opens, node.name.clone()));
        }
        self.nodes.insert(node.name.clone(), node);
    }
}
