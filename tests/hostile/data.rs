//! Data for cloud-init: a file or a mapping that grows, is nested, is no YAML or no data.

use std::fs;

use crate::common::Lab;
use crate::{GOOD, LARGEST, lines, refused, run};

/// That a lab whose `cloud_init` names a file with this text is refused with this word.
fn refused_file(what: &str, text: &str, word: &str) {
    let lab = Lab::new(&format!("cloud_init: extra.yaml\n{GOOD}"));
    fs::write(lab.path("extra.yaml"), text).expect("written");
    let outcome = run(&lab, &["check"]);
    assert_eq!(outcome.status, 3, "{what}: {outcome:?}");
    assert!(outcome.stdout.contains(word), "{what}: {:.2000}", outcome.stdout);
    assert!(outcome.stdout.contains("extra.yaml"), "{what}: it is not said where");
}

#[test]
fn what_grows_or_is_nested_without_end() {
    let bomb: String = (1..10)
        .map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")))
        .collect();
    let bomb = format!("a0: &a0 [x]\n{bomb}");
    let indented: String = bomb.lines().map(|line| format!("  {line}\n")).collect();
    refused("a bomb", &format!("cloud_init:\n{indented}{GOOD}"), "too large or too deeply nested");
    for (what, text) in [
        ("a bomb", bomb),
        ("lists", format!("runcmd: {}", "[".repeat(LARGEST - 10))),
        ("mappings", "{a: ".repeat(LARGEST / 4 - 1)),
        ("items", format!("runcmd: [{}]\n", "a, ".repeat(LARGEST / 3 - 10))),
        ("keys", lines("k#: x\n", 0..200_000)),
    ] {
        refused_file(what, &text, "too large or too deeply nested");
    }
    refused_file("commands in commands", "runcmd: [[[[[x]]]]]\n", "expected a single value");
}

#[test]
fn what_is_no_plain_data() {
    for (what, text, word) in [
        ("tabs", "runcmd:\n\t- date\n", "this is not YAML"),
        ("tabs", "runcmd:\n\t- date\n", "blanks, no tabs"),
        (
            "a tag of Python's",
            "runcmd: !!python/object/apply:os.system [reboot]\n",
            "the tag `!!python/object/apply:os.system` is not known",
        ),
        (
            "another of Python's",
            "final_message: !!python/name:os.system ''\n",
            "the tag `!!python/name:os.system` is not known",
        ),
        ("a tag by its whole name", "runcmd: !<tag:yaml.org,2002:python/tuple> [a]\n", "tag"),
        ("a tag by a handle", "%TAG ! tag:yaml.org,2002:python/\n---\nruncmd: !tuple [a]\n", "tag"),
        ("binary", "final_message: !!binary aGk=\n", "the tag `!!binary` is not known"),
        ("an anchor", "runcmd: &a [date]\n", "an anchor (`&`) cannot be handed on"),
        ("an alias", "runcmd: &a [date]\nbootcmd: *a\n", "an alias (`*`) cannot be handed on"),
        (
            "a merge key",
            "rsyslog: {remotes: {<<: {a: b}}}\n",
            "a merge key (`<<`) cannot be handed on",
        ),
        ("two documents", "runcmd: [a]\n---\nruncmd: [b]\n", "a second document"),
        ("NUL", "runcmd: [a\0b]\n", "NUL"),
        ("a NUL that is escaped", "runcmd: [\"a\\0b\"]\n", "holds control characters"),
        ("a list", "- a\n", "expected a mapping, found a list"),
        ("nothing", "", "expected a mapping, found nothing"),
        ("a secret's mark", "runcmd: [\"@SECRET_X@\"]\n", "this holds `@SECRET_`"),
        ("a private key", "runcmd: [\"-----BEGIN PRIVATE KEY-----\"]\n", "it holds a private key"),
        ("a key twice", "runcmd: [a]\nruncmd: [b]\n", "for the second time"),
        ("another language", "final_message: \u{e4}\n", "is not ASCII"),
        ("an end of a block", "final_message: \"a\\u2028b\"\n", "is not ASCII"),
    ] {
        refused_file(what, text, word);
    }
    for (what, said) in [
        ("a link to itself", "lab.yaml"),
        ("a folder", "."),
        ("a device", "/dev/zero"),
        ("secrets", "secrets.yaml"),
    ] {
        let lab = Lab::new(&format!("cloud_init: {said}\n{GOOD}"));
        let outcome = run(&lab, &["check"]);
        assert_eq!(outcome.status, 3, "{what}: {outcome:?}");
    }
}

#[test]
fn a_user_data_over_16_mib() {
    let text = "some line of a file\n".repeat((LARGEST - 64) / 20);
    let lab = Lab::new(GOOD);
    for n in 0..5 {
        fs::write(lab.path(&format!("big{n}")), &text).expect("written");
    }
    let named = lines("  /opt/big#: {source: big#}\n", 0..5);
    fs::write(lab.path("lab.yaml"), format!("files:\n{named}{GOOD}")).expect("written");
    let outcome = run(&lab, &["check"]);
    assert_eq!(outcome.status, 3, "{outcome:?}");
    assert!(outcome.stdout.contains("the user-data of `controller` would have"), "{outcome:?}");
    assert!(
        outcome.stdout.contains("bytes, of which trainyard makes 16777216 at most"),
        "{outcome:?}"
    );
    assert!(
        outcome.stdout.contains("put less under `files`, `hooks` and `cloud_init`"),
        "{outcome:?}"
    );
}

#[test]
fn many_nodes_that_name_one_large_file() {
    let command = format!("- \"{}\"\n", "x".repeat(1000));
    let lab = Lab::new(GOOD);
    fs::write(lab.path("extra.yaml"), format!("runcmd:\n{}", command.repeat(3000)))
        .expect("written");
    let node = |n: usize| {
        format!(
            "  n{n}: {{role: compute, address: 10.0.{}.{}, cloud_init: extra.yaml}}\n",
            n / 200 + 1,
            n % 200 + 1
        )
    };
    let nodes: String = (0..400).map(node).collect();
    let text = format!(
        "networks: {{management: {{cidr: 10.0.0.0/16}}}}\nnodes:\n  controller: {{role: controller, address: 10.0.0.11}}\n{nodes}"
    );
    fs::write(lab.path("lab.yaml"), text).expect("written");
    let outcome = run(&lab, &["check"]);
    assert_eq!(outcome.status, 3, "{:.500}", outcome.stdout);
    assert!(outcome.stdout.contains("it is named too often"), "{:.2000}", outcome.stdout);
}
