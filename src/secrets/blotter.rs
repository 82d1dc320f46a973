//! What gives a secret away, blotted out of texts that others said: logs, consoles.

use super::Secrets;

/// Shorter texts stand for nothing: they would be found everywhere.
const SHORTEST: usize = 4;

/// Digits of what opens something on the server ([`crate::state::Token`]).
const TOKEN: usize = 32;

/// Knows what gives the secrets of a lab away.
#[derive(Clone, Default)]
pub struct Blotter(Vec<String>);

impl Blotter {
    /// One for these secrets.
    #[must_use]
    pub fn of(secrets: &Secrets) -> Self {
        let mut new = Self::default();
        new.learn(secrets);
        new
    }

    /// Knows these as well.
    pub fn learn(&mut self, secrets: &Secrets) {
        let traces = secrets.names().filter_map(|name| secrets.traces(name).ok()).flatten();
        let all = &mut self.0;
        all.extend(traces.filter(|it| it.len() >= SHORTEST).map(str::to_owned));
        // One may be a part of another.
        all.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        all.dedup();
    }

    /// The same text without them.
    #[must_use]
    pub fn blot(&self, mut text: String) -> String {
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "(a secret)");
            }
        }
        // Hashes of passwords are made when they are wanted.
        while let Some(at) = text.find("$6$") {
            let rest = &text[at..];
            let end = rest.find(|it: char| !(it.is_ascii_alphanumeric() || "$./".contains(it)));
            text.replace_range(at..at + end.unwrap_or(rest.len()), "(a hash)");
        }
        // An installer tells its command line, with the address of its kickstart.
        for opens in ["/n/", "/r/"] {
            let mut from = 0;
            while let Some(at) = text[from..].find(opens) {
                from += at + opens.len();
                let digits = text[from..].bytes().take_while(u8::is_ascii_hexdigit).count();
                if digits == TOKEN {
                    text.replace_range(from..from + digits, "(a token)");
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Blotter, TOKEN};
    use crate::state::Token;

    #[test]
    fn addresses_that_open_something_are_blotted_out_and_others_are_not() {
        let blot = |text: &str| Blotter::default().blot(text.to_owned());
        let token = Token::random().expect("random");
        assert_eq!(token.reveal().len(), TOKEN);
        let line = |token: &str| {
            format!("inst.ks=http://10.0.0.5:8080/n/{token}/ks inst.x=/r/{token} /n/{token}")
        };
        assert_eq!(blot(&line(token.reveal())), line("(a token)"));
        let longer = format!("/n/{}0/ks", token.reveal());
        for harmless in ["/n/short/ks", "/usr/n/", "/r/", &longer, "no /n/ö"] {
            assert_eq!(blot(harmless), harmless);
        }
        assert_eq!(blot("$6$salt$Hash/. and $6$"), "(a hash) and (a hash)");
    }
}
