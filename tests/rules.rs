//! Every rule of a lab file has a case in `tests/rules/`, with its exact message; `docs/rules.md` is made from the rules
//! and their first cases. `TRAINYARD_GOLDEN=write cargo test --test rules` writes the page anew.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use common::{Lab, ROOT};
use serde::Deserialize;
use trainyard::report::Rule;

/// One lab file that breaks one rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The rule's id.
    rule: String,
    /// The lab file.
    lab: String,
    /// Other files beside it.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// What is marked: its last occurrence. Nothing where the finding stands nowhere.
    at: Option<String>,
    /// The file in which it stands, where that is not the lab file.
    file: Option<String>,
    message: String,
    help: Option<String>,
    /// Whether other findings come with it.
    #[serde(default)]
    others: bool,
}

fn cases() -> Vec<(String, Case)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new(ROOT).join("tests/rules")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("text");
        let cases: Vec<Case> =
            serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        found.extend(cases.into_iter().map(|case| (name.clone(), case)));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Line and column of the last occurrence of a text.
fn place(text: &str, marked: &str) -> (u64, u64) {
    let at = text.rfind(marked).unwrap_or_else(|| panic!("`{marked}` is not in\n{text}"));
    let before = &text[..at];
    let column =
        before.chars().count() - before.rfind('\n').map_or(0, |n| before[..=n].chars().count());
    (before.matches('\n').count() as u64 + 1, column as u64 + 1)
}

/// What is wrong with what is told of a case.
fn wrong(case: &Case) -> Option<String> {
    let lab = Lab::new(&case.lab);
    for (name, text) in &case.files {
        let path = lab.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    let outcome = lab.run(&["check", "--format", "json"]);
    let told: serde_json::Value = match serde_json::from_str(&outcome.stdout) {
        Ok(told) => told,
        Err(e) => return Some(format!("{e}: {outcome:?}")),
    };
    let findings = told["findings"].as_array().expect("findings");
    let of_rule = || findings.iter().filter(|f| f["rule"] == *case.rule);
    let Some(finding) = of_rule().find(|f| f["message"] == *case.message).or(of_rule().next())
    else {
        return Some(format!("the rule is not told: {findings:#?}"));
    };
    if findings.len() > 1 && !case.others {
        return Some(format!("there are others: {findings:#?}"));
    }
    let text = |key: &str| finding[key].as_str().map(str::to_owned);
    let file = case.file.as_deref().unwrap_or("lab.yaml");
    let source = case.files.get(file).unwrap_or(&case.lab);
    let wanted = case.at.as_ref().map(|marked| place(source, marked));
    let found = finding["line"].as_u64().zip(finding["column"].as_u64());
    if wanted != found || (found.is_some() && text("file").as_deref() != Some(file)) {
        return Some(format!("it stands at {found:?} of {:?}, not {wanted:?}", text("file")));
    }
    if text("message").as_ref() != Some(&case.message) || text("help") != case.help {
        return Some(format!(
            "it is told as\n  message: {:?}\n  help: {:?}",
            text("message"),
            text("help")
        ));
    }
    let rule = Rule::ALL.iter().find(|r| r.id() == case.rule).expect("a rule");
    let status = if rule.severity().as_str() == "error" { 3 } else { 0 };
    (outcome.status != status).then(|| format!("the exit status is {}", outcome.status))
}

#[test]
fn every_rule_is_told_in_its_words_at_its_place() {
    let cases = cases();
    let mut failed = String::new();
    for (file, case) in &cases {
        if let Some(wrong) = wrong(case) {
            let _ = writeln!(failed, "{file}: {} ({:?}): {wrong}", case.rule, case.lab);
        }
    }
    assert!(failed.is_empty(), "{failed}");
    let has_case = |rule: &&Rule| !cases.iter().any(|(_, case)| case.rule == rule.id());
    let without: Vec<_> = Rule::ALL.iter().filter(has_case).map(|rule| rule.id()).collect();
    assert!(without.is_empty(), "no case for {without:?}");
}

#[test]
fn strict_makes_errors_of_warnings() {
    let lab = Lab::new(
        "roles: {spare: {}}\nnodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    assert!(lab.done(&["check"]).stdout.contains("0 errors, 1 warnings"));
    let strict = lab.run(&["check", "--strict", "--format", "short"]);
    assert_eq!(strict.status, 3);
    assert_eq!(
        strict.stdout,
        "lab.yaml:1:9: error[roles.spare]: no node has the role `spare`; give it to a node, or leave it out (unused-role)\n\
         lab.yaml: 1 errors, 0 warnings\n"
    );
    assert_eq!(lab.run(&["render", "--strict", "-o", "out"]).status, 3);
    assert_eq!(lab.run(&["render", "-o", "out"]).status, 0);
}

#[test]
fn the_page_of_rules_is_what_the_code_knows() {
    let cases = cases();
    let mut page = String::from(
        "# The rules that a lab file is held to\n\n\
         Made from the code; `trainyard check` tells every one that is not kept, at once. `--strict` makes errors of warnings,\n\
         `--format json` names the rule as here, `--format short` puts each finding on a line.\n\n\
         | rule | weight | what it is about | for example |\n|---|---|---|---|\n",
    );
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for rule in Rule::ALL {
        let example = cases.iter().find(|(_, case)| case.rule == rule.id());
        let example = example.map_or("", |(_, case)| case.message.as_str());
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            rule.id(),
            rule.severity().as_str(),
            cell(rule.meaning().trim_end_matches('.')),
            cell(example),
        );
    }
    common::golden("docs/rules.md", &page);
}
