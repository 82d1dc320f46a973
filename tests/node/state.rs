//! What a node has become, to compare it with another one's.

use crate::host::Host;

/// The facts of state.sh.
pub fn state(host: &Host) -> String {
    host.run_file("state.sh")
}

/// When each of a node's services came up.
pub fn starts(host: &Host) -> String {
    host.done(
        "for unit in $(sed -n 's/^service //p' /etc/trainyard/stages/*/manifest | sort -u); do
             echo \"$unit $(systemctl show -p ActiveEnterTimestampMonotonic -p MainPID \"$unit\" | sort | tr '\\n' ' ')\"
         done",
    )
}

/// Asserts that two states are the same, and shows only where they differ.
pub fn assert_same(what: &str, found: &str, wanted: &str) {
    let found_lines: Vec<_> = found.lines().collect();
    let wanted_lines: Vec<_> = wanted.lines().collect();
    let less: Vec<_> = wanted_lines.iter().filter(|line| !found_lines.contains(line)).collect();
    let more: Vec<_> = found_lines.iter().filter(|line| !wanted_lines.contains(line)).collect();
    assert!(
        less.is_empty() && more.is_empty(),
        "{what}\nmissing: {less:#?}\nnot expected: {more:#?}"
    );
    assert!(wanted_lines.len() > 100, "{what}: there is more to compare than this: {wanted}");
}
