//! What gives a secret away, blotted out of texts that others said: logs, consoles.

use super::Secrets;

/// Shorter texts stand for nothing: they would be found everywhere.
const SHORTEST: usize = 4;

/// Knows what gives the secrets of a lab away.
#[derive(Clone, Default)]
pub struct Blotter(Vec<String>);

impl Blotter {
    /// One for these secrets.
    #[must_use]
    pub fn of(secrets: &Secrets) -> Self {
        let traces = secrets.names().filter_map(|name| secrets.traces(name).ok()).flatten();
        let mut all: Vec<String> =
            traces.filter(|it| it.len() >= SHORTEST).map(str::to_owned).collect();
        // One may be a part of another.
        all.sort_by_key(|it| std::cmp::Reverse(it.len()));
        Self(all)
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
        text
    }
}
