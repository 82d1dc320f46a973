//! Kernel parameters.

use crate::report::Rule;
use crate::spec::{Entries, Entry, Spanned};

use super::settle::{Resolver, Wrong, word};

/// Names with dots, and values.
pub(super) fn resolve(
    spec: Option<&Spanned<Entries<Spanned<String>>>>,
    r: &mut Resolver,
) -> Vec<(String, String)> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    for Entry { name, value } in spec.iter().flat_map(|s| &s.value.0) {
        let steps: Vec<&str> = name.value.split(['.', '/']).collect();
        let fits = steps.len() > 1 && steps.iter().all(|step| word(step, 64, "_-").is_ok());
        if !fits {
            r.reject(name, Wrong::from("a kernel parameter, such as `net.ipv4.ip_forward`"));
            continue;
        }
        if let Err((why, help)) = checked(&value.value) {
            let shown: String = value.value.chars().take(60).collect();
            let message = format!("`{}`: `{}` {why}", name.value, shown.replace('\t', r"\t"));
            r.tell(Rule::Value, value, message, help);
            continue;
        }
        let normal = with_dots(&name.value);
        if parameters.iter().any(|(known, _)| *known == normal) {
            let why = format!("is said twice: it is `{normal}`");
            r.reject(name, Wrong::new(why, "one of the two; names are written with dots"));
            continue;
        }
        let origin = r.origin(name.span);
        r.note(&format!("sysctl.{normal}"), &value.value, origin);
        parameters.push((normal, value.value.clone()));
    }
    parameters
}

/// Why a value cannot be written, and what to do.
fn checked(text: &str) -> Result<(), (&'static str, String)> {
    // YAML 1.1 reads these as booleans, and the kernel none of them.
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => return Err(("is nothing that the kernel reads", "`1`".into())),
        "no" | "false" | "off" => return Err(("is nothing that the kernel reads", "`0`".into())),
        _ => {}
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    if text.contains('\t') && words.len() > 1 {
        let help = format!("blanks in their place: `{}`", words.join(" "));
        return Err(("holds tabs, as `sysctl -a` prints them", help));
    }
    // sysctl(8) of procps 3.3.10 reads lines of 1023 bytes, and takes blanks from both ends.
    let fits = (1..=512).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        let help = "1 to 512 bytes on one line, without blanks at the ends";
        Err(("cannot be used here", help.into()))
    }
}

/// A kernel parameter's name with dots between its steps. Where a `/` comes first, sysctl(8) has a `.` as a part of a step:
/// `net/ipv4/conf/eth0.7/forwarding` is `net.ipv4.conf.eth0/7.forwarding`.
fn with_dots(name: &str) -> String {
    if name.find(['.', '/']) == name.find('.') {
        return name.to_owned();
    }
    let other = |c| match c {
        '/' => '.',
        '.' => '/',
        c => c,
    };
    name.chars().map(other).collect()
}

#[cfg(test)]
mod tests {
    use super::with_dots;

    #[test]
    fn kernel_parameters_have_one_name() {
        for (written, normal) in [
            ("net.ipv4.ip_forward", "net.ipv4.ip_forward"),
            ("net/ipv4/ip_forward", "net.ipv4.ip_forward"),
            ("net/ipv4/conf/eth0.7/forwarding", "net.ipv4.conf.eth0/7.forwarding"),
            ("net.ipv4.conf.eth0/7.forwarding", "net.ipv4.conf.eth0/7.forwarding"),
        ] {
            assert_eq!(with_dots(written), normal);
        }
    }
}
