//! Texts of `cloud_init` that must be more than a text.

use std::net::Ipv6Addr;

use crate::model::settle::{Wrong, word};
use crate::model::users::UIDS;

pub(super) fn a_word(text: &str, words: &[&str]) -> Result<String, Wrong> {
    if words.contains(&text) {
        return Ok(text.to_owned());
    }
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    Err(Wrong::from(format!("one of {}", words.join(", "))))
}

/// A whole number that is the same in all versions of YAML.
pub(super) fn number(text: &str) -> Result<String, &'static str> {
    let number: u32 = text.parse().map_err(|_| "a whole number, such as `10`")?;
    if number.to_string() == text {
        Ok(text.to_owned())
    } else {
        Err("a whole number without zeros before it")
    }
}

/// A whole number from 1 on.
pub(super) fn count(text: &str, most: u32) -> Result<String, Wrong> {
    let text = number(text)?;
    match text.parse::<u32>() {
        Ok(number) if (1..=most).contains(&number) => Ok(text),
        _ => Err(Wrong::from(format!("a whole number from 1 to {most}"))),
    }
}

/// The number of an account for people.
pub(super) fn uid(text: &str) -> Result<String, Wrong> {
    match text.parse() {
        Ok(uid) if UIDS.contains(&uid) => Ok(number(text)?),
        _ => Err(Wrong::from(format!("a number from {} to {}", UIDS.start(), UIDS.end()))),
    }
}

/// A field of /etc/passwd, which has a line for each account and a `:` between two fields.
pub(super) fn field(text: &str) -> Result<String, &'static str> {
    if text.contains(':') || text.chars().any(char::is_control) {
        return Err("one line without `:`, such as `Guest of the lab`");
    }
    Ok(text.to_owned())
}

pub(super) fn day(text: &str) -> Result<String, &'static str> {
    let number = |part: &str, digits: usize| -> Option<u32> {
        let fits = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|_| fits)
    };
    let is_day = || {
        let mut parts = text.split('-');
        let year = number(parts.next()?, 4)?;
        let (month, day) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        ((1..=days).contains(&day) && parts.next().is_none()).then_some(())
    };
    is_day().map(|()| text.to_owned()).ok_or("a day that there is, such as `2027-12-31`")
}

/// A file of /etc/rsyslog.d; CentOS 7's rsyslog reads those that end so.
pub(super) fn rsyslog_file(text: &str) -> Result<String, &'static str> {
    match word(text, 100, "._-") {
        Ok(name) if name.rsplit_once('.').is_some_and(|(_, end)| end == "conf") => Ok(name),
        _ => {
            Err("the name of a file in /etc/rsyslog.d that ends in `.conf`, such as `50-lab.conf`")
        }
    }
}

/// A URL of a web server.
pub(super) fn url(text: &str) -> Result<String, &'static str> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let rest = rest.unwrap_or_default();
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let is_path = |c: char| c.is_ascii_graphic() && !r#""'<>\^`{|}"#.contains(c);
    if is_server(host) && path.replace("${INSTANCE_ID}", "").chars().all(is_path) {
        Ok(text.to_owned())
    } else {
        Err("`http://HOST/PATH` or `https://HOST/PATH`, such as `http://10.0.0.5/$INSTANCE_ID/`")
    }
}

/// A name or an address, with or without a port.
fn is_server(text: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    if let Some(inside) = text.strip_prefix('[') {
        let Some((address, port)) = inside.split_once(']') else { return false };
        let is_alone = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse::<Ipv6Addr>().is_ok() && is_alone;
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(h, p)| (h, Some(p)));
    word(host, 253, ".-").is_ok() && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_there_are() {
        for good in ["2027-12-31", "2028-02-29", "2000-02-29", "2027-04-30"] {
            assert!(day(good).is_ok(), "{good}");
        }
        for bad in [
            "2027-02-29",
            "2100-02-29",
            "2027-04-31",
            "2027-00-01",
            "2027-1-1",
            "2027-12-31-1",
            "+027-12-31",
            "",
            "2027-13-01",
        ] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn urls_of_web_servers() {
        for good in [
            "http://10.0.0.5/",
            "https://a.example.org:8443/x?id=$INSTANCE_ID&b=%20",
            "http://a/${INSTANCE_ID}/",
            "http://[fd00::5]:80/",
            "http://a",
        ] {
            assert!(url(good).is_ok(), "{good}");
        }
        for bad in [
            "not a url",
            "",
            "http://",
            "http:///x",
            "ftp://a/",
            "a/b",
            "http://a:0/",
            "http://a:x/",
            "http://a b/",
            "http://a/b c",
            "http://[fd00::5/",
            "http://-a/",
            "http://a/\n",
            "http://a@b/",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }
}
