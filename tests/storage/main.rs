//! Disks: what becomes of the lab file in the kickstart, and the wipe guard. The guard is run as it is rendered, on machines with real
//! signatures; what it writes and what it says is what counts.

#[path = "../common/mod.rs"]
mod common;
mod contents;
mod data;
mod finding;
mod identity;
mod kickstart;
mod machine;

use common::Lab;
use machine::Machine;

const NODES: &str = "nodes: {controller: {role: controller, address: 10.0.0.11}}\n";
/// The labels of the node `controller` of the lab `train`. They must never change: a later trainyard has to know again what an earlier
/// one installed.
const MARK: &str = "ty-ec57103ec";
const DATA_MARK: &str = "td-541c7e815";

/// A machine, and what the guard makes of it.
struct Case {
    what: &'static str,
    /// The lab file, but for the nodes where it names none.
    lab: &'static str,
    machine: fn(&Machine),
    /// Lines that are written; none: nothing is written at all.
    writes: &'static [&'static str],
    /// What is said.
    says: &'static str,
}

/// Runs the cases, and tells all that went wrong.
fn check(cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        let nodes = if case.lab.contains("nodes:") { "" } else { NODES };
        let machine = Machine::new(Lab::new(&format!("{}\n{nodes}", case.lab)), "controller");
        (case.machine)(&machine);
        let told = machine.run();
        let written = told.commands.as_deref().unwrap_or_default();
        let as_wanted = told.commands.is_some() != case.writes.is_empty()
            && case.writes.iter().all(|line| written.lines().any(|l| l == *line))
            && told.console.contains(case.says);
        if !as_wanted {
            wrong.push(format!("{}:\n{}\n{written}", case.what, told.console));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
