//! `trainyard-node verify`: how checks are made, told and counted, and what holds of every stage.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::node::{Node, PASSWORD};

const STACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stack");

/// A stage with these lines between a script's head and its `verdict`.
fn node(lines: &str) -> Node {
    let node = Node::new();
    let script = format!("set -euo pipefail\n. \"$TRAINYARD_LIB\"\n{lines}\nverdict\n");
    node.stage("any", "", &[("verify.sh", &script)]);
    node
}

fn check(name: &str, ok: bool, detail: &str) -> (String, bool, String) {
    (name.to_owned(), ok, detail.to_owned())
}

#[test]
fn scripts_without_checks_are_content_or_not() {
    let node = Node::new();
    node.stage("good", "", &[]);
    let script = "echo \"size\t$PARAMETER_size\"; exit 3\n";
    node.stage("bad", "parameter size 7\n", &[("verify.sh", script)]);
    let said = node.expect(5, &["verify"]);
    assert!(said.contains("bad                      FAILED (3)\n    size\t7\n"), "{said}");
    let said: serde_json::Value =
        serde_json::from_str(&node.expect(5, &["verify", "--format", "json"])).expect("JSON");
    assert_eq!(
        (&said["schema"], &said["node"], &said["failed"]),
        (&1.into(), &"controller".into(), &1.into())
    );
    let wanted = serde_json::json!({"name": "good", "ok": true, "checks": [], "output": "seen"});
    assert_eq!(said["stages"][0], wanted);
    assert_eq!(said["stages"][1]["output"], "size\t7");
    node.expect(0, &["verify", "good"]);
}

#[test]
fn every_check_is_made_and_errexit_holds_in_it() {
    let node = node(
        "good() { say seen; say more; }\n\
         fails() { say so far; fail 'it is broken'; say never; }\n\
         stops() { false; say never; }\n\
         in_a_function() { stops; say never; }\n\
         in_a_pipe() { false | cat; say never; }\n\
         in_an_assignment() { local a; a=$(exit 7); say never; }\n\
         finds() { wrong one; wrong two; say looked; }\n\
         check first good\ncheck 'second thing' fails\ncheck third stops\ncheck fourth in_a_function\n\
         check fifth in_a_pipe\ncheck sixth in_an_assignment\ncheck seventh finds\ncheck eighth true\n",
    );
    let wanted = [
        check("first", true, "seen\nmore"),
        check("second thing", false, "it is broken\nso far"),
        check("third", false, "(exit status 1)"),
        check("fourth", false, "(exit status 1)"),
        check("fifth", false, "(exit status 1)"),
        check("sixth", false, "(exit status 7)"),
        check("seventh", false, "one\ntwo\nlooked"),
        check("eighth", true, "as it should be"),
    ];
    assert_eq!(node.checks("any"), wanted);
    let said = node.expect(5, &["verify"]);
    let table = "any                      FAILED (1)\n    ok first: seen\n      more\n    FAILED second thing: it is broken\n      so far\n";
    assert!(said.starts_with(table), "{said}");
}

#[test]
fn what_follows_from_another_failure_is_skipped() {
    let node = node(
        "check base test ! -e $ROOT/down\ngiven base\ncheck above true\ngiven above\ncheck 'far above' true\n\
         given ''\ncheck beside true\n",
    );
    let names = |node: &Node| node.checks("any").into_iter().map(|c| c.0).collect::<Vec<_>>();
    assert_eq!(names(&node), ["base", "above", "far above", "beside"]);
    node.write("down", "");
    assert_eq!(names(&node), ["base", "beside"]);
    let said = node.expect(5, &["verify"]);
    for (name, of) in [("above", "base"), ("far above", "above")] {
        let told = format!("    skipped {name}: it says nothing while \"{of}\" does not hold\n");
        assert!(said.contains(&told), "{said}");
    }
}

#[test]
fn a_check_that_hangs_costs_its_own_time_and_leaves_nothing_behind() {
    let node = node(
        "hangs() { say began; sleep 300 | cat; }\n\
         holds() { trap '' TERM; sleep 301; sleep 301; }\n\
         TRAINYARD_CHECK_LIMIT=1\ncheck first hangs\ncheck second holds\ncheck third true\n",
    );
    let began = Instant::now();
    let wanted = [
        check("first", false, "no end after 1 s\nbegan"),
        check("second", false, "no end after 1 s"),
        check("third", true, "as it should be"),
    ];
    assert_eq!(node.checks("any"), wanted);
    assert!(began.elapsed() < Duration::from_secs(60));
    let left = fs::read_dir("/proc").expect("processes").flatten().filter(|process| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        let root = format!("TRAINYARD_ROOT={}", node.path("").display());
        let root = root.trim_end_matches('/').as_bytes();
        environment.split(|byte| *byte == 0).any(|variable| variable == root)
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn json_is_valid_whatever_is_said() {
    let node = node(
        "odd() { printf 'a\\0\\001\\033\\177\"\\\\\\t\\320 %s\\n\\n  b: c\\nok d: e\\r\\n' \"'$'\"; \"$@\"; }\n\
         check 'the \"odd\" \\ one' odd false\ncheck even odd true\n",
    );
    let detail = "a\"\\\t '$'\n  b: c\nok d: e";
    let wanted = [check("the \"odd\" \\ one", false, detail), check("even", true, detail)];
    assert_eq!(node.checks("any"), wanted);
}

#[test]
fn what_the_manifest_says_is_checked_of_every_stage() {
    let manifest =
        "package chrony\nservice a.service\nfile 0640 root root /etc/x\nsecret RABBIT_PASS\n";
    let systemctl = "case $1 in is-active) [ -e $ROOT/stopped ] && echo failed && exit 3; echo active;;\n\
                     is-enabled) [ -e $ROOT/disabled ] && echo disabled && exit 1; echo enabled;; esac";
    let node = || {
        let node = Node::new();
        node.stage("any", manifest, &[("files/etc/x", "p = @SECRET_RABBIT_PASS@\n")]);
        node.fake("systemctl", systemctl);
        node.fake("selinuxenabled", "");
        node.fake("matchpathcon", "[ ! -e $ROOT/mislabelled ]");
        node.expect(0, &["run"]);
        node
    };
    let names = [
        "its packages are installed",
        "its files are as the lab says",
        "its files have their SELinux types",
        "its services run",
        "its services start at boot",
    ];
    let found: Vec<_> = node().checks("any").into_iter().map(|c| (c.0, c.1)).collect();
    assert_eq!(found, names.map(|name| (name.to_owned(), true)));
    for (line, red, told) in [
        ("rm $ROOT/installed/chrony", names[0], "chrony is not installed"),
        ("rm $ROOT/etc/x", names[1], "there is no /etc/x"),
        ("echo p = other >$ROOT/etc/x", names[1], "/etc/x is not what the lab says"),
        ("chmod 0644 $ROOT/etc/x", names[1], "/etc/x has mode and owners 644 root root, not 0640"),
        ("touch $ROOT/mislabelled", names[2], "/etc/x has a wrong SELinux type; restorecon -RF"),
        ("touch $ROOT/stopped", names[3], "a.service is failed"),
        ("touch $ROOT/disabled", names[4], "a.service is disabled"),
    ] {
        let node = node();
        node.shell(line);
        let failed: Vec<_> = node.checks("any").into_iter().filter(|c| !c.1).collect();
        assert!(failed.len() == 1 && failed[0].0 == red, "{line}: {failed:?}");
        assert!(failed[0].2.contains(told), "{line}: {failed:?}");
        assert!(!node.expect(5, &["verify"]).contains(PASSWORD));
    }
    // Without SELinux there are no types.
    let node = node();
    node.fake("selinuxenabled", "exit 1");
    assert_eq!(node.checks("any").len(), names.len() - 1);
}

/// Stages and their verify.sh.
fn scripts() -> Vec<(String, String)> {
    let folders = fs::read_dir(STACK).expect("stages").map(|e| e.expect("an entry").path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    let read = |folder: &PathBuf| {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read_to_string(folder.join("verify.sh")).expect("every stage has one"))
    };
    folders.iter().map(read).collect()
}

/// The names of the checks in a script. They are written out, so that whoever reads one can look for it.
pub fn names_in(script: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in script.lines().map(|line| format!(" {line}")) {
        let calls = line.split(" check \"").skip(1);
        names.extend(calls.map(|rest| rest.split('"').next().expect("a name").to_owned()));
    }
    names
}

#[test]
fn every_stage_is_verified_by_checks_with_names_of_their_own() {
    let scripts = scripts();
    assert!(scripts.len() > 10);
    for (stage, script) in &scripts {
        assert_eq!(script.lines().last(), Some("verdict"), "{stage}");
        let names = names_in(script);
        let different: BTreeSet<_> = names.iter().collect();
        assert!(!names.is_empty() && different.len() == names.len(), "{stage}: {names:?}");
        for name in &names {
            let is_said = !name.is_empty() && !name.contains([':', '$', '\\']);
            assert!(is_said, "{stage}: {name}");
        }
        // What another check is given by is one of these, or holds of every stage.
        let common = fs::read_to_string(Path::new(STACK).join("../scripts/node/checks.sh"));
        let common = names_in(&common.expect("the checks"));
        for line in script.lines().map(str::trim).filter_map(|l| l.strip_prefix("given \"")) {
            let name = line.trim_end_matches('"').to_owned();
            assert!(name.is_empty() || names.contains(&name) || common.contains(&name), "{name}");
        }
    }
}

#[test]
fn the_page_says_what_each_check_looks_at() {
    let page = Path::new(STACK).join("../docs/verification.md");
    let page = fs::read_to_string(page).expect("the page");
    let common = fs::read_to_string(Path::new(STACK).join("../scripts/node/checks.sh"));
    let mut wanted = vec![("Every stage".to_owned(), names_in(&common.expect("the checks")))];
    for (stage, script) in scripts() {
        wanted.push((format!("`{stage}`"), names_in(&script)));
    }
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            found.push((title.to_owned(), Vec::new()));
        } else if let Some(row) = line.strip_prefix("| ")
            && let Some((_, names)) = found.last_mut()
            && let Some((name, what)) = row.split_once(" | ")
            && !["check", "---"].contains(&name)
        {
            assert!(what.len() > 10, "{name} says nothing");
            names.push(name.to_owned());
        }
    }
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
}
