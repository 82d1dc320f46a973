//! `lab diff`: what the lab file says now, and what a machine was made from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{At, Known};
use crate::cli::ui::Ui;
use crate::machines::folder_of;
use crate::plan::NodePlan;

/// What a machine was made from, in its folder: the node's plan, in which no secret is.
pub(super) const MADE_FROM: &str = "plan.json";
/// A longer value is only said to differ.
const LONGEST: usize = 60;
/// What says nothing of the node: where a value was written.
const WHERE: &str = "settled";
/// What entries of lists are told apart by, in this order.
const NAMES: [&str; 4] = ["name", "path", "id", "account"];

/// Notes what a machine is made from.
pub(super) fn note(node: &NodePlan, folder: &Path) -> Result<()> {
    let path = folder.join(MADE_FROM);
    fs::write(&path, serde_json::to_vec(node)?).with_context(|| format!("`{}`", path.display()))
}

pub(super) fn diff(at: &At, names: &[String], ui: &Ui) -> Result<()> {
    let changed = changed(at, names)?;
    let text = || {
        if changed.is_empty() {
            return "no node has changed since its machine was made\n".to_owned();
        }
        changed
            .iter()
            .flat_map(|(node, all)| all.iter().map(move |one| format!("{node}: {one}\n")))
            .collect()
    };
    let nodes: Vec<Value> =
        changed.iter().map(|(node, all)| json!({ "node": node, "changes": all })).collect();
    ui.result(text, &json!({ "schema": 1, "nodes": nodes }))?;
    if !changed.is_empty() {
        ui.note("next: `trainyard lab rebuild --changed` makes these anew; a node's apply.sh (`trainyard render`) changes it as it is");
    }
    Ok(())
}

/// The nodes whose machines were made from something else, and how it differs.
pub(super) fn changed(at: &At, names: &[String]) -> Result<Vec<(String, Vec<String>)>> {
    let known = Known::open(at.state)?;
    let wanted = known.wanted();
    let seen = known.provider.look(wanted)?;
    let mut all = Vec::new();
    for node in at.nodes(names)? {
        if !seen.machines.contains_key(node) {
            continue;
        }
        let plan =
            at.good.plan.nodes.iter().find(|it| it.name == node).context("a node has a plan")?;
        let path: PathBuf = folder_of(&wanted.folder, node).join(MADE_FROM);
        let was = match fs::read(&path) {
            Ok(was) => was,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                all.push((node.to_owned(), vec!["nobody noted what it was made from".to_owned()]));
                continue;
            }
            Err(error) => return Err(error).with_context(|| format!("`{}`", path.display())),
        };
        let was: Value =
            serde_json::from_slice(&was).with_context(|| format!("`{}`", path.display()))?;
        let mut changes = Vec::new();
        compare("", &was, &json!(plan), &mut changes);
        if !changes.is_empty() {
            all.push((node.to_owned(), changes));
        }
    }
    Ok(all)
}

fn compare(at: &str, was: &Value, is: &Value, changes: &mut Vec<String>) {
    let below = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match (was, is) {
        _ if was == is => {}
        (Value::Object(was), Value::Object(is)) => {
            let more = is.keys().filter(|key| !was.contains_key(*key));
            for key in was.keys().chain(more).filter(|key| *key != WHERE) {
                let nothing = &Value::Null;
                let (was, is) = (was.get(key).unwrap_or(nothing), is.get(key).unwrap_or(nothing));
                compare(&below(key), was, is, changes);
            }
        }
        (Value::Array(was), Value::Array(is))
            if was.iter().chain(is).all(|one| name(one).is_some()) =>
        {
            let find = |all: &[Value], wanted: Option<&str>| {
                all.iter().find(|one| name(one) == wanted).cloned()
            };
            for one in was {
                let now = find(is, name(one)).unwrap_or(Value::Null);
                compare(&below(name(one).unwrap_or_default()), one, &now, changes);
            }
            for one in is.iter().filter(|one| find(was, name(one)).is_none()) {
                changes.push(format!("{} is new", below(name(one).unwrap_or_default())));
            }
            let order = |all: &[Value]| -> Vec<Option<String>> {
                all.iter().map(|one| name(one).map(str::to_owned)).collect()
            };
            let same = |mut all: Vec<Option<String>>| {
                all.sort();
                all
            };
            if order(was) != order(is) && same(order(was)) == same(order(is)) {
                changes.push(format!("{at} has another order"));
            }
        }
        (Value::Object(_), Value::Null) => changes.push(format!("{at} is gone")),
        _ => changes.push(match (shown(was), shown(is)) {
            (Some(was), Some(is)) => format!("{at}: {was} -> {is}"),
            _ => format!("{at} differs"),
        }),
    }
}

/// What an entry of a list is known by.
fn name(one: &Value) -> Option<&str> {
    NAMES.iter().find_map(|key| one.get(key)?.as_str())
}

/// A value that fits a line.
fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        _ => value.to_string(),
    };
    (text.len() <= LONGEST && !text.contains('\n')).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::compare;

    fn changes(was: &Value, is: &Value) -> Vec<String> {
        let mut all = Vec::new();
        compare("", was, is, &mut all);
        all
    }

    #[test]
    fn changes_are_told_by_the_names_of_what_changed() {
        let was = json!({
            "hardware": { "memory_mib": 4096 },
            "settled": [{ "origin": "file", "line": 3 }],
            "stages": [
                { "name": "a", "files": [{ "path": "/etc/a", "content": "1\n" }] },
                { "name": "b", "files": [] },
            ],
        });
        assert_eq!(changes(&was, &was), [""; 0]);
        let is = json!({
            "hardware": { "memory_mib": 8192 },
            "settled": [{ "origin": "file", "line": 7 }],
            "stages": [
                { "name": "a", "files": [{ "path": "/etc/a", "content": "2\n" }] },
                { "name": "c", "files": [] },
            ],
        });
        assert_eq!(
            changes(&was, &is),
            [
                "hardware.memory_mib: 4096 -> 8192",
                "stages.a.files./etc/a.content differs",
                "stages.b is gone",
                "stages.c is new",
            ]
        );
        let turned = json!({ "stages": [{ "name": "b" }, { "name": "a" }] });
        assert_eq!(
            changes(&json!({ "stages": [{ "name": "a" }, { "name": "b" }] }), &turned),
            ["stages has another order"]
        );
        assert_eq!(
            changes(&json!({ "uuid": null }), &json!({ "uuid": "x" })),
            ["uuid: nothing -> x"]
        );
    }
}
