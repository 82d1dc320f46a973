//! The checksum that a medium carries for its own media check: isomd5sum's, which `rd.live.check` and `checkisomd5` read.
//!
//! The MD5 goes over the volume but for its last 15 sectors, with the field of the checksum itself taken as blanks. Twenty times on the way
//! the sum so far is noted by three digits, so that a check can stop early. The text stands in the application's area of the primary
//! volume descriptor (isomd5sum 1.2: libimplantisomd5.c, utilities.c).

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use md5::{Digest as _, Md5};

use super::IsoError;
use crate::interrupt;
use crate::medium::BLOCK;

/// Where the text stands.
const AT: u64 = 16 * BLOCK + 883;
const LENGTH: usize = 512;
/// The byte behind it.
const END: u64 = AT + LENGTH as u64;
/// Sectors at the end that are left out: drives cannot always read the last ones.
const SKIPPED: u64 = 15;
/// Bytes that isomd5sum reads at a time: where its fragments end depends on it.
const STEP: u64 = 32768;
const FRAGMENTS: u64 = 20;
/// Digits of a fragment's sum.
const DIGITS: usize = 3;

/// Bytes that are read at a time, and how many of them are on the way: few enough for the processor's cache.
const PIECE: usize = 1 << 18;
const PIECES: usize = 8;

/// A checksum that grows.
pub(super) struct Checksum {
    hash: Md5,
    done: u64,
    of: u64,
    fragment: u64,
    fragments: String,
}

impl Checksum {
    /// Of a volume of so many bytes, of which none was seen yet.
    pub fn new(volume: u64) -> Self {
        let of = volume.saturating_sub(SKIPPED * BLOCK);
        Self { hash: Md5::new(), done: 0, of, fragment: 0, fragments: String::new() }
    }

    /// The volume's next bytes; those behind its end do not count.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let end = self.of.min((self.done / STEP + 1) * STEP);
            let count = rest.len().min(usize::try_from(end - self.done).unwrap_or(usize::MAX));
            if count == 0 {
                return;
            }
            let (now, later) = rest.split_at(count);
            self.hash_blanked(now);
            self.done += count as u64;
            if self.done == end {
                self.end_of_step();
            }
            rest = later;
        }
    }

    fn hash_blanked(&mut self, bytes: &[u8]) {
        let end = self.done + bytes.len() as u64;
        if end <= AT || self.done >= END {
            return self.hash.update(bytes);
        }
        let mut bytes = bytes.to_vec();
        for (at, byte) in (self.done..).zip(&mut bytes) {
            if (AT..END).contains(&at) {
                *byte = b' ';
            }
        }
        self.hash.update(bytes);
    }

    fn end_of_step(&mut self) {
        let begin = (self.done - 1) / STEP * STEP;
        let fragment = begin * (FRAGMENTS + 1) / self.of;
        if fragment != std::mem::replace(&mut self.fragment, fragment) {
            // Of each byte, what `%x` begins with.
            let sum = self.hash.clone().finalize();
            let digits = sum.iter().take(DIGITS).map(|byte| format!("{byte:x}"));
            self.fragments.extend(digits.filter_map(|digits| digits.chars().next()));
        }
    }

    fn text(self) -> String {
        let sum: String = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "ISO MD5SUM = {sum};SKIPSECTORS = {SKIPPED};RHLISOSTATUS=0;FRAGMENT SUMS = {};FRAGMENT COUNT = {FRAGMENTS};\
             THIS IS NOT THE SAME AS RUNNING MD5SUM ON THIS ISO!!",
            self.fragments
        )
    }

    /// Whether a medium's text says the same.
    pub fn is(self, said: &Said) -> bool {
        self.text().starts_with(&said.0)
    }
}

/// What a medium says of itself, as far as the checksum reaches in its text.
pub(super) struct Said(String);

impl Said {
    /// Nothing where the medium carries none, or one that skips another number of sectors and is not understood.
    pub fn read(path: &Path) -> Result<Option<Self>, IsoError> {
        let mut file = File::open(path).map_err(IsoError::io(path))?;
        let mut text = [0; LENGTH];
        file.seek(SeekFrom::Start(AT))
            .and_then(|_| file.read_exact(&mut text))
            .map_err(IsoError::io(path))?;
        let text = String::from_utf8_lossy(&text);
        let end = format!(";SKIPSECTORS = {SKIPPED};");
        let sum = text.split_inclusive(&end).next().filter(|sum| sum.ends_with(&end));
        Ok(sum.filter(|sum| sum.starts_with("ISO MD5SUM = ")).map(|sum| Self(sum.to_owned())))
    }
}

/// Writes a checksum to where the medium's own media check looks for it; nothing where there shall be none.
pub(super) fn write(file: &mut File, sum: Option<Checksum>) -> io::Result<()> {
    let mut text = sum.map(Checksum::text).unwrap_or_default();
    text.extend(std::iter::repeat_n(' ', LENGTH.saturating_sub(text.len())));
    file.seek(SeekFrom::Start(AT))?;
    file.write_all(&text.as_bytes()[..LENGTH])
}

/// Reads on and on by `read`, which fills a buffer and says how far; hands every piece to `also`, and meanwhile sums it up in a thread of its
/// own: neither waits for the other.
pub(super) fn summed<E: From<interrupt::Interrupted>>(
    sum: Option<Checksum>,
    mut read: impl FnMut(&mut [u8]) -> Result<usize, E>,
    mut also: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Option<Checksum>, E> {
    thread::scope(|scope| {
        let (full, filled) = mpsc::sync_channel::<(Vec<u8>, usize)>(PIECES);
        let (empty, emptied) = mpsc::sync_channel(PIECES);
        for _ in 0..PIECES {
            let _ = empty.send(vec![0; PIECE]);
        }
        let summing = scope.spawn(move || {
            let mut sum = sum;
            while let Ok((piece, count)) = filled.recv() {
                if let Some(sum) = &mut sum {
                    sum.update(&piece[..count]);
                }
                let _ = empty.send(piece);
            }
            sum
        });
        let read = || {
            while let Ok(mut piece) = emptied.recv() {
                interrupt::check()?;
                let count = read(&mut piece)?;
                if count == 0 {
                    break;
                }
                also(&piece[..count])?;
                if full.send((piece, count)).is_err() {
                    break;
                }
            }
            drop(full);
            Ok(())
        };
        let done = read();
        let sum = summing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        done.map(|()| sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However the bytes come, the text is that of implantisomd5 1.2.4 for the same ones.
    #[test]
    fn pieces_do_not_matter() {
        let volume: Vec<u8> =
            (0..1_000_000_u32).map(|n| n.wrapping_mul(n).to_le_bytes()[1]).collect();
        let volume = &volume[..488 * 2048];
        let of = |size| {
            let mut sum = Checksum::new(volume.len() as u64);
            volume.chunks(size).for_each(|piece| sum.update(piece));
            sum.text()
        };
        let whole = of(volume.len());
        assert!(whole.len() < 512 && whole.contains(";FRAGMENT COUNT = 20;"), "{whole}");
        let sums = whole.split("FRAGMENT SUMS = ").nth(1).and_then(|s| s.split(';').next());
        assert_eq!(sums.map(str::len), Some(60), "{whole}");
        for size in [7, 2048, 32768, 40_000] {
            assert_eq!(of(size), whole, "{size}");
        }
    }
}
