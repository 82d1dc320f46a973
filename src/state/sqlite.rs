//! States and events in SQLite: an embedded database that a kill at any moment does not hurt.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{Change, Event, NodeState, State, StateError, Store, Token};

/// The version of the tables below.
const VERSION: i64 = 2;

const TABLES: &str = "
CREATE TABLE node (
    name TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    seen INTEGER,
    step TEXT NOT NULL,
    reason TEXT,
    attempts INTEGER NOT NULL,
    booted INTEGER NOT NULL,
    files TEXT,
    report TEXT,
    stages TEXT,
    fetched_from TEXT
) STRICT;
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    node TEXT NOT NULL,
    state TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX event_of_node ON event (node, id);
PRAGMA user_version = 2;
";

/// What makes tables of the first version those of this one.
const SINCE_FIRST: &str = "ALTER TABLE node ADD COLUMN fetched_from TEXT; PRAGMA user_version = 2;";

const EVENTS: &str =
    "SELECT id, at, node, state, text FROM event WHERE id > ?1 ORDER BY id LIMIT ?2";
/// By its index: those of other nodes are not looked at.
const EVENTS_OF_NODE: &str =
    "SELECT id, at, node, state, text FROM event WHERE node = ?3 AND id > ?1 ORDER BY id LIMIT ?2";

/// How many events are kept; the oldest go first.
const MOST_EVENTS: u64 = 100_000;

/// A database in a file.
#[derive(Debug)]
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
}

impl Sqlite {
    /// Opens one, or makes it; nobody else may read it, for it holds what opens kickstarts.
    ///
    /// # Errors
    /// It cannot be used, is damaged, or of a later version of this program.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        make_private(path).map_err(|source| StateError::Io { path: path.to_owned(), source })?;
        let connection = Connection::open(path).map_err(failed(path))?;
        let opened = Self { connection, path: path.to_owned() };
        opened.prepare()?;
        Ok(opened)
    }

    fn prepare(&self) -> Result<(), StateError> {
        let prepare = || -> Result<i64, rusqlite::Error> {
            // Another server has what it knows in memory, and would write over what this one does.
            self.connection.busy_timeout(std::time::Duration::from_millis(500))?;
            self.connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            // A write ahead log, and every transaction on the disk before it counts.
            self.connection.pragma_update(None, "journal_mode", "WAL")?;
            self.connection.pragma_update(None, "synchronous", "FULL")?;
            self.connection.pragma_query_value(None, "user_version", |row| row.get(0))
        };
        match prepare().map_err(failed(&self.path))? {
            0 => self.run(TABLES)?,
            known @ 1..=VERSION => {
                let said: String = self
                    .connection
                    .pragma_query_value(None, "quick_check", |row| row.get(0))
                    .map_err(failed(&self.path))?;
                match known {
                    _ if said != "ok" => return Err(damaged(&self.path, said)),
                    1 => self.run(SINCE_FIRST)?,
                    _ => {}
                }
            }
            found => {
                return Err(StateError::Later { path: self.path.clone(), found, known: VERSION });
            }
        }
        settle(&self.connection).map_err(failed(&self.path))
    }

    /// All of it, or nothing.
    fn run(&self, statements: &str) -> Result<(), StateError> {
        self.connection
            .execute_batch(&format!("BEGIN; {statements} COMMIT;"))
            .map_err(failed(&self.path))
    }

    fn failed(&self) -> impl FnOnce(rusqlite::Error) -> StateError {
        failed(&self.path)
    }
}

impl Store for Sqlite {
    fn nodes(&self) -> Result<Vec<NodeState>, StateError> {
        let read = || -> Result<Vec<NodeState>, rusqlite::Error> {
            let mut all = self.connection.prepare(
                "SELECT name, state, since, seen, step, reason, attempts, booted, files, report, stages, fetched_from FROM node ORDER BY name",
            )?;
            all.query_map([], node)?.collect()
        };
        read().map_err(self.failed())
    }

    fn keep(&mut self, changes: &[Change]) -> Result<(), StateError> {
        let path = self.path.clone();
        let mut keep = || -> Result<(), rusqlite::Error> {
            let all = self.connection.transaction()?;
            for change in changes {
                keep_one(&all, change)?;
            }
            all.commit()?;
            let ends = |it: &Change| matches!(it.node.state, State::Installed | State::Failed);
            if changes.iter().any(ends) { settle(&self.connection) } else { Ok(()) }
        };
        keep().map_err(failed(&path))
    }

    fn events(
        &self,
        after: u64,
        node: Option<&str>,
        most: usize,
    ) -> Result<Vec<Event>, StateError> {
        let read = || -> Result<Vec<Event>, rusqlite::Error> {
            let (after, most) = (number(after), number(most as u64));
            let mut all = self.connection.prepare_cached(if node.is_some() {
                EVENTS_OF_NODE
            } else {
                EVENTS
            })?;
            match node {
                Some(node) => all.query_map(params![after, most, node], event)?.collect(),
                None => all.query_map(params![after, most], event)?.collect(),
            }
        };
        read().map_err(self.failed())
    }

    fn last_event(&self) -> Result<u64, StateError> {
        let last = self
            .connection
            .query_row("SELECT max(id) FROM event", [], |row| row.get::<_, Option<i64>>(0));
        let last = last.optional().map_err(self.failed())?.flatten();
        Ok(last.and_then(|id| u64::try_from(id).ok()).unwrap_or(0))
    }
}

/// Moves what was kept from the log into the database itself. Of a log that somebody cut, SQLite takes what is whole and says nothing of
/// the rest: a node that was installed would be armed again.
fn settle(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn keep_one(all: &Transaction, Change { node, event }: &Change) -> Result<(), rusqlite::Error> {
    all.prepare_cached(
        "INSERT OR REPLACE INTO node (name, state, since, seen, step, reason, attempts, booted, files, report, stages, fetched_from)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        node.name,
        node.state.name(),
        number(node.since),
        node.seen.map(number),
        node.step,
        node.reason,
        node.attempts,
        node.booted,
        node.files.as_ref().map(Token::reveal),
        node.report.as_ref().map(Token::reveal),
        node.stages.as_ref().map(ToString::to_string),
        node.fetched_from.map(|address| address.to_string()),
    ])?;
    all.prepare_cached(
        "INSERT OR REPLACE INTO event (id, at, node, state, text) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        number(event.id),
        number(event.at),
        event.node,
        event.state.name(),
        event.text
    ])?;
    if event.id.is_multiple_of(1000) {
        all.execute(
            "DELETE FROM event WHERE id <= ?1",
            [number(event.id.saturating_sub(MOST_EVENTS))],
        )?;
    }
    Ok(())
}

fn node(row: &Row) -> Result<NodeState, rusqlite::Error> {
    let token = |text: Option<String>| text.and_then(|text| Token::parse(&text));
    let stages: Option<String> = row.get(10)?;
    let fetched_from: Option<String> = row.get(11)?;
    Ok(NodeState {
        name: row.get(0)?,
        state: state(row, 1)?,
        since: time(row, 2)?.unwrap_or(0),
        seen: time(row, 3)?,
        step: row.get(4)?,
        reason: row.get(5)?,
        attempts: row.get(6)?,
        booted: row.get(7)?,
        files: token(row.get(8)?),
        report: token(row.get(9)?),
        stages: stages.and_then(|text| serde_json::from_str(&text).ok()),
        fetched_from: fetched_from.and_then(|text| text.parse().ok()),
    })
}

fn event(row: &Row) -> Result<Event, rusqlite::Error> {
    Ok(Event {
        id: time(row, 0)?.unwrap_or(0),
        at: time(row, 1)?.unwrap_or(0),
        node: row.get(2)?,
        state: state(row, 3)?,
        text: row.get(4)?,
    })
}

fn state(row: &Row, column: usize) -> Result<State, rusqlite::Error> {
    let name: String = row.get(column)?;
    State::of(&name).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            format!("`{name}` is no state").into(),
        )
    })
}

fn time(row: &Row, column: usize) -> Result<Option<u64>, rusqlite::Error> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|it| u64::try_from(it).unwrap_or(0)))
}

/// SQLite's numbers have a sign.
fn number(it: u64) -> i64 {
    i64::try_from(it).unwrap_or(i64::MAX)
}

fn failed(path: &Path) -> impl FnOnce(rusqlite::Error) -> StateError {
    let path = path.to_owned();
    move |source| {
        use rusqlite::ErrorCode::{
            CannotOpen, DatabaseBusy, DatabaseCorrupt, DiskFull, NotADatabase, PermissionDenied,
            ReadOnly,
        };
        let help = match source.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => DAMAGED,
            Some(DiskFull) => "make room on the disk",
            Some(ReadOnly | CannotOpen | PermissionDenied) => WRITABLE,
            Some(DatabaseBusy) => "another server of this lab seems to be running",
            // What a disk says that fails, or was made read-only.
            _ => "look at its disk: the system's log (`dmesg`) may say more",
        };
        StateError::Database { path, source, help }
    }
}

/// What to do where the system lets nobody write.
pub(super) const WRITABLE: &str = "let this user write it, and the folder that it is in";
const DAMAGED: &str = "it is damaged; move it and the files beside it that begin with its name away, and say anew which nodes are to be installed";

fn damaged(path: &Path, said: String) -> StateError {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    let source = rusqlite::Error::SqliteFailure(code, Some(said));
    StateError::Database { path: path.to_owned(), source, help: DAMAGED }
}

/// SQLite gives its other files the mode of this one.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests;
