use std::fs;
use std::path::PathBuf;

use super::{Sqlite, StateError, Store as _};
use crate::state::{Change, Event, NodeState, State, Token};

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.sqlite");
    (folder, path)
}

fn change(name: &str, id: u64) -> Change {
    let mut node = NodeState::new(name, id);
    node.arm(Token::random().expect("random"), Token::random().expect("random"), id);
    node.asks_from("10.0.0.99".parse().expect("an address"));
    node.stages = Some(serde_json::json!({"stages": [{"name": "database", "state": "done"}]}));
    let event = Event { id, at: id, node: name.into(), state: State::Armed, text: "armed".into() };
    Change { node, event }
}

#[test]
fn what_was_kept_is_there_again() {
    let (_folder, path) = place();
    let kept = [change("compute", 1), change("controller", 2)];
    Sqlite::open(&path).expect("opened").keep(&kept).expect("kept");
    let again = Sqlite::open(&path).expect("opened");
    assert_eq!(again.nodes().expect("read"), kept.clone().map(|change| change.node));
    let events = kept.map(|change| change.event);
    assert_eq!(again.events(0, None, 10).expect("read"), events);
    assert_eq!(again.events(1, None, 10).expect("read"), events[1..]);
    assert_eq!(again.events(0, Some("compute"), 10).expect("read"), events[..1]);
    assert_eq!(again.events(0, None, 1).expect("read"), events[..1]);
    assert_eq!(again.last_event().expect("read"), 2);
}

#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, path) = place();
    let mut store = Sqlite::open(&path).expect("opened");
    store.keep(&[change("compute", 1)]).expect("kept");
    let entries = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("one"));
    let modes: Vec<_> = entries
        .map(|entry| {
            (entry.file_name(), entry.metadata().expect("known").permissions().mode() & 0o777)
        })
        .collect();
    assert_eq!(modes.len(), 2, "the database and its log: {modes:?}");
    assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
}

#[test]
fn one_that_was_cut_off_anywhere_is_refused_or_whole() {
    let (folder, path) = place();
    let mut store = Sqlite::open(&path).expect("opened");
    let kept: Vec<_> = (1..200).map(|id| change(&format!("node-{id}"), id)).collect();
    store.keep(&kept).expect("kept");
    drop(store);
    let whole = fs::read(&path).expect("read");
    let mut refused = 0;
    for length in (0..whole.len()).step_by(whole.len() / 60) {
        let cut = folder.path().join(format!("cut-{length}"));
        fs::write(&cut, &whole[..length]).expect("written");
        match Sqlite::open(&cut).and_then(|store| store.nodes()) {
            // Nothing of it is left: a new one.
            Ok(nodes) => assert!(nodes.is_empty() && length == 0, "{length}: {}", nodes.len()),
            Err(StateError::Database { help, .. }) => {
                refused += 1;
                assert!(help.contains("damaged"), "{length}: {help}");
            }
            Err(other) => panic!("{length}: {other}"),
        }
    }
    assert!(refused > 50, "{refused}");
}

/// A kill leaves the log beside the database. However much of it is lost then, no node that has ended is installed once more.
#[test]
fn one_whose_log_was_cut_installs_nothing_twice() {
    let (folder, path) = place();
    let mut store = Sqlite::open(&path).expect("opened");
    let kept: Vec<_> = (1..200).map(|id| change(&format!("node-{id}"), id)).collect();
    store.keep(&kept).expect("kept");
    for (state, id) in [(State::Installed, 200), (State::Failed, 201)] {
        let mut ended = change(state.name(), id);
        store.keep(&[ended.clone()]).expect("armed");
        ended.node.state = state;
        store.keep(&[ended]).expect("ended");
    }
    // What is written afterwards begins the log anew.
    store.keep(&kept).expect("kept");
    let database = fs::read(&path).expect("read");
    let log = fs::read(folder.path().join("state.sqlite-wal")).expect("a log");
    assert!(log.len() > 10_000, "{}", log.len());
    for tenths in 0..=10 {
        let cut = folder.path().join(format!("cut-{tenths}"));
        fs::write(&cut, &database).expect("written");
        let part = &log[..log.len() * tenths / 10];
        fs::write(cut.with_file_name(format!("cut-{tenths}-wal")), part).expect("written");
        let nodes = Sqlite::open(&cut).and_then(|store| store.nodes()).expect("read");
        for state in [State::Installed, State::Failed] {
            let node = nodes.iter().find(|node| node.name == state.name());
            assert_eq!(node.map(|node| node.state), Some(state), "{tenths} tenths");
        }
    }
}

#[test]
fn what_cannot_be_used_is_told_with_what_to_do() {
    let (folder, path) = place();
    fs::write(&path, "this is no database, however long it may be".repeat(40)).expect("written");
    let error = Sqlite::open(&path).expect_err("no database").to_string();
    assert!(error.contains("state.sqlite") && error.contains("it is damaged"), "{error}");

    let path = folder.path().join("later");
    Sqlite::open(&path)
        .expect("opened")
        .connection
        .pragma_update(None, "user_version", 9)
        .expect("set");
    let error = Sqlite::open(&path).expect_err("later").to_string();
    assert!(error.contains("of a later trainyard (version 9"), "{error}");

    let error = Sqlite::open(&folder.path().join("none/state")).expect_err("no folder").to_string();
    assert!(error.contains("none/state"), "{error}");
}

#[test]
fn what_the_first_version_kept_is_taken_up() {
    let (_folder, path) = place();
    let kept = change("compute", 1);
    let mut store = Sqlite::open(&path).expect("opened");
    store.keep(std::slice::from_ref(&kept)).expect("kept");
    let first = "ALTER TABLE node DROP COLUMN fetched_from; PRAGMA user_version = 1;";
    store.connection.execute_batch(first).expect("as it was");
    drop(store);
    let mut store = Sqlite::open(&path).expect("opened");
    let known = NodeState { fetched_from: None, ..kept.node.clone() };
    assert_eq!(store.nodes().expect("read"), [known]);
    store.keep(std::slice::from_ref(&kept)).expect("kept");
    assert_eq!(store.nodes().expect("read"), [kept.node]);
}

#[test]
fn nobody_looks_at_every_event_to_find_some() {
    let (_folder, path) = place();
    let store = Sqlite::open(&path).expect("opened");
    for (query, wanted) in [
        (super::EVENTS, "SEARCH event USING INTEGER PRIMARY KEY (rowid>?)"),
        (super::EVENTS_OF_NODE, "SEARCH event USING INDEX event_of_node (node=? AND id>?)"),
    ] {
        let query = format!("EXPLAIN QUERY PLAN {query}");
        let mut plan = store.connection.prepare(&query).expect("a query");
        let mut steps = plan.raw_query();
        let step = steps.next().expect("read").expect("a step");
        assert_eq!(step.get::<_, String>(3).expect("text"), wanted);
    }
}

#[test]
fn old_events_make_room() {
    let (_folder, path) = place();
    let mut store = Sqlite::open(&path).expect("opened");
    store.keep(&[change("compute", 1), change("compute", 5000)]).expect("kept");
    assert_eq!(store.events(0, None, 10).expect("read").len(), 2);
    store.keep(&[change("compute", super::MOST_EVENTS + 1000)]).expect("kept");
    let left: Vec<_> =
        store.events(0, None, 10).expect("read").iter().map(|event| event.id).collect();
    assert_eq!(left, [5000, super::MOST_EVENTS + 1000]);
}

#[test]
fn one_server_has_it_alone() {
    let (_folder, path) = place();
    let mut first = Sqlite::open(&path).expect("opened");
    first.keep(&[change("compute", 1)]).expect("kept");
    let error = Sqlite::open(&path).expect_err("it is taken").to_string();
    assert!(error.contains("another server of this lab seems to be running"), "{error}");
    drop(first);
    assert_eq!(Sqlite::open(&path).expect("opened").nodes().expect("read").len(), 1);
}
