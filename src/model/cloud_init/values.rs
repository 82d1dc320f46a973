//! A value of `cloud_init` becomes data of the type that its key wants. What a plain word is differs between YAML 1.1, which cloud-init
//! reads, and 1.2: `yes`, `0755`, `12:30`. Here the key says whether a text, a flag or a number is meant.

use serde_json::{Map, Value, json};

use crate::report::Rule;
use crate::spec::{Data, Spanned};

use super::keys::{Form, Known, Verdict};
use super::{Others, is_empty, refuse};
use crate::model::access::public_key;
use crate::model::settle::{Resolver, Wrong, word};
use crate::model::{file_places, files, sudo, users};

/// Characters of a text that `plan --explain` shows.
const SHOWN: usize = 60;

/// Reads values, and notes each.
pub(super) struct Checker<'c, 'f> {
    pub r: &'c mut Resolver<'f>,
    pub others: &'c Others<'c>,
    /// The files that are written.
    pub files: Vec<Spanned<String>>,
}

impl Checker<'_, '_> {
    /// The form of what stands under a key; nothing where that is not handed on, which is told.
    pub fn form(&mut self, key: &Spanned<String>, known: &[Known]) -> Option<Form> {
        match known.iter().find(|(name, _)| *name == key.value).map(|(_, verdict)| *verdict) {
            Some(Verdict::Taken(form)) => Some(form),
            verdict => {
                refuse(key, verdict, known, self.r);
                None
            }
        }
    }

    /// A value in its form; `at` is its path for `plan --explain`. What cannot be used is told.
    pub fn value(&mut self, form: Form, at: &str, written: &Spanned<Data>) -> Option<Value> {
        match form {
            Form::Text => self.text(at, written).map(Value::String),
            Form::Flag => self.flag(at, written),
            Form::Number => self.number(at, written).map(|number| json!(number)),
            Form::Digits => self.number(at, written).map(|number| json!(number.to_string())),
            Form::Texts => self.texts(at, written).map(|texts| json!(texts)),
            Form::Word(words) => self.parsed(at, written, |text| a_word(text, words)),
            Form::Mode => self
                .parsed(at, written, |text| files::mode(text.strip_prefix("0o").unwrap_or(text))),
            Form::Path => {
                self.parsed(at, written, |text| file_places::path(text).map(|()| text.to_owned()))
            }
            Form::Post => self.post(at, written),
            Form::Day => self.parsed(at, written, day),
            Form::Names => self.names(at, written),
            Form::Commands => self.commands(at, written),
            Form::Files => self.files(at, written),
            Form::Users => self.users(at, written),
            Form::Account => self.parsed(at, written, users::new_account),
            Form::Group => self.parsed(at, written, users::group),
            Form::GroupNames => self.group_names(at, written),
            Form::Groups => self.groups(at, written),
            Form::Shell => self.parsed(at, written, users::shell),
            Form::Owner => self.parsed(at, written, super::files::owner),
            Form::Sudo => self.sudo(at, written),
            Form::Keys => self.each(at, written, public_key),
            Form::Mapping(known) => self.mapping(at, written, known).map(Value::Object),
        }
    }

    /// Tells a value of the wrong kind.
    pub fn mismatch(&mut self, written: &Spanned<Data>, wanted: &str, help: &str) {
        let message = format!("expected {wanted}, found {}", written.value.kind());
        self.r.tell(Rule::Kind, written, message, help);
    }

    pub fn note(&mut self, at: &str, text: &str, written: &Spanned<Data>) {
        let first = text.lines().next().unwrap_or("");
        let mut shown: String = first.chars().take(SHOWN).collect();
        if shown.len() < text.trim_end_matches('\n').len() {
            shown.push('…');
        }
        let origin = self.r.origin(written.span);
        self.r.note(at, &shown, origin);
    }

    /// A text that arrives as it is.
    fn plain(&mut self, written: &Spanned<Data>) -> Option<String> {
        let Data::Text(text) = &written.value else {
            self.mismatch(
                written,
                "a single value",
                "put a text that YAML takes for something else in quotes",
            );
            return None;
        };
        let (what, help) = if !text.is_ascii() {
            (
                "is not ASCII, over which cloud-init of CentOS 7 may stumble",
                "a file with such a text goes under `files`, a script under `hooks`",
            )
        } else if text.chars().any(|c| c.is_control() && !['\n', '\t'].contains(&c)) {
            (
                "holds control characters",
                "a file with such a text goes under `files`; in `write_files`, `encoding: b64` takes it",
            )
        } else {
            return Some(text.clone());
        };
        let line = text.lines().find(|l| !l.is_ascii() || l.chars().any(char::is_control));
        let shown: String =
            line.unwrap_or("").chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        self.r.tell(Rule::CloudInitValue, written, format!("`{shown}` {what}"), help);
        None
    }

    pub fn text(&mut self, at: &str, written: &Spanned<Data>) -> Option<String> {
        let text = self.plain(written)?;
        self.note(at, &text, written);
        Some(text)
    }

    /// A text that must be more than that.
    pub fn parsed<E: Into<Wrong>>(
        &mut self,
        at: &str,
        written: &Spanned<Data>,
        parse: impl Fn(&str) -> Result<String, E>,
    ) -> Option<Value> {
        let text = self.plain(written)?;
        match parse(&text) {
            Ok(value) => {
                self.note(at, &value, written);
                Some(json!(value))
            }
            Err(wrong) => {
                let (span, path) = (written.span, written.path.clone());
                self.r.reject(&Spanned { span, path, value: text }, wrong);
                None
            }
        }
    }

    fn flag(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        let flag = self.parsed(at, written, |text| match text.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" => Ok("yes".to_owned()),
            "no" | "false" | "off" => Ok("no".to_owned()),
            _ => Err("`yes` or `no`"),
        })?;
        Some(json!(flag == "yes"))
    }

    /// A whole number that is the same in all versions of YAML.
    fn number(&mut self, at: &str, written: &Spanned<Data>) -> Option<u32> {
        let number = self.parsed(at, written, |text| {
            let number: u32 = text.parse().map_err(|_| "a whole number, such as `10`")?;
            if number.to_string() == text {
                Ok(text.to_owned())
            } else {
                Err("a whole number without zeros before it")
            }
        })?;
        number.as_str()?.parse().ok()
    }

    /// The items of a list, each with its path.
    pub fn items<'d>(
        &mut self,
        at: &str,
        written: &'d Spanned<Data>,
        help: &str,
    ) -> Option<Vec<(String, &'d Spanned<Data>)>> {
        let Data::List(items) = &written.value else {
            self.mismatch(written, "a list", help);
            return None;
        };
        Some(items.iter().enumerate().map(|(i, item)| (format!("{at}[{i}]"), item)).collect())
    }

    /// A text, or several, each parsed.
    pub fn each<E: Into<Wrong>>(
        &mut self,
        at: &str,
        written: &Spanned<Data>,
        parse: impl Fn(&str) -> Result<String, E>,
    ) -> Option<Value> {
        if let Data::Text(_) = written.value {
            return self.parsed(at, written, &parse).map(|one| json!([one]));
        }
        let items = self.items(at, written, "one text, or a list of them")?;
        let parsed: Vec<_> = items.iter().map(|(at, item)| self.parsed(at, item, &parse)).collect();
        parsed.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
    }

    fn texts(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        self.each(at, written, |text| Ok::<_, Wrong>(text.to_owned()))
    }

    fn post(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        const SENT: [&str; 6] =
            ["pub_key_dsa", "pub_key_rsa", "pub_key_ecdsa", "instance_id", "hostname", "fqdn"];
        match &written.value {
            Data::Text(text) if text == "all" => self.text(at, written).map(Value::String),
            _ => self.each(at, written, |text| a_word(text, &SENT)),
        }
    }

    fn names(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        let Data::Map(entries) = &written.value else {
            self.mismatch(written, "a mapping", "for example `{central: 10.0.0.5}`");
            return None;
        };
        let mut named = Map::new();
        for (name, value) in entries {
            if let Err(allowed) = word(&name.value, 40, "._-") {
                self.r.reject(name, allowed);
                continue;
            }
            let text = self.text(&format!("{at}.{}", name.value), value)?;
            named.insert(name.value.clone(), json!(text));
        }
        Some(Value::Object(named))
    }

    /// Commands. 19.4 gives up on all of them, trainyard's as well, where one is neither a text nor a list of words.
    fn commands(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        const HELP: &str = "a list of commands: `[[touch, /root/seen], \"date > /root/when\"]`";
        let mut commands = Vec::new();
        for (at, item) in self.items(at, written, HELP)? {
            match &item.value {
                Data::Text(text) if text.trim().is_empty() => {
                    self.r.tell(Rule::CloudInitValue, item, "an empty text is no command", HELP);
                }
                Data::Text(_) => commands.extend(self.text(&at, item).map(Value::String)),
                Data::List(words) if !words.is_empty() => {
                    let words: Vec<_> = words.iter().map(|word| self.plain(word)).collect();
                    if let Some(words) = words.into_iter().collect::<Option<Vec<_>>>() {
                        self.note(&at, &words.join(" "), item);
                        commands.push(json!(words));
                    }
                }
                Data::Map(_) => {
                    let help = "put a command with a colon and a blank in quotes: `'echo a: b'`";
                    self.mismatch(item, "a command", help);
                }
                _ => self.mismatch(item, "a command", HELP),
            }
        }
        Some(json!(commands))
    }

    fn sudo(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        if matches!(&written.value, Data::Text(text) if ["no", "false", "off"].contains(&text.to_ascii_lowercase().as_str()))
        {
            return self.flag(at, written);
        }
        let mut rules = self.each(at, written, sudo::rule)?;
        // One as a text, which newer versions take as well.
        match rules.as_array_mut() {
            Some(list) if list.len() == 1 => list.pop(),
            _ => Some(rules),
        }
    }

    /// A mapping with fixed keys.
    pub fn mapping(
        &mut self,
        at: &str,
        written: &Spanned<Data>,
        known: &[Known],
    ) -> Option<Map<String, Value>> {
        if !matches!(written.value, Data::Map(_)) || is_empty(&written.value) {
            let keys = known.iter().filter(|(_, v)| matches!(v, Verdict::Taken(_)));
            let keys: Vec<_> = keys.map(|(name, _)| format!("`{name}`")).collect();
            let found =
                if is_empty(&written.value) { "an empty one" } else { written.value.kind() };
            let message = format!("expected a mapping, found {found}");
            self.r.tell(Rule::Kind, written, message, format!("its keys are {}", keys.join(", ")));
            return None;
        }
        let mut mapping = Map::new();
        for (key, value) in written.value.entries() {
            let Some(form) = self.form(key, known) else { continue };
            let value = self.value(form, &format!("{at}.{}", key.value), value);
            if let Some(value) = value.filter(|value| !is_nothing(value)) {
                mapping.insert(key.value.clone(), value);
            }
        }
        Some(mapping)
    }
}

/// A list of nothing says nothing.
pub(super) fn is_nothing(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

fn a_word(text: &str, words: &[&str]) -> Result<String, Wrong> {
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    Err(Wrong::from(format!("one of {}", words.join(", "))))
}

fn day(text: &str) -> Result<String, &'static str> {
    let fits = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if [4, 7].contains(&i) { b == b'-' } else { b.is_ascii_digit() })
        && (1..=12).contains(&text[5..7].parse().unwrap_or(0))
        && (1..=31).contains(&text[8..].parse().unwrap_or(0));
    if fits { Ok(text.to_owned()) } else { Err("a day, such as `2027-12-31`") }
}
