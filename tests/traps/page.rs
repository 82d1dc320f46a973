//! docs/traps.md tells every trap, and the tests that hold it are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::common::ROOT;

/// All tests' source, and the names of the tests of traps.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            *all += &fs::read_to_string(path).expect("text");
        }
    }
}

#[test]
fn every_trap_is_told_with_the_tests_that_hold_it() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/traps.md")).expect("the page");
    let mut source = String::new();
    sources(&Path::new(ROOT).join("tests"), &mut source);
    sources(&Path::new(ROOT).join("src"), &mut source);
    let mut told = BTreeSet::new();
    let mut ids = Vec::new();
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| id")) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, trap, handled, tests] = cells[..] else { panic!("four cells: {row}") };
        assert!(!trap.is_empty() && !handled.is_empty(), "{row}");
        ids.push(id);
        let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(source.contains(&format!("\nfn {name}()")), "{id}: there is no test {name}");
            told.insert(name);
        }
    }
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "an id is there twice");
    let names = source.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split_once('('));
    for (name, _) in names {
        let is_of_a_trap = name.split_once('_').is_some_and(|(id, _)| {
            id.starts_with(['i', 'n', 'c', 'o'])
                && id.len() > 1
                && id[1..].bytes().all(|b| b.is_ascii_digit())
        });
        assert!(!is_of_a_trap || told.contains(name), "docs/traps.md does not tell {name}");
    }
}
