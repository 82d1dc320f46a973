//! Where a grub.cfg names the volume: arguments of kernels, and `search`.

use super::places::{Change, Places};
use crate::render::boot_menu::BootMenuError;
use crate::render::boot_menu::references::relabelled;
use crate::render::boot_menu::shell::{Token, Word, quote_title, tokens};

/// What is wrong, and where.
type Problem = (usize, &'static str);

/// The words that name the volume `old`, and how they name `new`.
pub(super) fn changes(
    text: &str,
    places: &Places,
    (old, new): (&str, &str),
) -> Result<Vec<Change>, BootMenuError> {
    let mut found = Vec::new();
    let mut words = Vec::new();
    for token in tokens(text).into_iter().chain([Token::End]) {
        if let Token::Word(word) = token {
            words.push(word);
            continue;
        }
        let command = std::mem::take(&mut words);
        let changes = command_changes(text, &command, old, new);
        found.extend(changes.map_err(|(position, problem)| BootMenuError::Unsupported {
            line: places.number(position),
            problem,
        })?);
    }
    Ok(found)
}

/// What changes in a command; where something is wrong, and what, if it cannot be changed.
fn command_changes(
    text: &str,
    command: &[Word],
    old: &str,
    new: &str,
) -> Result<Vec<Change>, Problem> {
    let keywords = ["if", "elif", "while", "until", "then", "else", "do", "!"];
    let words = command.iter().skip_while(|word| keywords.contains(&word.value.as_str()));
    let words: Vec<&Word> = words.collect();
    let Some((first, rest)) = words.split_first() else { return Ok(Vec::new()) };
    match first.value.as_str() {
        // A title, or a text that is shown.
        "menuentry" | "submenu" | "echo" => return Ok(Vec::new()),
        "search" if rest.iter().any(|word| asks_by_label(&word.value)) => {}
        "search.fs_label" => {}
        _ => {
            return words
                .iter()
                .filter_map(|word| argument(text, word, old, new).transpose())
                .collect();
        }
    }
    let named: Vec<Change> = rest
        .iter()
        .filter(|word| word.value == old)
        .map(|word| (word.range.clone(), quote_title(new)))
        .collect();
    match rest.iter().find(|word| word.value.contains('$') && !word.value.starts_with('-')) {
        Some(word) if named.is_empty() => Err((
            word.range.start,
            "it looks for a volume by a variable, which may stand for the label",
        )),
        _ => Ok(named),
    }
}

/// Whether an option of `search` is `--label`, by itself or among other letters.
fn asks_by_label(option: &str) -> bool {
    let letters = option.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
    option == "--label" || letters.is_some_and(|letters| letters.contains('l'))
}

/// The word with its references changed, quotes and variables as they are.
fn argument(text: &str, word: &Word, old: &str, new: &str) -> Result<Option<Change>, Problem> {
    let wrong = |problem| (word.range.start, problem);
    let Some(meant) = relabelled(&word.value, old, new).map_err(wrong)? else { return Ok(None) };
    let written = &text[word.range.clone()];
    let changed = relabelled(written, old, new).ok().flatten().unwrap_or_default();
    let [Token::Word(read)] = &tokens(&changed)[..] else {
        return Err(wrong("the quotes around the volume's label are not understood"));
    };
    if read.value != meant {
        return Err(wrong("the quotes in the volume's label are not understood"));
    }
    Ok(Some((word.range.clone(), changed)))
}
