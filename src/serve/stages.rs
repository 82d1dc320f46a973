//! What a node says of its first boot: how far its stages are, and what their verification found.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::Server;
use super::keeper::{Opens, now};
use super::machine::{answered, gone, words};
use crate::state::{NodeState, Told};

/// How many stages a node may tell of.
const MOST_STAGES: usize = 200;
/// And how many checks that failed; a node tells of no more.
const MOST_FAILED: usize = 100;

/// What `trainyard-node status --format json` says on the node.
pub(super) async fn told(
    State(server): State<Arc<Server>>,
    Path(token): Path<String>,
    Json(said): Json<Value>,
) -> Response {
    let Some(name) = server.keeper.opened(&token, Opens::Reports) else { return gone() };
    // A detail may be the last that a script said.
    let said = server.logs.without_secrets(said.to_string());
    let said = serde_json::from_str(&said).unwrap_or_default();
    let said = match Stages::of(&said) {
        Ok(said) => said,
        Err(wrong) => return (StatusCode::BAD_REQUEST, wrong).into_response(),
    };
    let kept = server.keeper.change(&name, |node| {
        // It has booted from its disk, so it is installed, whatever became of the last word of its installer.
        let installed = node.tells(Told::Installed, now());
        let news = said.new_since(node.stages.as_ref());
        node.stages = Some(said.kept());
        let text = installed.then(|| "installed".to_owned()).into_iter().chain(news);
        let text = words(&text.collect::<Vec<_>>().join("; "));
        ((), Some(text).filter(|text| !text.is_empty()))
    });
    answered(kept.await)
}

/// What a node says of its stages, as far as it is shown.
struct Stages {
    stages: Vec<Value>,
    verified: Option<Verified>,
}

impl Stages {
    fn of(said: &Value) -> Result<Self, &'static str> {
        let stage = |it: &Value| json!({ "name": word(&it["name"]), "state": word(&it["state"]), "detail": word(&it["detail"]) });
        let stages = said["stages"].as_array().ok_or("stages: a list\n")?;
        let stages: Vec<_> = stages.iter().take(MOST_STAGES).map(stage).collect();
        let verified = Verified::of(&said["verified"])?;
        // What is not done cannot have been verified.
        let whole = !stages.is_empty() && stages.iter().all(|stage| stage["state"] == "done");
        Ok(Self { stages, verified: verified.filter(|_| whole) })
    }

    fn kept(&self) -> Value {
        json!({ "stages": self.stages, "verified": self.verified })
    }

    /// What is new since it said something last, and what was found before what it was found of.
    fn new_since(&self, before: Option<&Value>) -> Vec<String> {
        let state = |it: &Value| (it["name"].clone(), it["state"].clone());
        let stages = before.and_then(|it| it["stages"].as_array());
        let known: Vec<_> = stages.into_iter().flatten().map(state).collect();
        let verified = before.and_then(|it| Verified::of(&it["verified"]).ok().flatten());
        let found = self.verified.as_ref().filter(|it| verified.is_none_or(|was| it.differs(&was)));
        // That something has yet to come is no news.
        let new = self
            .stages
            .iter()
            .filter(|stage| stage["state"] != "pending" && !known.contains(&state(stage)));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let new = new.map(|stage| format!("{}: {}", text(&stage["name"]), text(&stage["state"])));
        found.map(Verified::words).into_iter().chain(new).collect()
    }
}

/// What the last verification of a whole node found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Verified {
    /// Whether every check was content.
    ok: bool,
    /// When, by the node's clock.
    at: String,
    /// How many checks were content.
    passed: u32,
    /// Those that were not: `STAGE: CHECK`.
    failed: Vec<String>,
    /// Whether the node makes them again by itself.
    again: bool,
}

impl Verified {
    /// Nothing where nothing is known.
    fn of(said: &Value) -> Result<Option<Self>, &'static str> {
        const FORM: &str =
            "verified: null, or an object with `ok`, `at`, `passed`, `failed`, `again`\n";
        if said.is_null() {
            return Ok(None);
        }
        let passed = said["passed"].as_u64().and_then(|count| u32::try_from(count).ok());
        let (Some(ok), Some(passed), Some(failed)) =
            (said["ok"].as_bool(), passed, said["failed"].as_array())
        else {
            return Err(FORM);
        };
        let failed: Vec<_> = failed.iter().take(MOST_FAILED).map(word).collect();
        Ok(Some(Self {
            ok: ok && failed.is_empty(),
            at: word(&said["at"]),
            passed,
            failed,
            again: said["again"] == true,
        }))
    }

    /// What is kept of a node.
    pub(super) fn of_node(node: &NodeState) -> Option<Self> {
        Self::of(&node.stages.as_ref()?["verified"]).ok().flatten()
    }

    pub(super) fn is_ok(&self) -> bool {
        self.ok
    }

    /// When, and how many, is no news.
    fn differs(&self, other: &Self) -> bool {
        (self.ok, self.again, &self.failed) != (other.ok, other.again, &other.failed)
    }

    /// In words, as everyone shows it.
    pub(super) fn words(&self) -> String {
        if self.ok {
            return format!("verified by {} checks", self.passed);
        }
        let (count, how) = (self.failed.len(), if self.again { "fail so far" } else { "failed" });
        let all = u64::from(self.passed) + count as u64;
        format!("not verified: {count} of {all} checks {how}: {}", self.failed.join(", "))
    }
}

fn word(value: &Value) -> String {
    words(value.as_str().unwrap_or_default())
}
