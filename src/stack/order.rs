//! Stages in an order in which each comes after those that it names.

use std::collections::BTreeMap;

use super::Stage;

/// Sorts by `requires` and `after`; where that leaves a choice, by name, so that the order is the same every time. Stages that wait for each
/// other, and those that wait for them, come last; how many they are is told. A name that is no stage's counts for nothing.
pub(super) fn order(mut waiting: BTreeMap<String, Stage>) -> (Vec<Stage>, usize) {
    let mut ordered: Vec<Stage> = Vec::new();
    while !waiting.is_empty() {
        let ready = |stage: &&Stage| {
            let mut before = stage.spec.requires.iter().chain(&stage.spec.after);
            before.all(|name| !waiting.contains_key(name))
        };
        let Some(name) = waiting.values().find(ready).map(|stage| stage.name.clone()) else {
            break;
        };
        ordered.extend(waiting.remove(&name));
    }
    let stuck = waiting.len();
    ordered.extend(waiting.into_values());
    (ordered, stuck)
}

/// What to tell of the last stages of an order, which wait for each other.
pub(super) fn stuck(ordered: &[Stage], stuck: usize) -> String {
    let stuck = &ordered[ordered.len() - stuck..];
    let names: Vec<&str> = stuck.iter().map(|stage| stage.name.as_str()).collect();
    format!("these stages wait for each other: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use crate::stack::Catalogue;

    fn names(stages: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let mut files = std::collections::BTreeMap::new();
        for (name, after) in stages {
            files.insert(format!("{name}/stage.yaml"), format!("summary: x\nafter: [{after}]\n"));
            files.insert(format!("{name}/verify.sh"), "true\n".to_owned());
        }
        let catalogue = Catalogue::from_files(&files).map_err(|e| format!("{e:#}"))?;
        Ok(catalogue.stages.into_iter().map(|s| s.name).collect())
    }

    #[test]
    fn stages_come_after_those_they_name() {
        assert_eq!(
            names(&[("a", "b"), ("b", "c"), ("c", "")]),
            Ok(vec!["c".into(), "b".into(), "a".into()])
        );
    }

    #[test]
    fn circles_and_unknown_names_are_told() {
        assert!(
            names(&[("a", "b"), ("b", "a")])
                .is_err_and(|e| e.contains("wait for each other: a, b"))
        );
        assert!(names(&[("a", "z")]).is_err_and(|e| e.contains("`z`")));
    }
}
