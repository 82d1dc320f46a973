//! A program of the person's own that is called on each event.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::complain;
use crate::state::Event;
use crate::tool::Run;

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Calls it on each event, one after the other and in their order, for ever. What a node says stands in its environment alone, where no shell
/// reads it.
pub async fn call(program: PathBuf, mut news: Receiver<Event>) {
    loop {
        let event = match news.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(count)) => {
                complain(&format!(
                    "{count} events came too fast for {}, which is not called on them",
                    program.display()
                ));
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        let (id, program) = (event.id, program.clone());
        let ended = tokio::task::spawn_blocking(move || {
            Run::of(&program)
                .limit(LIMIT)
                .env("TRAINYARD_NODE", &event.node)
                .env("TRAINYARD_STATE", event.state.name())
                .env("TRAINYARD_TEXT", &event.text)
                .env("TRAINYARD_EVENT", &serde_json::to_string(&event).unwrap_or_default())
                .finish()
        });
        let ended = ended.await;
        if let Ok(Err(error)) = ended {
            complain(&format!("event {id}: {error}"));
        }
    }
}
