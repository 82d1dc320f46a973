//! `users` and `groups` of one's own.

use serde_json::{Value, json};

use crate::report::Rule;
use crate::spec::{Data, Spanned};

use super::keys::USER;
use super::values::Checker;
use crate::model::settle::Wrong;
use crate::model::users;

const USERS: &str = "for example `[{name: guest, ssh_authorized_keys: [\"ssh-ed25519 AAAA…\"]}]`";
const GROUPS: &str = "for example `[developers, {testers: [alice]}]`";

impl Checker<'_, '_> {
    pub(super) fn users(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        let mut users = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for (at, item) in self.items(at, written, USERS)? {
            if let Data::Text(_) = item.value {
                users.extend(self.parsed(&at, item, image_account));
                continue;
            }
            let Some(user) = self.mapping(&at, item, USER) else { continue };
            let of = |key: &str| item.value.entries().iter().find(|(k, _)| k.value == key);
            let Some((_, name)) = of("name") else {
                self.r.tell(Rule::CloudInitValue, item, "an account has no `name`", USERS);
                continue;
            };
            if let Some(Value::String(text)) = user.get("name") {
                let name =
                    Spanned { value: text.clone(), span: name.span, path: name.path.clone() };
                self.tell_account(&name, &seen, user.get("uid").and_then(Value::as_str));
                seen.push(name.value);
            }
            users.push(Value::Object(user));
        }
        Some(json!(users))
    }

    /// Tells an account that is said elsewhere, or that could have another's number.
    fn tell_account(&mut self, name: &Spanned<String>, seen: &[String], uid: Option<&str>) {
        let others = self.others;
        let of_lab = others.accounts.iter().any(|account| account.name == name.value)
            || others.access.is_some_and(|access| access.user.as_ref() == Some(&name.value));
        if of_lab || seen.contains(&name.value) {
            let why = if of_lab {
                "is an account of the lab already"
            } else {
                "is an account of `cloud_init` already"
            };
            self.r.reject(name, Wrong::of(Rule::AccountTwice, why, "say it once"));
        }
        // These are made first, and useradd gives the next number that is free.
        let taken = others.accounts.iter().filter(|account| account.uid.is_some());
        let same =
            taken.clone().find(|account| account.uid.map(|n| n.to_string()).as_deref() == uid);
        if let (Some(uid), Some(account)) = (uid, same) {
            let message = format!("`{}`: {uid} is taken by `{}`", name.value, account.name);
            self.r.tell(Rule::UidTaken, name, message, "another number");
        }
        if let (None, Some(account)) = (uid, taken.clone().next()) {
            let message =
                format!("`{}` could be given the number of `{}`", name.value, account.name);
            self.r.tell(
                Rule::UidTaken,
                name,
                message,
                "cloud-init makes its accounts first: give this one a `uid` as well",
            );
        }
    }

    pub(super) fn group_names(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        let Data::Text(text) = &written.value else {
            return self.each(at, written, users::group);
        };
        let split = text.split(',').map(|name| Spanned {
            span: written.span,
            path: written.path.clone(),
            value: Data::Text(name.trim().to_owned()),
        });
        let value = Data::List(split.collect());
        self.each(at, &Spanned { value, ..written.clone() }, users::group)
    }

    /// Groups, with or without members: always a list.
    pub(super) fn groups(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        if let Data::Map(_) = written.value {
            return Some(json!(self.with_members(at, written)));
        }
        let mut groups = Vec::new();
        for (at, item) in self.items(at, written, GROUPS)? {
            match &item.value {
                Data::Map(_) => groups.extend(self.with_members(&at, item)),
                _ => groups.extend(self.parsed(&at, item, users::group)),
            }
        }
        Some(json!(groups))
    }

    fn with_members(&mut self, at: &str, written: &Spanned<Data>) -> Vec<Value> {
        let mut groups = Vec::new();
        for (name, members) in written.value.entries() {
            if let Err(wrong) = users::group(&name.value) {
                self.r.reject(name, wrong);
                continue;
            }
            let members = self.each(&format!("{at}.{}", name.value), members, |text| {
                crate::model::access::account(text)
            });
            groups.extend(members.map(|members| match members.as_array() {
                Some(none) if none.is_empty() => json!(name.value),
                _ => json!({ name.value.as_str(): members }),
            }));
        }
        groups
    }
}

/// What names an account without saying more: the image's own.
fn image_account(text: &str) -> Result<String, &'static str> {
    if text == "default" {
        Ok(text.to_owned())
    } else {
        Err("`default` for the image's own account, or a mapping with `name`")
    }
}
