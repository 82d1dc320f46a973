//! What the tests print when they pass: the table of faults, and the seeds of what happens at random. `make check` shows it.

use crate::common::{self, Outcome};

/// How many characters of what was said a line shows.
const WIDEST: usize = 110;

pub fn head(faults: &str) {
    println!("{faults:42} {:12} what was said of it", "the end");
}

/// One fault: what it is, how it ended, and the line in which the person was told.
pub fn row(fault: &str, outcome: &Outcome, word: &str, mirror: &str) {
    let end = match outcome.status {
        0 => "right".to_owned(),
        status => format!("nothing, {status}"),
    };
    let line = outcome.stderr.lines().find(|line| line.contains(word)).unwrap_or_default();
    let line = line.trim().replace(mirror, "");
    let cut = if line.chars().count() > WIDEST { "…" } else { "" };
    println!("{fault:42} {end:12} {}{cut}", line.chars().take(WIDEST).collect::<String>());
}

/// What came of each seed, ten in a line.
pub fn seeds(about: &str, came: &[String]) {
    println!("{about}");
    for (i, ten) in came.chunks(10).enumerate() {
        println!("  {:3}: {}", i * 10, ten.join(" "));
    }
}

/// Tests that pass say nothing unless they are asked to.
#[test]
fn it_is_shown() {
    let mut make = common::judge("make");
    make.args(["-n", "check"]).current_dir(common::ROOT);
    let told = common::judged(make).stdout;
    let line = told.lines().find(|line| line.contains("--test fetch")).expect("it is tested");
    assert!(line.ends_with(" --test fetch -- --show-output"), "{line}");
}
