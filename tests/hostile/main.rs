//! Files that nobody wrote for a lab, or to do harm: each ends soon, in little memory, with a clear word.

#[path = "../common/mod.rs"]
mod common;
mod data;
mod files;
mod many;
mod text;

use std::fs;
use std::process::Command;

use common::{Lab, Outcome, PROGRAM};

const GOOD: &str = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";

/// The most that a file may hold.
const LARGEST: usize = 4 << 20;

/// Seconds of the processor: the program is not built for speed here, and what is quadratic takes minutes.
const MOST_TIME: &str = "--cpu=10";

/// Address space in bytes, of which the program itself takes little.
const MOST_MEMORY: &str = "--as=1073741824";

/// Runs the program within bounds, and looks at what must hold whatever it says.
fn run(lab: &Lab, arguments: &[&str]) -> Outcome {
    // One that waits for something takes no time of the processor.
    let mut command = Command::new("timeout");
    command.args(["60", "prlimit", MOST_MEMORY, MOST_TIME, "--core=0", PROGRAM]).args(arguments);
    command.current_dir(lab.path("")).stdin(std::process::Stdio::null());
    let outcome = common::outcome(command);
    let said = outcome.stdout.len() + outcome.stderr.len();
    assert!(said < 1 << 20, "{said} bytes are more than anyone reads");
    assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    assert!([0, 3, 9].contains(&outcome.status), "{}: {:.500}", outcome.status, outcome.stderr);
    outcome
}

/// What `check` says of a lab file.
fn checked(text: &str) -> Outcome {
    let lab = Lab::new(GOOD);
    fs::write(lab.path("lab.yaml"), text).expect("written");
    run(&lab, &["check"])
}

/// That a lab file is refused with this word.
fn refused(what: &str, text: &str, word: &str) {
    let began = std::time::Instant::now();
    let outcome = checked(text);
    println!("{what}: {:?}", began.elapsed());
    assert_eq!(outcome.status, 3, "{what}: {outcome:?}");
    assert!(outcome.stdout.contains(word), "{what}: {:.2000}", outcome.stdout);
    let longest = outcome.stdout.lines().map(|line| line.chars().count()).max();
    assert!(longest < Some(5000), "{what}: a line of {longest:?} characters");
}

/// Lines of a pattern in which `#` is their number.
fn lines(pattern: &str, numbers: std::ops::Range<usize>) -> String {
    numbers.map(|n| pattern.replace('#', &n.to_string())).collect()
}
