//! The reference page of the lab file: every key, its type, default and example, from the types and from what is built in.

use std::fmt::Write as _;

use super::schema::{LabFields, NodeFields, RoleFields};
use super::settings::SettingsSpec;
use super::shape::{Field, Record, Shape};
use super::tree::{Node, Value};
use super::{BUILT_IN_TREE, decode::Decode, include};

const HEAD: &str = "# The lab file, key by key\n\n\
Made from the code (`trainyard schema --markdown`). For editors there is a JSON schema of the same: `trainyard schema > lab.schema.json`,\n\
then `# yaml-language-server: $schema=lab.schema.json` as the first line of the lab file.\n\n\
## How values are inherited\n\n\
A key of [Settings](#settings) may stand in the lab, in a role and at a node; the nearer one counts: node, role, lab, built in.\n\n\
- Mappings merge key by key.\n\
- A single value replaces the inherited one, and `~` brings back what is built in, or nothing: `sysctl: {vm.swappiness: ~}`.\n\
- A name with nothing under it, such as `users: {anna: }`, says nothing new where each name has keys of its own.\n\
- A list replaces the inherited one; a list that is *added* comes after it.\n\
- `!replace` before a list or a mapping leaves nothing of what it would inherit: `packages: !replace [tcpdump]`.\n\n\
`include: [FILE, ...]` names other lab files, relative to the one that names them. They merge by the same rules, each over the one\n\
before it, and the file that includes them is said over all of them. A node's key may be a range: `compute[1-8]`, or `compute[01-12]` with\n\
leading zeros. Between braces and brackets, YAML wants quotes around it: `{\"compute[1-8]\": {role: compute, address: \"10.0.0.[31-38]\"}}`.\n\
Under `address`, `ipv6`, `mac`, `serial`, `uuid` and `by_id` a range (of decimal numbers) of the same length, `10.0.0.[31-38]`, gives each node its own. What is said of\n\
one of them by its own name (`compute3: {memory: 8GiB}`) is said over what the range says.\n\n\
`trainyard plan --explain NODE` shows every value that a node has, with the file and line that it comes from.\n";

/// The whole page.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    let lab = LabFields::shape();
    section("The lab as a whole", &lab, "", &mut page);
    let _ = writeln!(
        page,
        "| `{}` | one, or a list of: text | none | `[nodes.yaml]` | Other lab files, over which this one is said. |",
        include::KEY
    );
    section("A role (`roles.NAME`)", &RoleFields::shape(), "", &mut page);
    section("A node (`nodes.NAME`)", &NodeFields::shape(), "", &mut page);
    section("Settings", &SettingsSpec::shape(), "", &mut page);
    let built_in = super::BUILT_IN.split_once('\n').map_or("", |(_, rest)| rest);
    let _ = write!(
        page,
        "\n## What is built in\n\nWhat no file says; a role's own defaults stand below what the lab says for all.\n\n```yaml\n{built_in}```\n"
    );
    page
}

fn section(title: &str, shape: &Shape, prefix: &str, page: &mut String) {
    let Shape::Record(record) = shape else { return };
    let _ = writeln!(
        page,
        "\n## {title}\n\n| key | type | default | example | |\n|---|---|---|---|---|"
    );
    rows(record, prefix, &[("", &BUILT_IN_TREE)], page);
}

/// The keys of a mapping. `built_in` has what is built in for it; where it stands under names, each with its own.
fn rows(record: &Record, prefix: &str, built_in: &[(&str, &Node)], page: &mut String) {
    for field in &record.fields {
        let path = format!("{prefix}{}", field.name);
        let defaults =
            built_in.iter().filter_map(|(name, node)| Some((*name, node.get(field.name)?)));
        let defaults: Vec<(&str, &Node)> = defaults.collect();
        let (inner, steps) = inside(&field.shape);
        let _ = writeln!(
            page,
            "| `{path}` | {} | {} | `{}` | {} |",
            kind(&field.shape),
            default(field, &defaults),
            field.example.replace('|', "\\|"),
            field.doc.replace('|', "\\|"),
        );
        if let Shape::Record(record) = inner {
            let below: Vec<(&str, &Node)> = match &*steps {
                "" => defaults,
                ".NAME" => defaults
                    .iter()
                    .flat_map(|(_, node)| node.entries())
                    .map(|(key, node)| (key.name.as_str(), node))
                    .collect(),
                _ => Vec::new(),
            };
            rows(record, &format!("{path}{steps}."), &below, page);
        }
    }
}

/// What holds where a key is left out.
fn default(field: &Field, built_in: &[(&str, &Node)]) -> String {
    let absent = field.absent;
    let mut shown = Vec::new();
    for (name, node) in built_in {
        let Some(value) = inline(node).map(|value| format!("`{value}`")) else { continue };
        match *name {
            // What is built in for everyone leaves nothing else.
            "" => return value,
            _ if value == absent => {}
            name => shown.push(format!("{value} (`{name}`)")),
        }
    }
    // The keys of a mapping tell.
    let is_mapping = matches!(field.shape, Shape::Record(_) | Shape::TextOr(_) | Shape::FlagOr(_));
    match (shown.is_empty(), absent) {
        (true, "") if is_mapping => String::new(),
        (true, "") => "none".to_owned(),
        (true, _) => absent.to_owned(),
        (false, "") => shown.join(", "),
        (false, _) => format!("{}; elsewhere {absent}", shown.join(", ")),
    }
}

/// What is inside lists and mappings of names, and how a path goes there.
fn inside(shape: &Shape) -> (&Shape, String) {
    match shape {
        Shape::Entries(value) => {
            let (inner, steps) = inside(value);
            (inner, format!(".NAME{steps}"))
        }
        Shape::List { item, .. } => {
            let (inner, steps) = inside(item);
            (inner, format!("[]{steps}"))
        }
        Shape::TextOr(more) | Shape::FlagOr(more) => inside(more),
        _ => (shape, String::new()),
    }
}

fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".into(),
        Shape::Number => "number".into(),
        Shape::Flag => "`yes` or `no`".into(),
        Shape::Choice(words) => {
            words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        Shape::List { item, added, single } => format!(
            "{}list of: {}{}",
            if *single { "one, or a " } else { "" },
            kind(item),
            if *added { "; *added*" } else { "" }
        ),
        Shape::Entries(value) => format!("names, each with: {}", kind(value)),
        Shape::Record(_) | Shape::Data => "mapping".into(),
        Shape::TextOr(_) => "text, or a mapping".into(),
        Shape::FlagOr(_) => "`yes`, `no`, or a mapping".into(),
    }
}

/// A short value on one line; nothing for an empty one.
fn inline(node: &Node) -> Option<String> {
    match &node.value {
        Value::Scalar(text) => Some(text.clone()),
        Value::List(items) if !items.is_empty() => {
            let items: Vec<_> = items.iter().filter_map(inline).collect();
            Some(format!("[{}]", items.join(", ")))
        }
        _ => None,
    }
}
