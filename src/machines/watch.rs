//! What becomes of machines, as it is seen from outside: whether they run, and what they say.

use serde_json::json;

use super::console::{Console, log_of};
use super::{Power, Seen, Wanted};

/// Looks at machines again and again, and tells what is new.
pub struct Watch(Vec<Watched>);

struct Watched {
    node: String,
    power: Power,
    console: Console,
}

impl Watch {
    /// Of these nodes' machines, as they are before anything is done to them: what is missing then is new, with all that it says.
    #[must_use]
    pub fn begin(wanted: &Wanted, seen: &Seen, nodes: &[&str]) -> Self {
        let of = |node: &&str| {
            let (power, log) = (seen.power(node), log_of(wanted.machine(node)?));
            let is_new = matches!(power, Power::Missing | Power::Partial);
            let console = if is_new { Console::new(log) } else { Console::from_now(log) };
            Some(Watched { node: (*node).to_owned(), power, console })
        };
        Self(nodes.iter().filter_map(of).collect())
    }

    /// What is new of each, in words: of how it is, where that was looked at, and of what it says.
    pub fn news(&mut self, seen: Option<&Seen>) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for it in &mut self.0 {
            let said = it.console.news();
            all.extend(said.into_iter().map(|text| (it.node.clone(), text)));
            let Some(power) = seen.map(|seen| seen.power(&it.node)) else { continue };
            if std::mem::replace(&mut it.power, power) != power {
                let power = json!(power);
                let mut text = format!("its machine is {}", power.as_str().unwrap_or_default());
                let last = it.console.last();
                if power != "running" && !last.is_empty() {
                    text = format!("{text}; the last of its console: {last}");
                }
                all.push((it.node.clone(), text));
            }
        }
        all
    }

    /// The last that one has said.
    #[must_use]
    pub fn last(&self, node: &str) -> Option<&str> {
        let last = self.0.iter().find(|it| it.node == node)?.console.last();
        Some(last).filter(|last| !last.is_empty())
    }
}
