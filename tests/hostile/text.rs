//! Texts: what grows, what is nested, what is long, what is encoded otherwise.

use std::fmt::Write as _;
use std::fs;

use crate::common::Lab;
use crate::{GOOD, LARGEST, lines, refused, run};

#[test]
fn aliases_that_grow() {
    let list = |n: usize| {
        format!("a#: &a# [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))
            .replace('#', &n.to_string())
    };
    let lists: String = (1..10).map(list).collect();
    let map = |n: usize| {
        let mut row = format!("a{n}: &a{n} {{");
        for i in 0..10 {
            let _ = write!(row, "k{i}: *a{}, ", n - 1);
        }
        row + "}\n"
    };
    let maps: String = (1..10).map(map).collect();
    // Each level stands at the bottom of the one before.
    let deep = |n: usize| format!("a{n}: &a{n} {}*a{}{}\n", "[".repeat(60), n - 1, "]".repeat(60));
    let deep: String = (1..2000).map(deep).collect();
    let nested =
        format!("a: {}{}{}\n", lines("&a# [", 0..60), "x, ".repeat(20_000), "]".repeat(60));
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(90_000));
    for (what, text) in [
        ("lists", format!("a0: &a0 [x]\n{lists}")),
        ("mappings", format!("a0: &a0 {{k: x}}\n{maps}")),
        ("depth", format!("a0: &a0 [x]\n{deep}")),
        ("anchors in anchors", nested),
        ("one long text", text),
        (
            "merge keys",
            format!("a0: &a0 {{k: x}}\n{}", lines("a1#: &a1 {<<: [*a0, *a0]}\n", 0..40_000)),
        ),
    ] {
        refused(what, &text, "this file is too large or too deeply nested");
    }
    refused("an alias to what it stands in", "a: &a [*a]\n", "this alias names nothing");
}

#[test]
fn what_is_nested_without_end() {
    let block: String = (0..2800).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    for (what, text) in [
        ("lists", "[".repeat(LARGEST - 1)),
        ("mappings", "{a: ".repeat(LARGEST / 4 - 1)),
        ("lists and values", format!("{}{}", "[".repeat(120), "a,".repeat(LARGEST / 2 - 100))),
        ("values of a list", format!("a: [[{}", "a,".repeat(LARGEST / 2 - 10))),
        ("block lists", "- ".repeat(LARGEST / 2 - 1)),
        ("block mappings", block),
        ("brackets that close nothing", format!("a: {}", "]".repeat(LARGEST - 10))),
    ] {
        refused(what, &text, "too large or too deeply nested");
    }
    refused("keys", &"? ".repeat(LARGEST / 2 - 1), "a key must be a single value");
    refused("keys in a list", &format!("[{}", "? ".repeat(LARGEST / 2 - 1)), "this is not YAML");
    refused(
        "words in a list",
        &format!("[{}", "\"a\" ".repeat(LARGEST / 4 - 1)),
        "this is not YAML",
    );
    refused("tags", &format!("a: {}", "!a ".repeat(LARGEST / 3 - 10)), "this is not YAML");
    refused("anchors", &format!("a: {}", "&a ".repeat(LARGEST / 3 - 10)), "this is not YAML");
}

#[test]
fn what_is_long() {
    let value = "x".repeat(LARGEST - 200);
    let many = |pattern: &str, count| lines(pattern, 0..count);
    for (what, text, word) in [
        ("a line", format!("{GOOD}{}", "x".repeat(LARGEST - 100)), "this is not YAML"),
        ("a value", format!("name: {value}\n{GOOD}"), "a lab's name is 1 to 32 letters"),
        (
            "a quoted value",
            format!("timezone: \"{value}\"\n{GOOD}"),
            "is no time zone of CentOS 7.9",
        ),
        ("a block", format!("{GOOD}keyboard: |\n  {value}\n"), "is no keyboard of CentOS 7.9"),
        (
            "wide characters",
            format!("{GOOD}language: {}\n", "이".repeat(LARGEST / 4)),
            "is no language of CentOS 7.9",
        ),
        (
            "lines of a value",
            format!("{GOOD}name: a\n{}", " a\n".repeat(LARGEST / 3 - 100)),
            "a lab's name is",
        ),
        ("a choice", format!("{GOOD}openstack: {{networking: {value}}}\n"), "cannot be used here"),
        ("a key", format!("{GOOD}{}: x\n", "k".repeat(5000)), "this is not YAML"),
        ("a marked key", format!("{GOOD}? {value}\n: x\n"), "a key has at most 1024 characters"),
        ("keys", format!("{GOOD}{}", many("k#: x\n", 200_000)), "too large or too deeply nested"),
        ("keys on one line", format!("{{{}}}\n", many("k#: x, ", 90_000)), "unknown key `k0`"),
        (
            "keys that are known",
            format!("{GOOD}{}", many("name: x\n", 99_000)),
            "stands here for the second time",
        ),
        (
            "items",
            format!("{GOOD}mirror: [{}]\n", many("m#, ", 100_000)),
            "too large or too deeply nested",
        ),
        (
            "wrong items",
            format!("{GOOD}mirror: [{}]\n", many("m#, ", 99_000)),
            "more than 1000 findings",
        ),
        (
            "wrong items, one a line",
            format!("{GOOD}mirror:\n{}", many("  - m#\n", 99_000)),
            "more than 1000 findings",
        ),
        (
            "wrong arguments",
            format!("{GOOD}installer: {{boot_arguments: [{}]}}\n", many("ks=#, ", 99_000)),
            "more than 1000 findings",
        ),
        ("empty lines", format!("{GOOD}x:{}", "\n".repeat(LARGEST - 100)), "unknown key `x`"),
        ("a comment", format!("{GOOD}x: #{}", "#".repeat(LARGEST - 100)), "unknown key `x`"),
        ("blanks", format!("{GOOD}x:{}y", " ".repeat(LARGEST - 100)), "unknown key `x`"),
        (
            "directives",
            format!("{}---\n{GOOD}x: y\n", many("%TAG !a#! b\n", 200_000)),
            "unknown key `x`",
        ),
    ] {
        refused(what, &text, word);
    }
}

#[test]
fn what_is_encoded_otherwise() {
    let refused = |bytes: &[u8], status: i32, word: &str| {
        let lab = Lab::new(GOOD);
        fs::write(lab.path("lab.yaml"), bytes).expect("written");
        let outcome = run(&lab, &["check"]);
        assert_eq!(outcome.status, status, "{outcome:?}");
        let told = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(told.contains(word), "{told}");
    };
    let utf_16 = |mark: char, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("{mark}{GOOD}").encode_utf16().flat_map(bytes).collect()
    };
    refused(&utf_16('\u{feff}', u16::to_le_bytes), 9, "it is UTF-16; save the file as UTF-8");
    refused(&utf_16('\u{feff}', u16::to_be_bytes), 9, "it is UTF-16; save the file as UTF-8");
    refused(&utf_16('n', u16::to_le_bytes), 3, "this file holds a NUL character");
    refused(b"name: a\r\nb: \xff\n", 9, "line 2 is not UTF-8");
    refused(format!("{GOOD}name: a\0b\n").as_bytes(), 3, " --> lab.yaml:2:8\n");
    refused(b"nodes:\n\tcontroller: {}\n", 3, "no tabs");
    refused(format!("---\n{GOOD}---\n{GOOD}").as_bytes(), 3, " --> lab.yaml:3:1\n");
    // The lines of the files of Windows and of old Macs, and a byte order mark, which is no column.
    let wrong = "name: a\nkeyboard: b\n";
    for line_break in ["\n", "\r\n", "\r"] {
        let text = format!("\u{feff}{GOOD}{wrong}").replace('\n', line_break);
        refused(text.as_bytes(), 3, "keyboard: b\n  |           ^\n");
        let first = format!("\u{feff}nam: a\n{GOOD}").replace('\n', line_break);
        refused(first.as_bytes(), 3, " --> lab.yaml:1:1\n  |\n1 | nam: a\n  | ^^^\n");
        let good = format!("\u{feff}{GOOD}name: a\n").replace('\n', line_break);
        refused(good.as_bytes(), 0, "lab `a` with 1 nodes is right");
    }
}
