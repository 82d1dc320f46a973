//! A program of the person's own that is called on each event.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::keeper::Keeper;
use super::{Server, complain};
use crate::state::Event;
use crate::tool::Run;

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How many events are read at once.
const PART: usize = 100;
/// How often is looked for events that nobody told of: those that could be kept only later.
const AGAIN: Duration = Duration::from_secs(5);

/// Calls it on each event from now on, one after the other and in their order; and first on those that a server before this one could not
/// tell any more. What a node says stands in its environment alone, where no shell reads it.
pub(super) fn begin(server: &Arc<Server>, program: PathBuf) {
    let known = server.keeper.last_event();
    // What happened before there was a program is no news; neither is it what another database had.
    let last = server.folder.last_told().filter(|told| *told <= known).unwrap_or(known);
    note(server, last);
    let news = server.keeper.listen();
    let server = Arc::clone(server);
    tokio::spawn(async move {
        let mut untold = Untold { keeper: &server.keeper, news, last, read: VecDeque::new() };
        while let Some(event) = untold.next().await {
            let (id, program) = (event.id, program.clone());
            let ended = tokio::task::spawn_blocking(move || call(&program, &event)).await;
            if let Ok(Err(error)) = ended {
                complain(&format!("event {id}: {error}"));
            }
            note(&server, id);
        }
    });
}

fn call(program: &Path, event: &Event) -> Result<(), crate::tool::ToolError> {
    Run::of(program)
        .limit(LIMIT)
        .env("TRAINYARD_NODE", &event.node)
        .env("TRAINYARD_STATE", event.state.name())
        .env("TRAINYARD_TEXT", &event.text)
        .env("TRAINYARD_EVENT", &serde_json::to_string(event).unwrap_or_default())
        .finish()
        .map(drop)
}

/// Where a server goes on that begins after this one.
fn note(server: &Server, last: u64) {
    if let Err(error) = server.folder.note_told(last) {
        complain(&format!("event {last} may be told once more: {error}"));
    }
}

/// All events after the last one. They are those that are kept; what comes meanwhile only says that there are more, so nobody can be too
/// slow.
struct Untold<'k> {
    keeper: &'k Keeper,
    news: Receiver<Event>,
    last: u64,
    read: VecDeque<Event>,
}

impl Untold<'_> {
    /// The next one, which is waited for.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.last = event.id;
                return Some(event);
            }
            match self.keeper.events(self.last, None, PART).await {
                Ok(events) if events.is_empty() => {
                    let woken = tokio::time::timeout(AGAIN, self.news.recv()).await;
                    if matches!(woken, Ok(Err(RecvError::Closed))) {
                        return None;
                    }
                }
                Ok(events) => self.read = events.into(),
                Err(error) => {
                    complain(&error.to_string());
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::{Keeper, Untold};
    use crate::state::{Sqlite, Token};

    #[tokio::test]
    async fn who_is_slow_misses_nothing() {
        const EVENTS: u64 = 5000;
        let folder = tempfile::tempdir().expect("a folder");
        let store = Sqlite::open(&folder.path().join("state")).expect("opened");
        let keeper = Arc::new(Keeper::begin(store, ["compute"].into_iter()).expect("begun"));
        let news = keeper.listen();
        let mut all = JoinSet::new();
        for at in 0..EVENTS {
            let keeper = Arc::clone(&keeper);
            let token = || Token::random().expect("random");
            let (files, report) = (token(), token());
            all.spawn(async move {
                let armed = keeper.change("compute", |node| {
                    node.arm(files, report, at);
                    ((), Some("armed".to_owned()))
                });
                armed.await.expect("kept");
            });
        }
        all.join_all().await;
        let mut untold = Untold { keeper: &keeper, news, last: 0, read: VecDeque::new() };
        for id in 1..=EVENTS {
            assert_eq!(untold.next().await.map(|event| event.id), Some(id));
        }
    }
}
