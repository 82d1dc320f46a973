use super::*;

fn errors(text: &str) -> Vec<(usize, usize, String)> {
    let mut findings = Findings::default();
    parse(text, 1, &mut findings);
    findings
        .sorted()
        .into_iter()
        .map(|f| (f.span.map_or(0, |s| s.line), f.span.map_or(0, |s| s.column), f.message))
        .collect()
}

#[test]
fn values_know_their_place_and_keep_their_text() {
    let mut findings = Findings::default();
    let root = parse("a: 1e3\nb:\n  - \"yes\"\n", 1, &mut findings).expect("valid");
    let Value::Map(entries) = root.value else { panic!("a mapping") };
    assert!(matches!(&entries[0].1.value, Value::Scalar(text) if text == "1e3"));
    assert_eq!(entries[0].1.span, Span { file: 1, line: 1, column: 4, length: 3 });
    let Value::List(items) = &entries[1].1.value else { panic!("a list") };
    assert_eq!(&*items[0].path, "b[0]");
    assert_eq!(items[0].span, Span { file: 1, line: 3, column: 5, length: 5 });
}

#[test]
fn a_second_key_is_told_at_its_true_place() {
    assert_eq!(
        errors("a: 1\nb: 2\na: 3\n"),
        [(3, 1, "`a` stands here for the second time".into())]
    );
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    let found = errors("a: [1, 2\nb: 3\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].2.starts_with("this is not YAML"), "{found:?}");
}

#[test]
fn aliases_cannot_blow_up() {
    let row = |i: usize| {
        let row = format!("*a{},", i - 1).repeat(10);
        format!("a{i}: &a{i} [{}]\n", row.trim_end_matches(','))
    };
    let rows: String = (1..9).map(row).collect();
    let text = format!("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n{rows}");
    let found = errors(&text);
    assert!(found[0].2.contains("too large"), "{found:?}");
}

#[test]
fn what_grows_is_refused_however_it_grows() {
    let refused = |text: &str| errors(text).iter().any(|(.., told)| told.contains("too large"));
    // An alias is as deep as what it names, and deeper where it stands.
    let deep = |n: usize| format!("a{n}: &a{n} {}*a{}{}\n", "[".repeat(9), n - 1, "]".repeat(9));
    let rows = |count| format!("a0: &a0 x\n{}", (1..=count).map(deep).collect::<String>());
    assert!(!refused(&rows(7)) && refused(&rows(8)));
    // So is a text as long each time.
    let text = |count| format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(count));
    assert!(!refused(&text(50)) && refused(&text(70)));
    // And a path holds every key above it.
    let keys = |count| {
        let key = "k".repeat(1000);
        let open: String = (0..50).map(|_| format!("{{{key}: ")).collect();
        format!("{open}[{}]{}", "x, ".repeat(count), "}".repeat(50))
    };
    assert!(!refused(&keys(1000)) && refused(&keys(2000)));
    assert!(!is_bounded(&rows(8)) && is_bounded(&rows(7)) && is_bounded("[no YAML"));
}

#[test]
fn brackets_are_counted_before_the_parser_sees_them() {
    let text = format!("a: 1\r\nb: {}", "[".repeat(200));
    let message = "this file is too large or too deeply nested".to_owned();
    assert_eq!(errors(&text), [(2, 4 + 128, message)]);
    // Those of a text close each other, or are few.
    assert!(errors(&format!("a: |\n{}", "  [ -d x ] || { echo; }\n".repeat(5000))).is_empty());
}

#[test]
fn a_key_has_an_end() {
    let key = |length| errors(&format!("? {}\n: x\n", "이".repeat(length)));
    assert!(key(1024).is_empty());
    assert_eq!(key(1025), [(1, 3, "a key has at most 1024 characters".to_owned())]);
}

#[test]
fn what_stands_behind_the_end_is_told_at_the_end() {
    // The parser sees a line break at the end, and characters of a directive twice.
    for (text, place) in
        [("a: b\nc", (2, 2)), ("a: [b\n", (2, 1)), ("%a\u{fffd}\u{fffd}\u{1}", (1, 6))]
    {
        let found = errors(text);
        assert_eq!(found.len(), 1, "{text:?}: {found:?}");
        assert_eq!((found[0].0, found[0].1), place, "{text:?}: {found:?}");
    }
}

#[test]
fn marks_of_other_editors_and_tags() {
    assert!(errors("a: 1\r\nb: [x]\r\n").is_empty());
    let mut findings = Findings::default();
    let root = parse("a: !replace [x]\nb: !!str 5\n", 1, &mut findings).expect("valid");
    assert!(root.entries()[0].1.replace && findings.errors() == 0);
    assert_eq!(errors("a: !vault x\n"), [(1, 4, "the tag `!vault` is not known here".into())]);
}

#[test]
fn what_is_no_key_is_left_out_and_hides_nothing() {
    let mut findings = Findings::default();
    let text = "a: 1\n[b, c]: {d: 1}\ne: {{ f }}\ng: 1\ng: 2\n";
    let root = parse(text, 1, &mut findings).expect("the rest");
    let keys: Vec<_> = root.entries().iter().map(|(key, _)| key.name.as_str()).collect();
    assert_eq!(keys, ["a", "e", "g"]);
    assert!(matches!(root.get("e").expect("a value").value, Value::Null));
    let told: Vec<_> =
        findings.sorted().iter().map(|f| (f.rule, f.span.map_or(0, |s| s.line))).collect();
    assert_eq!(told, [(Rule::KeyForm, 2), (Rule::KeyForm, 3), (Rule::DuplicateKey, 5)]);
    assert!(findings_of("{[a]: x}\n").is_empty(), "a document stays a mapping");
}

fn findings_of(text: &str) -> Vec<String> {
    let mut findings = Findings::default();
    let root = parse(text, 1, &mut findings).expect("a tree");
    root.entries().iter().map(|(key, _)| key.name.clone()).collect()
}
