//! The thread that has the database. It writes what has gathered as one transaction, and reads only when nothing is left to write:
//! nodes wait for what is written, and people for what is read.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{NotKept, Trouble};
use crate::state::{Change, Event, Store};

/// How many changes one transaction takes at most.
const BATCH: usize = 1000;
/// How often what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long it waits where there is nothing to do.
const IDLE: Duration = Duration::from_secs(3600);

/// What it is to do.
pub(super) enum Order {
    Keep(Box<Change>, Answer<()>),
    Read(Read),
}

/// Events that somebody asks for; see [`Store::events`].
pub(super) struct Read {
    pub(super) after: u64,
    pub(super) node: Option<String>,
    pub(super) most: usize,
    pub(super) answer: Answer<Vec<Event>>,
}

type Answer<T> = oneshot::Sender<Result<T, NotKept>>;

pub(super) struct Worker<S> {
    store: S,
    /// What could not be written yet.
    waiting: Vec<Change>,
    /// When that was tried last.
    tried: Option<Instant>,
    /// What was not read yet. What happened before it was asked for is written before.
    asked: VecDeque<Read>,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

impl<S: Store> Worker<S> {
    pub(super) fn new(store: S, trouble: Arc<Mutex<Option<Trouble>>>) -> Self {
        Self { store, waiting: Vec::new(), tried: None, asked: VecDeque::new(), trouble }
    }

    /// Works until nobody can give an order any more.
    pub(super) fn work(mut self, orders: &Receiver<Order>) {
        loop {
            let patience = match (self.asked.is_empty(), self.waiting.is_empty()) {
                (false, _) => Duration::ZERO,
                (true, false) => AGAIN,
                (true, true) => IDLE,
            };
            let mut answers = Vec::new();
            let mut next = match orders.recv_timeout(patience) {
                Ok(order) => Some(order),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            while let Some(order) = next {
                match order {
                    Order::Keep(change, answer) => {
                        self.waiting.push(*change);
                        answers.push(answer);
                    }
                    Order::Read(read) => self.asked.push_back(read),
                }
                next = if answers.len() < BATCH { orders.try_recv().ok() } else { None };
            }
            let kept = self.keep();
            for answer in answers {
                let _ = answer.send(kept.clone());
            }
            self.read_one();
        }
    }

    /// Reads for one who asks, and still listens; what has come meanwhile is written before the next one's turn.
    fn read_one(&mut self) {
        while let Some(Read { after, node, most, answer }) = self.asked.pop_front() {
            if !answer.is_closed() {
                let read = self.store.events(after, node.as_deref(), most);
                let _ = answer.send(read.map_err(|error| NotKept(error.to_string().into())));
                return;
            }
        }
    }

    /// Writes what waits; not more often than it may help.
    fn keep(&mut self) -> Result<(), NotKept> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trouble) = &mut *trouble
            && self.tried.is_some_and(|at| at.elapsed() < AGAIN)
        {
            trouble.nodes.extend(self.waiting.iter().map(|change| change.node.name.clone()));
            return Err(NotKept(Arc::clone(&trouble.why)));
        }
        drop(trouble);
        let kept = self.store.keep(&self.waiting);
        self.tried = Some(Instant::now());
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match kept {
            Ok(()) => {
                self.waiting.clear();
                *trouble = None;
                Ok(())
            }
            Err(error) => {
                let why: Arc<str> = error.to_string().into();
                let nodes = self.waiting.iter().map(|change| change.node.name.clone()).collect();
                *trouble = Some(Trouble { why: Arc::clone(&why), nodes });
                Err(NotKept(why))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Sender};
    use std::sync::{Arc, Mutex};

    use tokio::sync::oneshot;

    use super::{Order, Read, Worker};
    use crate::state::{Change, Event, NodeState, State, StateError, Store};

    /// Writes down what is asked of it. Each time it reads, a node tells something.
    struct Notes {
        done: Arc<Mutex<Vec<&'static str>>>,
        orders: Sender<Order>,
    }

    impl Store for Notes {
        fn nodes(&self) -> Result<Vec<NodeState>, StateError> {
            Ok(Vec::new())
        }

        fn keep(&mut self, _: &[Change]) -> Result<(), StateError> {
            self.done.lock().expect("whole").push("kept");
            Ok(())
        }

        fn events(&self, _: u64, _: Option<&str>, _: usize) -> Result<Vec<Event>, StateError> {
            self.done.lock().expect("whole").push("read");
            self.orders.send(told().0).expect("it works");
            Ok(Vec::new())
        }

        fn last_event(&self) -> Result<u64, StateError> {
            Ok(0)
        }
    }

    fn told() -> (Order, oneshot::Receiver<Result<(), super::NotKept>>) {
        let event =
            Event { id: 1, at: 1, node: "compute".into(), state: State::New, text: "x".into() };
        let change = Change { node: NodeState::new("compute", 1), event };
        let (answer, kept) = oneshot::channel();
        (Order::Keep(Box::new(change), answer), kept)
    }

    #[test]
    fn readers_hold_no_node_up_for_longer_than_one_of_them_takes() {
        let (orders, ordered) = mpsc::channel();
        let mut readers = Vec::new();
        for _ in 0..50 {
            let (answer, read) = oneshot::channel();
            let read_all = Read { after: 0, node: None, most: 1000, answer };
            orders.send(Order::Read(read_all)).expect("sent");
            readers.push(read);
        }
        let (order, kept) = told();
        orders.send(order).expect("sent");
        // This one has left.
        drop(readers.remove(10));
        let done = Arc::default();
        let store = Notes { done: Arc::clone(&done), orders };
        let worker = Worker::new(store, Arc::default());
        std::thread::spawn(move || worker.work(&ordered));
        kept.blocking_recv().expect("an answer").expect("kept");
        for read in readers {
            read.blocking_recv().expect("an answer").expect("read");
        }
        let done = done.lock().expect("whole");
        let turns = done.chunks_exact(2).all(|two| two == ["kept", "read"]);
        assert!(turns && done.len() / 2 == 49, "{done:?}");
    }
}
