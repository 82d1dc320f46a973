//! Where in a grub.cfg something stands, and whether it can be touched there.

use std::collections::BTreeMap;
use std::ops::Range;

use super::script::Script;
use crate::render::boot_menu::BootMenuError;
use crate::render::boot_menu::edit::Line;

/// A range of the text, and what stands there instead.
pub(super) type Change = (Range<usize>, String);

/// Byte positions as lines.
pub(super) struct Places {
    starts: Vec<usize>,
    /// Where the text of each line ends, without what ends the line.
    ends: Vec<usize>,
}

impl Places {
    pub fn new(lines: &[Line<'_>]) -> Self {
        let mut places = Self { starts: Vec::new(), ends: Vec::new() };
        let mut at = 0;
        for line in lines {
            places.starts.push(at);
            places.ends.push(at + line.text.len());
            at += line.text.len() + line.end.len();
        }
        places
    }

    /// The number of the line on which a position stands, from 1.
    pub fn number(&self, position: usize) -> usize {
        self.starts.partition_point(|&start| start <= position)
    }

    /// The line on which a range stands, if a comment can stand before that line.
    pub fn line(&self, script: &Script, range: &Range<usize>) -> Result<usize, BootMenuError> {
        let line = self.number(range.start).saturating_sub(1);
        let unsupported = |problem| BootMenuError::Unsupported { line: line + 1, problem };
        if range.end > self.ends[line] {
            return Err(unsupported("what it sets goes on in the next line"));
        }
        let start = self.starts[line];
        let before = script.words.partition_point(|word| word.start < start);
        if before > 0 && start <= script.words[before - 1].end {
            return Err(unsupported("it begins inside quotes or goes on from the line before"));
        }
        Ok(line)
    }

    /// The lines with other texts in some of their ranges.
    pub fn replace(
        &self,
        script: &Script,
        lines: &[Line<'_>],
        mut replaced: Vec<Change>,
    ) -> Result<BTreeMap<usize, String>, BootMenuError> {
        let mut new: BTreeMap<usize, (String, usize)> = BTreeMap::new();
        replaced.sort_by_key(|(range, _)| range.start);
        for (range, text) in replaced {
            let line = self.line(script, &range)?;
            let start = self.starts[line];
            let (whole, from) = new.entry(line).or_default();
            *whole += &lines[line].text[*from..range.start - start];
            *whole += &text;
            *from = range.end - start;
        }
        let whole =
            |(line, (new, from)): (usize, (String, usize))| (line, new + &lines[line].text[from..]);
        Ok(new.into_iter().map(whole).collect())
    }

    /// The line before which the new entries go: that of the first command with an entry in it.
    pub fn before_menu(&self, script: &Script) -> Result<usize, BootMenuError> {
        let line = self.line(script, &(script.menu..script.menu))?;
        let start = self.starts[line];
        if script.blocks.iter().any(|block| block.start < start && start < block.end) {
            return Err(BootMenuError::Unsupported {
                line: line + 1,
                problem: "the first menu entry stands on a line on which another block ends",
            });
        }
        Ok(line)
    }
}
