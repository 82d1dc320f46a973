//! `users` and `groups` of one's own.

use serde_json::{Value, json};

use crate::report::Rule;
use crate::spec::{Data, Spanned};

use super::keys::USER;
use super::values::Checker;
use crate::model::settle::Wrong;
use crate::model::users::UIDS;
use crate::model::{Account, users};

const USERS: &str = "for example `[{name: guest, ssh_authorized_keys: [\"ssh-ed25519 AAAA…\"]}]`";
const GROUPS: &str = "for example `[developers, {testers: [alice]}]`";

/// An account, and its number where it says one.
type Made = (Spanned<String>, Option<String>);

impl Checker<'_, '_> {
    pub(super) fn users(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        let mut users = Vec::new();
        let mut seen: Vec<Made> = Vec::new();
        let mut without: Vec<String> = Vec::new();
        for (at, item) in self.items(at, written, USERS)? {
            if let Data::Text(_) = item.value {
                let account = self.parsed(&at, item, image_account);
                without.extend(account.as_ref().and_then(Value::as_str).map(str::to_owned));
                users.extend(account);
                continue;
            }
            let Some(user) = self.mapping(&at, item, USER) else { continue };
            let Some((_, name)) = item.value.said("name") else {
                self.r.tell(Rule::CloudInitValue, item, "an account has no `name`", USERS);
                continue;
            };
            if let Some(Value::String(text)) = user.get("name") {
                let name =
                    Spanned { value: text.clone(), span: name.span, path: name.path.clone() };
                if self.is_first(&name, &seen) {
                    let uid = user.get("uid").and_then(Value::as_str);
                    match uid {
                        Some(uid) => self.tell_taken(&name, uid, &seen),
                        // One of the system's is given a number below those of people.
                        None if user.get("system") == Some(&json!(true)) => {}
                        None if item.value.said("uid").is_some() => {}
                        None => {
                            self.tell_without(&name);
                            without.push(name.value.clone());
                        }
                    }
                    let uid = uid.map(str::to_owned);
                    seen.push((name, uid));
                }
            }
            users.push(Value::Object(user));
        }
        self.tell_reached(&seen, &without);
        Some(json!(users))
    }

    /// Tells numbers that could be given to one of the accounts without. 19.4 keeps all of them in a dictionary (`ug_util.py`), which
    /// CentOS 7's Python 2.7 goes through in an order of its own, and useradd gives the number after the highest that is in use.
    fn tell_reached(&mut self, seen: &[Made], without: &[String]) {
        let administrator = self.others.access.and_then(|access| access.user.as_ref());
        let Some(example) = without.first().or(administrator) else { return };
        let count = (without.len() + usize::from(administrator.is_some())) as u64;
        let number = |(_, uid): &Made| uid.as_ref()?.parse::<u64>().ok();
        let before: Vec<u64> = seen.iter().filter_map(number).collect();
        let first = u64::from(*UIDS.start());
        for made @ (name, _) in seen {
            let Some(uid) = number(made) else { continue };
            let is_after = |other: &u64| *other < uid && uid - other <= count;
            let is_near = uid - first < count || before.iter().any(is_after);
            // Of the administrator and the first number that was told.
            if !is_near || administrator.is_some() && uid == first {
                continue;
            }
            let message = format!(
                "`{}`: {uid} could be given to `{example}`, which says no `uid`",
                name.value
            );
            let help = "cloud-init of CentOS 7 makes its accounts in an order that nobody says: give each a `uid`, or this one a number that is far from the next ones";
            self.r.tell(Rule::UidTaken, name, message, help);
        }
    }

    /// Whether an account is said nowhere else; that was told.
    fn is_first(&mut self, name: &Spanned<String>, seen: &[Made]) -> bool {
        let others = self.others;
        let of_lab = others.accounts.iter().any(|account| account.name == name.value)
            || others.access.is_some_and(|access| access.user.as_ref() == Some(&name.value));
        let why = if of_lab {
            "is an account of the lab already"
        } else if seen.iter().any(|(other, _)| other.value == name.value) {
            "is an account of `cloud_init` already"
        } else {
            return true;
        };
        self.r.reject(name, Wrong::of(Rule::AccountTwice, why, "say it once"));
        false
    }

    /// Tells a number that another account has.
    fn tell_taken(&mut self, name: &Spanned<String>, uid: &str, seen: &[Made]) {
        let numbered =
            |account: &&Account| account.uid.map(|n| n.to_string()).as_deref() == Some(uid);
        let of_lab = self.others.accounts.iter().find(numbered).map(|account| &account.name);
        // It may be made before them, and has the first number for people then.
        let administrator = self.others.access.and_then(|access| access.user.as_ref());
        let administrator = administrator.filter(|_| uid == UIDS.start().to_string());
        let of_these = seen.iter().find(|(_, other)| other.as_deref() == Some(uid));
        let of_these = of_these.map(|(name, _)| &name.value);
        if let Some(other) = of_lab.or(administrator).or(of_these) {
            let message = format!("`{}`: {uid} is taken by `{other}`", name.value);
            let help = format!("another number from {} to {}, or none", UIDS.start(), UIDS.end());
            self.r.tell(Rule::UidTaken, name, message, help);
        }
    }

    /// Tells an account without a number. These are made first, and useradd gives the next that is free.
    fn tell_without(&mut self, name: &Spanned<String>) {
        let numbered = self.others.accounts.iter().find(|account| account.uid.is_some());
        if let Some(account) = numbered {
            let message =
                format!("`{}` could be given the number of `{}`", name.value, account.name);
            let help = "cloud-init makes its accounts first: give this one a `uid` as well";
            self.r.tell(Rule::UidTaken, name, message, help);
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
            if matches!(members.value, Data::Nothing) {
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
