//! What a grub.cfg does, as far as its menu is concerned.

use std::ops::Range;

use crate::render::boot_menu::MOST_INHERITED;
use crate::render::boot_menu::shell::{Token, Word, tokens};

/// The variables that make a menu what it is.
const SETTINGS: [&str; 3] = ["default", "timeout", "timeout_style"];

/// A script's menu, by position in its text.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// The entries, those of submenus too, in the order of the text.
    pub entries: Vec<MenuEntry>,
    /// What is assigned to [`SETTINGS`] when the menu is built.
    assignments: Vec<Assignment>,
    /// Commands that say which terminals are used.
    pub terminals: Vec<Range<usize>>,
    /// Commands that ask for a password of the medium's own.
    pub passwords: Vec<Range<usize>>,
    /// Where the outermost command begins in which the first entry stands.
    pub menu: usize,
    /// Every word: a line that begins inside one cannot be moved.
    pub words: Vec<Range<usize>>,
    /// The outermost blocks.
    pub blocks: Vec<Range<usize>>,
    /// Where reading was given up, see [`MOST_INHERITED`].
    pub unread: Option<usize>,
    /// The last word, if its quotes are not closed.
    pub unclosed: Option<usize>,
}

/// A `menuentry`.
#[derive(Debug)]
pub(super) struct MenuEntry {
    pub title: String,
    pub submenus: Vec<String>,
    /// Its number in each menu on the way, from 0.
    pub numbers: Vec<usize>,
    /// Its `--class` options, with their values.
    pub classes: Vec<Range<usize>>,
    /// Its `--unrestricted`: it starts without a password.
    pub unrestricted: Vec<Range<usize>>,
    /// What stands between its braces.
    pub body: Range<usize>,
    /// Whether they are closed.
    pub closed: bool,
    /// Its commands that load a kernel, word by word.
    pub linux: Vec<Vec<Word>>,
    pub initrd: Option<Vec<Word>>,
}

/// `name=value`, or `set name=value`.
#[derive(Debug)]
pub(super) struct Assignment {
    pub name: &'static str,
    pub value: String,
    pub range: Range<usize>,
    /// Whether it stands outside of all conditions and functions.
    pub always: bool,
}

/// Something that is open.
#[derive(Debug)]
enum Frame {
    /// `if`, `while`, `until`, `for`.
    Keyword,
    /// The braces of an entry, by its index.
    Entry(usize),
    /// The braces of a submenu, with the number of the next entry in it.
    Submenu { title: String, number: usize, next: usize },
    /// The braces of a function or any other block.
    Block,
}

#[derive(Debug, Default)]
struct Parser {
    script: Script,
    frames: Vec<Frame>,
    words: Vec<Word>,
    /// Number of the next entry in the main menu.
    next: usize,
    /// Where the outermost command that is open began.
    outermost: usize,
    /// Whether the command follows a `&&` or `||`, and so may never run.
    chained: bool,
    /// Whether the first entry was seen.
    seen: bool,
    /// What entries have from elsewhere, and how often what is open was looked through.
    inherited: usize,
}

impl Script {
    pub fn read(text: &str) -> Self {
        let mut parser = Parser::default();
        for token in tokens(text) {
            match token {
                Token::Word(word) => parser.word(word),
                Token::End => {
                    parser.command();
                    parser.chained = false;
                }
                Token::Operator => {
                    parser.command();
                    parser.chained = true;
                }
                Token::Open(at) => parser.open(text, at),
                Token::Close(at) => parser.close(at),
            }
            if parser.inherited > MOST_INHERITED {
                let last = parser.script.words.last();
                parser.script.unread = Some(last.map_or(0, |word| word.start));
                break;
            }
        }
        parser.command();
        parser.script
    }

    /// What is assigned to one of [`SETTINGS`], in the order of the text.
    pub fn assigned(&self, name: &str) -> impl DoubleEndedIterator<Item = &Assignment> {
        self.assignments.iter().filter(move |assignment| assignment.name == name)
    }
}

impl Parser {
    fn word(&mut self, word: Word) {
        if self.frames.is_empty() && self.words.is_empty() {
            self.outermost = word.range.start;
        }
        self.script.words.push(word.range.clone());
        self.script.unclosed = (!word.closed).then_some(word.range.start);
        self.words.push(word);
    }

    /// Takes the words of a finished command, without the keywords before it.
    fn take(&mut self) -> Vec<Word> {
        let mut words = std::mem::take(&mut self.words);
        let mut keywords = 0;
        for word in &words {
            match word.value.as_str() {
                "if" | "while" | "until" | "for" => self.frames.push(Frame::Keyword),
                "fi" | "done" => {
                    let end = word.range.end;
                    if let Some(Frame::Keyword) = self.frames.last() {
                        self.frames.pop();
                        self.close_outermost(end);
                    }
                }
                "then" | "else" | "elif" | "do" | "!" => {}
                _ => break,
            }
            keywords += 1;
        }
        words.drain(..keywords);
        words
    }

    /// Notes the outermost block if it has just ended.
    fn close_outermost(&mut self, end: usize) {
        if self.frames.is_empty() {
            self.script.blocks.push(self.outermost..end);
        }
    }

    fn command(&mut self) {
        let words = self.take();
        let Some(first) = words.first() else { return };
        self.inherited += self.frames.len();
        let entry = self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Entry(index) => Some(*index),
            _ => None,
        });
        if let Some(index) = entry {
            match first.value.as_str() {
                "linux" | "linux16" | "linuxefi" if words.len() > 1 => {
                    self.script.entries[index].linux.push(words);
                }
                "initrd" | "initrd16" | "initrdefi" => {
                    self.script.entries[index].initrd = Some(words);
                }
                _ => {}
            }
            return;
        }
        if ["serial", "terminal", "terminal_input", "terminal_output"]
            .contains(&first.value.as_str())
        {
            self.script.terminals.push(first.range.clone());
        }
        if matches!(first.value.as_str(), "password" | "password_pbkdf2")
            || words.iter().take(2).any(|word| word.value.starts_with("superusers="))
        {
            self.script.passwords.push(first.range.clone());
        }
        // What a submenu sets, it sets when it is opened.
        if !self.frames.iter().any(|frame| matches!(frame, Frame::Submenu { .. })) {
            let word = if first.value == "set" { words.get(1) } else { Some(first) };
            let always = self.frames.is_empty() && !self.chained;
            self.script.assignments.extend(word.and_then(|word| assignment(word, always)));
        }
    }

    fn open(&mut self, text: &str, at: usize) {
        if self.frames.is_empty() && self.words.is_empty() {
            self.outermost = at;
        }
        let words = self.take();
        let kind = words.first().map_or("", |word| word.value.as_str());
        let title = words.get(1).map(|word| word.value.clone()).unwrap_or_default();
        // A function is run, and an entry started, when the menu is there already.
        let later = |frame: &Frame| matches!(frame, Frame::Block | Frame::Entry(_));
        let is_later = self.frames.iter().any(later);
        self.inherited += self.frames.len();
        let frame = match kind {
            "menuentry" if !is_later => {
                let number = self.number();
                let mut numbers = self.numbers();
                numbers.push(number);
                let submenus = self.submenus();
                let titles = submenus.iter().map(|title| title.len() + size_of::<String>());
                self.inherited += titles.sum::<usize>();
                self.script.entries.push(MenuEntry {
                    title,
                    submenus,
                    numbers,
                    classes: classes(&words),
                    unrestricted: unrestricted(&words),
                    body: at + 1..text.len(),
                    closed: false,
                    linux: Vec::new(),
                    initrd: None,
                });
                Frame::Entry(self.script.entries.len() - 1)
            }
            "submenu" if !is_later => Frame::Submenu { title, number: self.number(), next: 0 },
            _ => Frame::Block,
        };
        if matches!(frame, Frame::Entry(_) | Frame::Submenu { .. }) && !self.seen {
            self.seen = true;
            self.script.menu = self.outermost;
        }
        self.frames.push(frame);
    }

    fn close(&mut self, at: usize) {
        self.command();
        // A brace also ends whatever keyword was left open inside.
        while let Some(frame) = self.frames.pop() {
            match frame {
                Frame::Keyword => continue,
                Frame::Entry(index) => {
                    self.script.entries[index].body.end = at;
                    self.script.entries[index].closed = true;
                }
                Frame::Submenu { .. } | Frame::Block => {}
            }
            break;
        }
        self.close_outermost(at + 1);
    }

    /// The next number in the innermost menu.
    fn number(&mut self) -> usize {
        let submenu = self.frames.iter_mut().rev().find_map(|frame| match frame {
            Frame::Submenu { next, .. } => Some(next),
            _ => None,
        });
        let next = submenu.unwrap_or(&mut self.next);
        *next += 1;
        *next - 1
    }

    fn numbers(&self) -> Vec<usize> {
        let number = |frame: &Frame| match frame {
            Frame::Submenu { number, .. } => Some(*number),
            _ => None,
        };
        self.frames.iter().filter_map(number).collect()
    }

    fn submenus(&self) -> Vec<String> {
        let title = |frame: &Frame| match frame {
            Frame::Submenu { title, .. } => Some(title.clone()),
            _ => None,
        };
        self.frames.iter().filter_map(title).collect()
    }
}

fn assignment(word: &Word, always: bool) -> Option<Assignment> {
    let (name, value) = word.value.split_once('=')?;
    let name = SETTINGS.into_iter().find(|known| *known == name)?;
    Some(Assignment { name, value: value.to_owned(), range: word.range.clone(), always })
}

/// The classes, which a copy may have too; a copied `--id` would not be unique.
fn classes(words: &[Word]) -> Vec<Range<usize>> {
    let pairs = words.iter().zip(words.iter().skip(1)).skip(2);
    pairs
        .filter(|(option, _)| option.value == "--class")
        .map(|(option, class)| option.range.start..class.range.end)
        .collect()
}

fn unrestricted(words: &[Word]) -> Vec<Range<usize>> {
    let options = words.iter().skip(2).filter(|word| word.value == "--unrestricted");
    options.map(|word| word.range.clone()).collect()
}
