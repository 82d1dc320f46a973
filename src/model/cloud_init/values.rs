//! A value of `cloud_init` becomes data of the type that its key wants. What a plain word is differs between YAML 1.1, which cloud-init
//! reads, and 1.2: `yes`, `0755`, `12:30`. Here the key says whether a text, a flag or a number is meant.

use serde_json::{Map, Value, json};

use crate::report::Rule;
use crate::spec::{Data, Spanned};

use super::forms::{a_word, count, day, field, number, rsyslog_file, uid, url};
use super::keys::{self, Form, Known, Verdict};
use super::{Others, is_empty, refuse};
use crate::model::access::public_key;
use crate::model::repositories::has_credentials;
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
    /// What is missing.
    pub missing: Vec<(Spanned<()>, String)>,
}

impl Checker<'_, '_> {
    /// The form of what stands under a key; nothing where that is not handed on, which is told.
    pub fn form(&mut self, key: &Spanned<String>, known: &[Known]) -> Option<Form> {
        match keys::verdict(&key.value, known) {
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
            Form::Field => self.parsed(at, written, field),
            Form::Count(most) => {
                let count = self.parsed(at, written, |text| count(text, most))?;
                count.as_str()?.parse::<u32>().ok().map(|count| json!(count))
            }
            Form::Digits => self.parsed(at, written, number),
            Form::Uid => self.parsed(at, written, uid),
            Form::Texts => self.texts(at, written).map(|texts| json!(texts)),
            Form::Word(words) => self.parsed(at, written, |text| a_word(text, words)),
            Form::Mode => self
                .parsed(at, written, |text| files::mode(text.strip_prefix("0o").unwrap_or(text))),
            Form::Path => {
                self.parsed(at, written, |text| file_places::path(text).map(|()| text.to_owned()))
            }
            Form::RsyslogFile => self.parsed(at, written, rsyslog_file),
            Form::Url => self.url(at, written),
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
            Form::Mapping(known, needed) => {
                let mapping = self.mapping(at, written, known)?;
                self.note_missing(at, written, needed);
                Some(Value::Object(mapping))
            }
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
    pub fn plain(&mut self, written: &Spanned<Data>) -> Option<String> {
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

    /// A URL, which holds no password: what goes to each node is for nobody else, and a lab file is.
    fn url(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        if let Data::Text(text) = &written.value {
            let text =
                Spanned { value: text.clone(), span: written.span, path: written.path.clone() };
            if has_credentials(at, &text, self.r) {
                return None;
            }
        }
        self.parsed(at, written, url)
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
            if matches!(value.value, Data::Nothing) {
                continue;
            }
            let text = self.text(&format!("{at}.{}", name.value), value)?;
            named.insert(name.value.clone(), json!(text));
        }
        Some(Value::Object(named))
    }

    fn sudo(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        if matches!(&written.value, Data::Text(text) if ["no", "false", "off"].contains(&text.to_ascii_lowercase().as_str()))
        {
            return self.flag(at, written);
        }
        let mut rules = self.each(at, written, |text| sudo::rule(text, "`ALL=(ALL) ALL`"))?;
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
        let told = self.r.findings.times();
        let mut mapping = Map::new();
        for (key, value) in written.value.entries() {
            let Some(form) = self.form(key, known) else { continue };
            if matches!(value.value, Data::Nothing) {
                continue;
            }
            let value = self.value(form, &format!("{at}.{}", key.value), value);
            if let Some(value) = value.filter(|value| !is_nothing(value)) {
                mapping.insert(key.value.clone(), value);
            }
        }
        let is_empty = is_empty(&written.value);
        if matches!(written.value, Data::Map(_)) && !is_empty {
            return Some(mapping);
        }
        // Where a key of it was told, that is why.
        if self.r.findings.times() == told {
            let keys: Vec<_> = keys::taken(known).iter().map(|name| format!("`{name}`")).collect();
            let found = if is_empty { "an empty one" } else { written.value.kind() };
            let message = format!("expected a mapping, found {found}");
            self.r.tell(Rule::Kind, written, message, format!("its keys are {}", keys.join(", ")));
        }
        None
    }

    /// Notes that the key is not there without which a module gives up.
    fn note_missing(&mut self, at: &str, written: &Spanned<Data>, needed: Option<&str>) {
        let Some(needed) = needed.filter(|needed| written.value.said(needed).is_none()) else {
            return;
        };
        let name = at.rsplit('.').next().unwrap_or_default();
        let at = Spanned { value: (), span: written.span, path: written.path.clone() };
        self.missing.push((at, format!("`{name}` has no `{needed}`")));
    }
}

/// A list of nothing says nothing.
pub(super) fn is_nothing(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}
