//! Random numbers and texts: the same seed gives the same everywhere.

/// A small generator (xorshift64*).
pub struct Random(u64);

/// What shells, YAML, kickstarts and templates would love to take for their own.
const PARTS: [&str; 24] = [
    "'",
    "\"",
    "$(id)",
    "`id`",
    "${HOME}",
    "\\",
    "%end",
    "%include x",
    "#",
    "{{ x }}",
    "{% if %}",
    "EOF",
    "END",
    ": ",
    "- ",
    "&a",
    "*a",
    "한국어",
    "שלום",
    "é",
    " ",
    "a",
    "B",
    "7",
];

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % limit
    }

    /// Once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn of<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.below(values.len())]
    }

    /// A text of up to so many parts.
    pub fn text(&mut self, longest: usize) -> String {
        (0..=self.below(longest)).map(|_| *self.of(&PARTS)).collect()
    }

    /// The same in ASCII and without blanks at its ends or two in a row.
    pub fn comment(&mut self) -> String {
        let text = self.text(6).replace(|c: char| !c.is_ascii(), "");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Three to eight letters.
    pub fn word(&mut self) -> String {
        let length = 3 + self.below(6);
        let letter = |_| char::from(b'a' + u8::try_from(self.below(26)).expect("a letter"));
        (0..length).map(letter).collect()
    }
}
