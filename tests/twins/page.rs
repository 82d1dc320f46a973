//! docs/cloud-init.md tells each quirk with the tests that show what was done about it, and what one spelling cannot say.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::alone::{ALONE, By};
use crate::common::{ROOT, golden};

const PAGE: &str = "docs/cloud-init.md";

fn page() -> String {
    fs::read_to_string(Path::new(ROOT).join(PAGE)).expect("the page")
}

/// All tests' source.
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

/// The part of the page below a heading, to the next one of its kind.
fn below<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, part) = page.split_once(&format!("\n## {heading}\n")).expect(heading);
    part.split("\n## ").next().expect("text")
}

#[test]
fn the_page_tells_what_one_spelling_cannot_say() {
    let mut table =
        String::from("| what | who says it | why the other does not |\n|---|---|---|\n");
    for one in ALONE {
        let by = match one.by {
            By::Kickstart => "the kickstart",
            By::UserData => "user-data",
            By::Both => "each otherwise",
        };
        let _ = writeln!(table, "| {} | {by} | {} |", one.what, one.why);
    }
    let page = page();
    let part = below(&page, "What one spelling cannot say");
    let rows: String =
        part.lines().filter(|l| l.starts_with('|')).map(|l| format!("{l}\n")).collect();
    golden(PAGE, &page.replace(&rows, &table));
}

#[test]
fn the_page_tells_each_quirk_with_tests_that_are_there() {
    let page = page();
    let mut source = String::new();
    sources(&Path::new(ROOT).join("tests"), &mut source);
    sources(&Path::new(ROOT).join("src"), &mut source);
    let mut quirks = BTreeSet::new();
    for heading in [
        "Accounts and logins",
        "Files, packages, commands",
        "Names, time, language",
        "The network",
        "Where it all comes from",
    ] {
        for row in below(&page, heading).lines().filter(|l| l.starts_with("| ")).skip(1) {
            let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let [quirk, done, tests] = cells[..] else { panic!("three cells: {row}") };
            assert!(!done.is_empty() && quirks.insert(quirk.to_owned()), "{row}");
            let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
            assert!(!names.is_empty(), "no test: {row}");
            for name in names {
                let is_there = [format!("\nfn {name}()"), format!("\n    fn {name}()")];
                let is_there = is_there.iter().any(|text| source.contains(text.as_str()));
                assert!(is_there, "there is no test {name}: {row}");
            }
        }
    }
    assert!(quirks.len() > 20, "{}", quirks.len());
}
