//! The schema for editors: JSON Schema (draft-07, which the YAML extensions of editors know), from the types.

use serde_json::{Map, Value, json};

use super::schema::lab_shape;
use super::shape::{Record, Shape};
use super::tree;
use super::yaml;

/// The whole schema. Values keep their text, so a number may stand wherever a text may.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = of(&lab_shape());
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("trainyard lab file");
    schema
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        // `null` leaves what is built in, and a text of digits is a number as well.
        Shape::Number => json!({ "type": ["integer", "string"], "pattern": "^[0-9]+$" }),
        Shape::Flag => json!({ "enum": [true, false, "yes", "no", "on", "off"] }),
        Shape::Choice(words) => {
            json!({ "enum": words.iter().map(|(word, _)| word).collect::<Vec<_>>() })
        }
        Shape::List { item, single, .. } => {
            let list = json!({ "type": "array", "items": of(item) });
            if *single { json!({ "anyOf": [of(item), list] }) } else { list }
        }
        Shape::Entries(value) => {
            json!({ "type": "object", "additionalProperties": or_nothing(of(value)) })
        }
        Shape::Record(record) => of_record(record),
        Shape::TextOr(more) => json!({ "anyOf": [of(&Shape::Text), of(more)] }),
        Shape::FlagOr(more) => json!({ "anyOf": [of(&Shape::Flag), of(more)] }),
        Shape::Data => json!({ "type": "object" }),
    }
}

fn of_record(record: &Record) -> Value {
    let mut properties = Map::new();
    for field in &record.fields {
        let mut schema = or_nothing(of(&field.shape));
        let absent = match field.absent {
            "" => String::new(),
            "needed" => " It is needed.".to_owned(),
            absent => format!(" Left out: {absent}."),
        };
        schema["description"] = json!(format!("{}{absent}", field.doc));
        schema["examples"] = json!([example(field.example)]);
        properties.insert(field.name.to_owned(), schema);
    }
    json!({
        "type": "object",
        "description": record.doc,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn or_nothing(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// An example as data.
fn example(text: &str) -> Value {
    let mut findings = crate::report::Findings::default();
    yaml::parse(text, 0, &mut findings).map_or(Value::Null, |node| plain(&node))
}

fn plain(node: &tree::Node) -> Value {
    match &node.value {
        tree::Value::Null => Value::Null,
        tree::Value::Scalar(text) => json!(text),
        tree::Value::List(items) => items.iter().map(plain).collect(),
        tree::Value::Map(entries) => {
            let entry = |(key, node): &(tree::Key, tree::Node)| (key.name.clone(), plain(node));
            Value::Object(entries.iter().map(entry).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::Decode;
    use super::super::files::Reader;
    use super::super::schema::{LabFields, NodeFields, RoleFields};
    use super::super::settings::SettingsSpec;
    use super::*;
    use crate::report::{Findings, Sources};

    /// Every key's example, as a mapping of its record, however deep.
    fn examples(record: &Record, told: &mut Vec<String>) {
        for field in &record.fields {
            assert!(!field.doc.is_empty() && !field.example.is_empty(), "{}", field.name);
            told.push(format!("{}: {}", field.name, field.example));
            let mut shape = &field.shape;
            while let Shape::Entries(inner)
            | Shape::TextOr(inner)
            | Shape::FlagOr(inner)
            | Shape::List { item: inner, .. } = shape
            {
                shape = inner;
            }
            if let Shape::Record(record) = shape {
                examples(record, told);
            }
        }
    }

    fn decodes<T: Decode>() {
        let Shape::Record(record) = T::shape() else { panic!("a record") };
        for field in &record.fields {
            let text = format!("{}: {}\n", field.name, field.example);
            let mut findings = Findings::default();
            let node = yaml::parse(&text, 0, &mut findings).expect(&text);
            let mut sources = Sources::new(&text);
            T::decode(&node, &mut Reader::new(&mut findings, &mut sources)).expect(&text);
            // Files that an example names are not there.
            let told = findings.sorted();
            let wrong = told.iter().find(|f| f.rule != crate::report::Rule::NamedFile);
            assert!(wrong.is_none(), "{text}: {wrong:?}");
        }
    }

    #[test]
    fn every_key_has_an_example_that_can_be_read() {
        let Shape::Record(record) = lab_shape() else { panic!("a record") };
        let mut told = Vec::new();
        examples(&record, &mut told);
        assert!(told.len() > 60, "{}", told.len());
        decodes::<LabFields>();
        decodes::<RoleFields>();
        decodes::<NodeFields>();
        decodes::<SettingsSpec>();
    }

    #[test]
    fn the_schema_names_every_key() {
        let schema = json_schema();
        let properties = &schema["properties"];
        let node =
            &properties["nodes"]["anyOf"][0]["additionalProperties"]["anyOf"][0]["properties"];
        assert!(properties["include"].is_object() && node["address"].is_object());
        assert!(node["timezone"]["description"].is_string() && properties["timezone"].is_object());
        assert_eq!(node["timezone"]["examples"], json!(["Asia/Seoul"]));
    }
}
