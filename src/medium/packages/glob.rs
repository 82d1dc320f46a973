//! Patterns as `%packages` takes them: `*`, `?`, `[a-z]` and `[!a-z]`, as in fnmatch(3).

/// Whether the whole name matches. Takes time proportional to the product of both lengths at most.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut position) = (0, 0);
    // Where the last `*` stands, and how much of the name it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, position));
            at += 1;
        } else if let Some(&character) = name.get(position) {
            if let Some(width) = one(&pattern[at..], character) {
                at += width;
                position += 1;
            } else if let Some((star_at, taken)) = star {
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                position = taken + 1;
            } else {
                return false;
            }
        } else {
            return at == pattern.len();
        }
    }
}

/// Whether the pattern's first item matches a character, and how long that item is.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => match class(pattern, character) {
            Some((true, width)) => Some(width),
            Some((false, _)) => None,
            // A bracket that is never closed stands for itself.
            None => (character == '[').then_some(1),
        },
        other => (*other == character).then_some(1),
    }
}

/// A bracket expression: whether the character is in it, and its length.
fn class(pattern: &[char], character: char) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(1)?, '!' | '^');
    let start = if negated { 2 } else { 1 };
    // A `]` right at the start is a member.
    let end = start + 1 + pattern.get(start + 1..)?.iter().position(|&c| c == ']')?;
    let members = &pattern[start..end];
    let mut found = false;
    let mut at = 0;
    while let Some(&low) = members.get(at) {
        if members.get(at + 1) == Some(&'-') && at + 2 < members.len() {
            found |= (low..=members[at + 2]).contains(&character);
            at += 3;
        } else {
            found |= low == character;
            at += 1;
        }
    }
    Some((found != negated, end + 1))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("iwl*", "iwl7260-firmware", true),
            ("*-firmware", "iwl7260-firmware", true),
            ("*-firmware", "iwl7260-firmwarex", false),
            ("a*b*c", "axxbyybzzc", true),
            ("lib?", "liba", true),
            ("lib?", "lib", false),
            ("python[23]", "python3", true),
            ("python[!23]", "python3", false),
            ("python[0-9]", "python7", true),
            ("a[]]b", "a]b", true),
            ("a[b", "a[b", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_stay_fast() {
        let name = "a".repeat(2000);
        assert!(!matches(&format!("{}b", "a*".repeat(200)), &name));
    }
}
