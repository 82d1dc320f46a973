//! References to a volume by its label, in the arguments of a kernel: `hd:LABEL=`, `CDLABEL=` and
//! `/dev/disk/by-label/`.

use super::label::{escape_label, unescape_label};

/// The text with every reference to the volume `old` as one to `new`; `None` when it has none.
///
/// # Errors
/// What is wrong, when the label stands where it may mean something else.
pub(super) fn relabelled(text: &str, old: &str, new: &str) -> Result<Option<String>, &'static str> {
    let mut changed = String::new();
    let mut copied = 0;
    for (at, delimiter) in text.match_indices(['=', ':', ',', '/']) {
        let (before, after) = text.split_at(at + 1);
        let is_path = delimiter == "/" && !before.ends_with("/by-label/");
        if at < copied || is_path || before.ends_with("PARTLABEL=") {
            continue;
        }
        let Some(spelled) = spelled(after, old) else { continue };
        if !is_reference(before) {
            return Err("it names the volume's label in a way that may mean something else");
        }
        if spelled.contains(char::is_whitespace) {
            return Err(
                "it names the volume's label with blanks, at which the kernel would split it",
            );
        }
        changed.push_str(&text[copied..before.len()]);
        changed.push_str(&escape_label(new));
        copied = before.len() + spelled.len();
    }
    if copied == 0 {
        return Ok(None);
    }
    changed.push_str(&text[copied..]);
    Ok(Some(changed))
}

/// Whether what follows is the label of a volume.
fn is_reference(before: &str) -> bool {
    before.ends_with("/by-label/")
        || before.strip_suffix("LABEL=").is_some_and(|name| {
            let name = name.strip_suffix("CD").unwrap_or(name);
            !name.ends_with(|c: char| c.is_alphanumeric() || c == '_')
        })
}

/// How a text that begins with the label spells it.
fn spelled<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let ends = text.match_indices(|c: char| c.is_whitespace() || ":,'\"".contains(c));
    ends.map(|(end, _)| end)
        .chain([text.len()])
        // `\xNN` is the longest spelling of a byte.
        .take_while(|&end| end <= label.len() * 4)
        .map(|end| &text[..end])
        .find(|spelled| !label.is_empty() && unescape_label(spelled).as_deref() == Some(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "CentOS 7 x86_64";

    #[test]
    fn references_are_changed_and_other_text_is_not() {
        for (text, expected) in [
            (
                r"initrd=i inst.stage2=hd:LABEL=CentOS\x207\x20x86_64 quiet",
                r"initrd=i inst.stage2=hd:LABEL=Lab\x201 quiet",
            ),
            (
                r"root=live:CDLABEL=CentOS\x207\x20x86_64 inst.ks=hd:LABEL=CentOS\x207\x20x86_64:/ks.cfg",
                r"root=live:CDLABEL=Lab\x201 inst.ks=hd:LABEL=Lab\x201:/ks.cfg",
            ),
            (r"LABEL=CentOS\x207\x20x86\x5f64", r"LABEL=Lab\x201"),
            (
                r"inst.repo=hd:/dev/disk/by-label/CentOS\x207\x20x86_64:/",
                r"inst.repo=hd:/dev/disk/by-label/Lab\x201:/",
            ),
        ] {
            assert_eq!(relabelled(text, OLD, "Lab 1"), Ok(Some(expected.into())), "{text}");
        }
        for text in [
            r"hd:LABEL=CentOS\x207\x20x86_64_2",
            r"hd:LABEL=Other",
            r"PARTLABEL=CentOS\x207\x20x86_64",
            r"/boot/CentOS\x207\x20x86_64",
            "CentOS 7 x86_64",
            "",
        ] {
            assert_eq!(relabelled(text, OLD, "Lab 1"), Ok(None), "{text}");
        }
        assert_eq!(
            relabelled("LABEL=A:B:/x LABEL=A", "A:B", "C"),
            Ok(Some("LABEL=C:/x LABEL=A".into()))
        );
        assert_eq!(relabelled("LABEL=", "", "C"), Ok(None));
    }

    #[test]
    fn what_may_mean_something_else() {
        for text in [
            r"title=CentOS\x207\x20x86_64",
            "LABEL=CentOS 7 x86_64 quiet",
            "LABEL=CentOS 7 x86_64",
            r"MYLABEL=CentOS\x207\x20x86_64",
        ] {
            assert!(relabelled(text, OLD, "Lab 1").is_err(), "{text}");
        }
    }
}
