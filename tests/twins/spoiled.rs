//! A node that is changed in one spelling is told: the comparison looks at everything that it is said to look at.

use std::fs;

use crate::alone::ALONE;
use crate::common::everything::everything;
use crate::{Difference, differences, rendered};

/// What is changed: the file and the node, the text there and what it becomes, and the fact that must be told.
type Change = (String, String, String, String, String);

const CHANGES: &str = include_str!("spoiled.yaml");

#[test]
fn a_change_in_one_spelling_is_told() {
    let lab = everything();
    let nodes = rendered(&lab);
    let changes: Vec<Change> = serde_yaml::from_str(CHANGES).expect("YAML");
    let mut folders = Vec::new();
    for (number, (name, node, from, to, _)) in changes.iter().enumerate() {
        let whole = nodes.iter().find(|folder| folder.ends_with(&format!("/{node}"))).expect(node);
        let folder = lab.path(&format!("changed-{number}"));
        fs::create_dir(&folder).expect("made");
        for file in ["ks.cfg", "user-data", "network-config"] {
            let mut text = fs::read_to_string(format!("{whole}/{file}")).expect("text");
            if file == name {
                assert!(text.contains(from), "{node}'s {name} has no {from}");
                text = text.replacen(from, to, 1);
            }
            fs::write(folder.join(file), text).expect("written");
        }
        folders.push(folder.display().to_string());
    }
    let mut missed = Vec::new();
    for (change, found) in changes.iter().zip(differences(&folders)) {
        let is_told = |one: &&Difference| !ALONE.iter().any(|alone| alone.covers(one));
        let told: Vec<_> = found.iter().filter(is_told).map(|one| one.about.as_str()).collect();
        if !told.contains(&change.4.as_str()) {
            missed.push(format!("{change:?}: told are {told:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
