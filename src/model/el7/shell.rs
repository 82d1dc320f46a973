//! What scripts cannot use on CentOS 7. The list is that of `scripts/dev/lint-el7.sh`, which holds our own scripts to it.

use std::sync::LazyLock;

use regex_lite::Regex;

struct Lacking {
    found: Regex,
    why: &'static str,
    /// It matters only where a variable that is not set ends the script.
    of_nounset: bool,
}

static LIST: LazyLock<Vec<Lacking>> = LazyLock::new(|| entries().filter_map(read).collect());

fn entries() -> impl Iterator<Item = Vec<&'static str>> {
    let lines = include_str!("shell.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').collect())
}

fn read(entry: Vec<&'static str>) -> Option<Lacking> {
    // A lab may bring what is not in the list of `ours`. The tests know that each expression is one.
    let [expression, why, _] = entry[..] else { return None };
    Some(Lacking { found: Regex::new(expression).ok()?, why, of_nounset: why.contains("set -u") })
}

static NOUNSET: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\bset +-[a-z]*u|\bnounset\b").ok());

/// The lines of a script that use what CentOS 7 does not have, by their number, and why.
#[must_use]
pub fn lacking(script: &str) -> Vec<(usize, &'static str)> {
    let is_said = |line: &&str| !line.trim_start().starts_with('#');
    let says = |line: &str| NOUNSET.as_ref().is_some_and(|said| said.is_match(line));
    let nounset = script.split('\n').filter(is_said).any(says);
    let lines = script.split('\n').enumerate().filter(|(_, line)| is_said(line));
    lines
        .flat_map(|(number, line)| {
            let of_line = move |lacking: &&Lacking| {
                (nounset || !lacking.of_nounset) && lacking.found.is_match(line)
            };
            LIST.iter().filter(of_line).map(move |lacking| (number + 1, lacking.why))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offender_is_found_by_its_own_expression() {
        for entry in entries() {
            let (expression, offender) = (entry[0], entry[2]);
            assert!(Regex::new(expression).expect(expression).is_match(offender), "{offender}");
            let found = lacking(&format!("set -u\n{offender}\n# {offender}\n"));
            let wanted = if entry.len() == 3 { vec![(2, entry[1])] } else { Vec::new() };
            assert_eq!(found, wanted, "{offender}");
        }
    }

    #[test]
    fn what_centos_7_runs_is_not_told() {
        let script =
            "local name=$1\nwait \"$child\"\nrun ${x[@]+\"${x[@]}\"} \"$@\"\nip -4 -o address\n";
        assert_eq!(lacking(&format!("set -u\n{script}")), []);
        assert_eq!(lacking("run \"${x[@]}\"\n"), []);
        assert_eq!(lacking("set -eu\nrun \"${x[@]}\"\n").len(), 1);
    }
}
