//! Values as oslo.config 6.11.3 reads them (`oslo_config/types.py`).

use std::collections::HashSet;
use std::net::IpAddr;

/// What an option takes.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The kind of value.
    pub kind: Kind,
    /// The only ones; all where there is none.
    pub choices: Vec<&'static str>,
    /// Whether choices are also taken in other capitals.
    pub any_case: bool,
    /// The least and the greatest number; nothing where there is no such bound.
    pub limits: (&'static str, &'static str),
}

/// A kind of value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    #[default]
    Text,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A port.
    Port,
    /// Texts with commas between them.
    List,
    /// Pairs with commas between them.
    Dict,
    /// An address or a host's name.
    Host,
    /// An address.
    Ip,
    /// A URI with a host in it.
    Uri,
}

impl Taken {
    /// Takes in a field of a list.
    pub fn read(&mut self, field: &'static str) {
        self.kind = match field {
            "bool" => Kind::Bool,
            "int" => Kind::Int,
            "float" => Kind::Float,
            "port" => Kind::Port,
            "list" => Kind::List,
            "dict" => Kind::Dict,
            "host" => Kind::Host,
            "ip" => Kind::Ip,
            "uri" => Kind::Uri,
            "any-case" => return self.any_case = true,
            field => {
                if let Some(choices) = field.strip_prefix('=') {
                    self.choices = choices.split('|').collect();
                } else if let Some(limits) = field.split_once("..") {
                    self.limits = limits;
                }
                return;
            }
        };
    }

    /// Whether a value without its quotes is taken.
    pub fn takes(&self, value: &str) -> bool {
        match self.kind {
            Kind::Text if self.choices.is_empty() => true,
            Kind::Text if self.any_case => {
                self.choices.iter().any(|choice| choice.eq_ignore_ascii_case(value))
            }
            Kind::Text => self.choices.contains(&value),
            Kind::Bool => {
                let known = ["true", "1", "on", "yes", "false", "0", "off", "no"];
                known.iter().any(|known| known.eq_ignore_ascii_case(value))
            }
            // Nothing is no number, and no mistake.
            Kind::Int | Kind::Float | Kind::Port if value.trim().is_empty() => true,
            Kind::Int => is_whole(value) && self.bounds(value.trim()),
            Kind::Port => is_whole(value) && value.trim().parse::<u16>().is_ok(),
            Kind::Float => self.bounds(value.trim()),
            Kind::List => true,
            Kind::Dict => is_dict(value),
            Kind::Host => value.parse::<IpAddr>().is_ok() || is_host_name(value),
            Kind::Ip => value.parse::<IpAddr>().is_ok(),
            Kind::Uri => is_uri(value),
        }
    }

    /// Whether a number lies within the limits and is one of the choices.
    fn bounds(&self, text: &str) -> bool {
        let Ok(number) = text.parse::<f64>() else { return false };
        let (least, most) = self.limits;
        let limit = |text: &str| text.parse::<f64>().ok();
        let is_choice = |choice: &&str| limit(choice) == Some(number);
        limit(least).is_none_or(|least| number >= least)
            && limit(most).is_none_or(|most| number <= most)
            && (self.choices.is_empty() || self.choices.iter().any(is_choice))
    }

    /// Whether such a value is not to be repeated.
    pub fn may_hold_password(&self) -> bool {
        self.kind == Kind::Uri
    }

    /// What is taken, for people.
    pub fn allowed(&self) -> String {
        if !self.choices.is_empty() {
            let choices = self.choices.iter().map(|choice| format!("`{choice}`"));
            let capitals = if self.any_case { ", in capitals or not" } else { "" };
            return format!("one of {}{capitals}", choices.collect::<Vec<_>>().join(", "));
        }
        let range = match self.limits {
            ("", "") => String::new(),
            (least, "") => format!(" from {least} on"),
            ("", most) => format!(" up to {most}"),
            (least, most) => format!(" from {least} to {most}"),
        };
        match self.kind {
            Kind::Bool => "`true` or `false`".to_owned(),
            Kind::Int => format!("a whole number{range}"),
            Kind::Float => format!("a number{range}"),
            Kind::Port => "a port: a whole number from 0 to 65535".to_owned(),
            // Any text is, so that nobody asks.
            Kind::Text | Kind::List => String::new(),
            Kind::Dict => "pairs such as `a:b,c:d`, each name once".to_owned(),
            Kind::Host => "an address, or a host's name".to_owned(),
            Kind::Ip => "an address such as `10.0.0.11`".to_owned(),
            Kind::Uri => "a URI such as `http://controller:5000`".to_owned(),
        }
    }
}

/// What is left where a quote at both ends is taken away, as oslo.config does.
pub(super) fn unquoted(value: &str) -> &str {
    let inside = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

fn is_whole(value: &str) -> bool {
    let text = value.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_dict(value: &str) -> bool {
    let mut names = HashSet::new();
    let is_new = |pair: &str| {
        let name = pair.split_once(':').map(|(name, _)| name.trim().to_owned());
        name.is_some_and(|name| !name.is_empty() && names.insert(name))
    };
    value.trim().is_empty() || value.split(',').all(is_new)
}

fn is_host_name(value: &str) -> bool {
    let name = value.strip_suffix('.').unwrap_or(value);
    let is_part = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    // A last part of digits only is a mistyped address.
    let last = name.rsplit('.').next().unwrap_or(name);
    value.len() <= 253
        && name.split('.').all(is_part)
        && last.contains(|c: char| c.is_ascii_alphabetic() || c == '-')
}

/// Whether a text has a scheme and a host; what stands behind the host may be anything.
fn is_uri(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let (user, host) = authority.split_once('@').unwrap_or(("", authority));
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (host, ""),
    };
    let is_plain = |text: &str| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&b))
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && !host.is_empty()
        && bare.map_or_else(|| is_plain(host), |bare| bare.parse::<IpAddr>().is_ok())
        && port.bytes().all(|b| b.is_ascii_digit())
        && user.split(':').all(is_plain)
}
