//! Where every node is: in memory for who asks, and kept by one thread, which writes what has gathered as one transaction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indexmap::IndexMap;
use tokio::sync::{broadcast, oneshot};

use crate::state::{Change, Event, NodeState, StateError, Store};

/// How many changes one transaction takes at most.
const BATCH: usize = 1000;
/// How often what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(1);
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
    trouble: Arc<Mutex<Option<Arc<str>>>>,
}

struct Known {
    nodes: IndexMap<String, NodeState>,
    /// What opens files and what takes reports, each with its node.
    tokens: HashMap<String, String>,
    last_event: u64,
}

enum Order {
    Keep(Box<Change>, Answer<()>),
    Events { after: u64, node: Option<String>, most: usize, answer: Answer<Vec<Event>> },
}

type Answer<T> = oneshot::Sender<Result<T, NotKept>>;

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
        let mut known = Known {
            nodes: IndexMap::new(),
            tokens: HashMap::new(),
            last_event: store.last_event()?,
        };
        let mut kept: HashMap<String, NodeState> =
            store.nodes()?.into_iter().map(|node| (node.name.clone(), node)).collect();
        for name in names {
            let mut node = kept.remove(name).unwrap_or_else(|| NodeState::new(name, now()));
            // While nobody listened, nobody was silent.
            node.seen = node.seen.map(|_| now());
            known.put(node);
        }
        let worker = Worker { store, waiting: IndexMap::new(), trouble: Arc::clone(&trouble) };
        thread::spawn(move || worker.work(&ordered));
        let news = broadcast::Sender::new(BEHIND);
        Ok(Self { known: Mutex::new(known), orders, news, trouble })
    }

    /// Takes these for the lab's nodes; what is known of the others waits for their return.
    pub fn know<'n>(&self, names: impl Iterator<Item = &'n str>) {
        let mut known = self.known();
        let mut all = std::mem::take(&mut known.nodes);
        let nodes = names.map(|name| {
            (name.to_owned(), all.shift_remove(name).unwrap_or_else(|| NodeState::new(name, now())))
        });
        let nodes = nodes.collect();
        known.nodes = nodes;
        let left: Vec<NodeState> = all.into_values().collect();
        let gone = |name: &String| left.iter().any(|node| node.name == *name);
        known.tokens.retain(|_, name| !gone(name));
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

    /// The node whose files, or whose reports, this opens.
    #[must_use]
    pub fn by_token(&self, token: &str) -> Option<NodeState> {
        let known = self.known();
        let node = known.nodes.get(known.tokens.get(token)?)?;
        Some(node.clone())
    }

    /// Changes a node. `change` says what it comes to, and what happened, where anything did: then it returns when that
    /// is kept. Nothing where there is no such node.
    ///
    /// # Errors
    /// It could not be kept. It is so all the same, and is tried again.
    pub async fn change<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut NodeState) -> (T, Option<String>),
    ) -> Result<Option<T>, NotKept> {
        let (answer, kept) = oneshot::channel();
        let result = {
            let mut known = self.known();
            let Some(mut node) = known.nodes.get(name).cloned() else { return Ok(None) };
            let (result, text) = change(&mut node);
            known.put(node.clone());
            let Some(text) = text else { return Ok(Some(result)) };
            known.last_event += 1;
            let event = Event {
                id: known.last_event,
                at: now(),
                node: node.name.clone(),
                state: node.state,
                text,
            };
            // Under the lock, so that they are kept and told in this order.
            let _ = self
                .orders
                .send(Order::Keep(Box::new(Change { node, event: Some(event.clone()) }), answer));
            let _ = self.news.send(event);
            result
        };
        match kept.await {
            Ok(kept) => kept.map(|()| Some(result)),
            Err(_) => Err(NotKept("nobody writes it any more".into())),
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
        let _ = self.orders.send(Order::Events { after, node, most, answer });
        read.await.unwrap_or_else(|_| Err(NotKept("nobody reads it any more".into())))
    }

    /// Why what happens is not kept now, if it is not.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<str>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn put(&mut self, node: NodeState) {
        let tokens = |node: &NodeState| {
            let both = [&node.files, &node.report];
            both.into_iter().flatten().map(|token| token.reveal().to_owned()).collect::<Vec<_>>()
        };
        for token in self.nodes.get(&node.name).map(tokens).unwrap_or_default() {
            self.tokens.remove(&token);
        }
        for token in tokens(&node) {
            self.tokens.insert(token, node.name.clone());
        }
        self.nodes.insert(node.name.clone(), node);
    }
}

/// The thread that writes.
struct Worker<S> {
    store: S,
    /// What could not be written yet: of each node the last, and every event.
    waiting: IndexMap<u64, Change>,
    trouble: Arc<Mutex<Option<Arc<str>>>>,
}

impl<S: Store> Worker<S> {
    fn work(mut self, orders: &mpsc::Receiver<Order>) {
        loop {
            let first = if self.waiting.is_empty() {
                orders.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
            } else {
                orders.recv_timeout(AGAIN)
            };
            let mut changes = Vec::new();
            let mut answers = Vec::new();
            match first {
                Ok(order) => self.take(order, &mut changes, &mut answers),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            while changes.len() < BATCH
                && let Ok(order) = orders.try_recv()
            {
                self.take(order, &mut changes, &mut answers);
            }
            if changes.is_empty() && self.waiting.is_empty() {
                continue;
            }
            let kept = self.keep(changes);
            for answer in answers {
                let _ = answer.send(kept.clone());
            }
        }
    }

    fn take(&self, order: Order, changes: &mut Vec<Change>, answers: &mut Vec<Answer<()>>) {
        match order {
            Order::Keep(change, answer) => {
                changes.push(*change);
                answers.push(answer);
            }
            Order::Events { after, node, most, answer } => {
                let read = self.store.events(after, node.as_deref(), most);
                let _ = answer.send(read.map_err(|error| NotKept(error.to_string().into())));
            }
        }
    }

    fn keep(&mut self, changes: Vec<Change>) -> Result<(), NotKept> {
        let id = |change: &Change| change.event.as_ref().map_or(0, |event| event.id);
        self.waiting.extend(changes.into_iter().map(|change| (id(&change), change)));
        let all: Vec<Change> = self.waiting.values().cloned().collect();
        let kept = self.store.keep(&all).map_err(|error| NotKept(error.to_string().into()));
        if kept.is_ok() {
            self.waiting.clear();
        }
        let trouble = kept.as_ref().err().map(|NotKept(why)| Arc::clone(why));
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        kept
    }
}
