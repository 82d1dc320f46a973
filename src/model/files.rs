//! Text files that people put on their nodes.

use std::sync::Arc;

use crate::report::Rule;
use crate::spec::{Entries, Entry, FileSpec, Spanned};

use super::file_places::{of_account, path, tell_folders, tell_risk};
use super::settle::{Resolver, Wrong};
use super::{Access, Account, Origin, system};

/// A text file.
#[derive(Clone, Debug)]
pub struct CustomFile {
    /// Where.
    pub path: Spanned<String>,
    /// Its owner.
    pub owner: String,
    /// Its group.
    pub group: String,
    /// Its mode in octal.
    pub mode: String,
    /// What is in it.
    pub content: Arc<str>,
}

pub(super) fn resolve(
    spec: Option<&Spanned<Entries<FileSpec>>>,
    access: Option<&Access>,
    accounts: &[Account],
    r: &mut Resolver,
) -> Vec<CustomFile> {
    let of_lab = |name: &str| {
        accounts.iter().any(|account| account.name == name)
            || access.is_some_and(|access| access.user.as_deref() == Some(name))
    };
    let is_user = |name: &str| system::is_user(name) || of_lab(name);
    let is_group = |name: &str| {
        let mut groups = accounts.iter().flat_map(|account| &account.groups);
        system::is_group(name) || of_lab(name) || groups.any(|group| group == name)
    };
    let mut files = Vec::new();
    for Entry { name, value } in spec.iter().flat_map(|s| &s.value.0) {
        let content = content(name, value, r);
        let key = |key: &str| format!("files.{}.{key}", name.value);
        let mut said =
            |what: &str, spec: Option<&Spanned<String>>, default: &str, parse: Parse| match spec {
                Some(written) => r.settle(&key(what), Some(written), parse),
                None => Some(default.to_owned()),
            };
        let mode = said("mode", value.mode.as_ref(), "0644", &mode);
        let owner =
            said("owner", value.owner.as_ref(), "root", &|text| known(text, "account", is_user));
        let group =
            said("group", value.group.as_ref(), "root", &|text| known(text, "group", is_group));
        if let Err(wrong) = path(&name.value).and_then(|()| of_account(&name.value, of_lab)) {
            r.reject(name, wrong);
            continue;
        }
        tell_risk(name, r);
        if let (Some(content), Some(mode), Some(owner), Some(group)) = (content, mode, owner, group)
        {
            let (content, shown, origin) = content;
            let shown = format!("{shown}, {mode} {owner}:{group}");
            r.note(&format!("files.{}", name.value), &shown, origin);
            let path = name.clone();
            files.push(CustomFile { path, owner, group, mode, content });
        }
    }
    tell_folders(&files, r);
    files
}

type Parse<'p> = &'p dyn Fn(&str) -> Result<String, Wrong>;

/// The text, from the lab file or from a file beside it; what it is, for people; and where it comes from.
fn content(
    name: &Spanned<String>,
    spec: &FileSpec,
    r: &mut Resolver,
) -> Option<(Arc<str>, String, Origin)> {
    let (text, shown, span) = match (&spec.content, &spec.source) {
        (Some(text), None) => (text.value.as_str().into(), size(&text.value), text.span),
        (None, Some(file)) => {
            let shown = format!("from {}: {}", file.value.name, size(&file.value.text));
            (file.value.text.clone(), shown, file.span)
        }
        // It cannot be read.
        (None, None) if r.findings.has_told(&format!("{}.source", name.path)) => return None,
        (content, _) => {
            let what = if content.is_some() { "both" } else { "neither" };
            let message = format!("`{}` has {what} `content` and `source`", name.value);
            let help = "one of the two; before the mapping, `!replace` leaves nothing of what it would inherit";
            r.tell(
                Rule::FileContent,
                name,
                message.replace("neither `content` and", "neither `content` nor"),
                help,
            );
            return None;
        }
    };
    if let Err((what, help)) = writable(&text) {
        r.findings.tell(
            Rule::Unwritable,
            &name.path,
            span,
            format!("`{}` {what}", name.value),
            help,
        );
        return None;
    }
    Some((text, shown, r.origin(span)))
}

fn size(text: &str) -> String {
    let (lines, bytes) = (text.lines().count(), text.len());
    let line = if lines == 1 { "line" } else { "lines" };
    format!("{lines} {line} ({bytes} bytes)")
}

/// What a text cannot hold: what it is, and the way out.
pub(super) fn writable(text: &str) -> Result<(), (&'static str, &'static str)> {
    if text.contains('\0') {
        return Err(("holds a NUL character", "a text file; others can be fetched by a hook"));
    }
    Ok(())
}

pub(super) fn mode(text: &str) -> Result<String, Wrong> {
    let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(text);
    if digits.len() == 3 && digits.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        Ok(format!("0{digits}"))
    } else {
        Err(Wrong::from("a mode in octal, such as `0640`"))
    }
}

fn known(text: &str, kind: &str, is_known: impl Fn(&str) -> bool) -> Result<String, Wrong> {
    if is_known(text) {
        return Ok(text.to_owned());
    }
    let why = format!("is no {kind} that the node has");
    let help = format!(
        "{} of CentOS 7 itself, or one that `users` makes",
        if kind == "account" { "an account" } else { "a group" }
    );
    Err(Wrong::of(Rule::UnknownOwner, why, help))
}
