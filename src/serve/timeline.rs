//! What is noted of nodes beside what they tell themselves, in the same list: what became of their machines, and what was done to them.
//! By the server that has the list; where none runs, in what it has kept.

use std::io;
use std::sync::Arc;

use super::folder::{FileKind, Folder};
use super::keeper::{Keeper, now};
use super::machine::words;
use crate::state::{Change, Event, NodeState, Sqlite, StateError, Store};

/// Where it is noted.
pub struct Timeline(By);

enum By {
    Server(Arc<Keeper>),
    /// Opened for each thing alone: whoever has it keeps all others from it.
    Kept(Folder),
}

impl Timeline {
    /// The list of a server in this program.
    pub(super) fn of(keeper: &Arc<Keeper>) -> Self {
        Self(By::Server(Arc::clone(keeper)))
    }

    /// The list that a server has kept; nothing where none has ever served from there.
    ///
    /// # Errors
    /// It cannot be opened, as while a server has it.
    pub fn kept(folder: &Folder) -> Result<Option<Self>, StateError> {
        let database = folder.database();
        if !database.exists() {
            return Ok(None);
        }
        Sqlite::open(&database)?;
        Ok(Some(Self(By::Kept(folder.clone()))))
    }

    /// Notes what has happened to a node. (What cannot be kept, its list has a gap of; nothing else depends on it.)
    pub fn note(&self, node: &str, text: &str) {
        match &self.0 {
            By::Server(keeper) => keeper.note(node, words(text)),
            By::Kept(folder) => note(folder, node, text, |_| ()),
        }
    }

    /// The same, of a machine that is about to start, or has other disks: what its node has told of its stages counts no more.
    pub fn starts(&self, node: &str, text: &str) {
        match &self.0 {
            By::Server(keeper) => keeper.starts(node, words(text)),
            By::Kept(folder) => note(folder, node, text, NodeState::starts),
        }
    }

    /// Removes what was kept to install a node whose machine goes, which was to report to `report`, and takes it for new. Where it was
    /// armed by a server at another address, it is that one's, and stays. A server that runs removes its own.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget(&self, node: &str, report: &str) -> Result<(), StateError> {
        let By::Kept(folder) = &self.0 else { return Ok(()) };
        let mut store = Sqlite::open(&folder.database())?;
        let known = known(&store, node)?;
        if let Some(files) = &known.files {
            let is_own = match folder.get(files, FileKind::Kickstart) {
                Ok(text) => memchr::memmem::find(&text, report.as_bytes()).is_some(),
                // Somebody died who was about to note it.
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            };
            if !is_own {
                return Ok(());
            }
            folder
                .forget(files)
                .map_err(|source| StateError::Io { path: folder.path().join("files"), source })?;
        }
        keep(&mut store, NodeState::new(node, now()), "its machine is taken away".to_owned())
    }
}

fn note(folder: &Folder, node: &str, text: &str, change: impl FnOnce(&mut NodeState)) {
    let kept = Sqlite::open(&folder.database()).and_then(|mut store| {
        let mut node = known(&store, node)?;
        change(&mut node);
        keep(&mut store, node, words(text))
    });
    drop(kept);
}

fn known(store: &impl Store, name: &str) -> Result<NodeState, StateError> {
    let found = store.nodes()?.into_iter().find(|node| node.name == name);
    Ok(found.unwrap_or_else(|| NodeState::new(name, now())))
}

fn keep(store: &mut impl Store, node: NodeState, text: String) -> Result<(), StateError> {
    let id = store.last_event()? + 1;
    let event = Event { id, at: now(), node: node.name.clone(), state: node.state, text };
    store.keep(&[Change { node, event }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{State, Token};

    #[test]
    fn what_was_kept_for_a_machine_goes_with_it_and_what_is_anothers_stays() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("state");
        assert!(Timeline::kept(&Folder::at(&path)).expect("asked").is_none());
        let folder = Folder::open(&path).expect("made");
        let mut store = Sqlite::open(&folder.database()).expect("made");
        let token = || Token::random().expect("random");
        let mut armed = |name: &str, report: &str| {
            let files = token();
            folder.put(&files, FileKind::Kickstart, format!("to {report}/r/x\n")).expect("put");
            folder.put(&files, FileKind::UserData, "secret").expect("put");
            let mut node = NodeState::new(name, 1);
            node.arm(files.clone(), token(), 2);
            keep(&mut store, node, "armed".to_owned()).expect("kept");
            files
        };
        let (own, other) = (armed("own", "http://10.0.0.1:2200"), armed("other", "http://x:80"));
        drop(store);
        let timeline = Timeline::kept(&folder).expect("opened").expect("there");
        for name in ["own", "other", "none"] {
            timeline.forget(name, "http://10.0.0.1:2200/r/").expect("done");
        }
        timeline.note("other", "its machine is \nrunning");
        drop(timeline);
        let there = |token: &Token| {
            [FileKind::Kickstart, FileKind::UserData].map(|kind| folder.get(token, kind).is_ok())
        };
        assert_eq!((there(&own), there(&other)), ([false; 2], [true; 2]));
        let store = Sqlite::open(&folder.database()).expect("there");
        assert_eq!(known(&store, "own").expect("read").state, State::New);
        let kept = known(&store, "other").expect("read");
        assert_eq!((kept.state, kept.files), (State::Armed, Some(other)));
        let events = store.events(2, None, 10).expect("read");
        let texts: Vec<_> = events.iter().map(|it| (it.node.as_str(), it.text.as_str())).collect();
        assert_eq!(
            texts,
            [
                ("own", "its machine is taken away"),
                ("none", "its machine is taken away"),
                ("other", "its machine is  running"),
            ]
        );
    }
}
