//! What the nodes' installers log, kept for each node: as much as fits, no faster than a person could want it, and without the lab's secrets.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use super::syslog::Message;
use crate::secrets::{Blotter, Secrets};

/// Bytes of one file. A node has two at most: the one that grows, and the one before.
const FILE: u64 = 2 << 20;
/// Bytes a node may log at once, and each second from then on.
const BURST: u64 = 4 << 20;
const RATE: u64 = 64 << 10;
/// Bytes that are read at once: many times the longest line.
const PART: u64 = 256 << 10;

/// The logs of all nodes.
pub struct Logs {
    folder: PathBuf,
    nodes: Mutex<HashMap<String, Log>>,
    secrets: Mutex<Blotter>,
}

struct Log {
    file: File,
    /// Where its first byte is in all that the node ever logged.
    begin: u64,
    length: u64,
    /// Bytes that it may still log now.
    room: u64,
    since: Instant,
    /// Lines that had no room.
    lost: u64,
}

/// A part of a log.
pub struct Part {
    /// What it says.
    pub text: Vec<u8>,
    /// Where to go on.
    pub next: u64,
}

impl Logs {
    /// Those in this folder, which is there.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder, nodes: Mutex::default(), secrets: Mutex::default() }
    }

    /// These are not written down, and neither are those that came before: nodes may still have them.
    pub fn hide(&self, secrets: &Secrets) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).learn(secrets);
    }

    /// Writes down what a node says. What there is no room for is counted and left out; a disk that is full is no reason to end.
    pub fn add(&self, node: &str, message: &Message) {
        let now = moment(SystemTime::now());
        let Message { severity, tag, text } = message;
        let colon = if tag.is_empty() { "" } else { ": " };
        let line = format!("{now} {severity:7} {tag}{colon}{text}\n");
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if !nodes.contains_key(node) {
            let Ok(log) = Log::open(&self.folder, node) else { return };
            nodes.insert(node.to_owned(), log);
        }
        // A flood costs no more than this.
        if let Some(log) = nodes.get_mut(node)
            && log.has_room(line.len())
        {
            let _ = log.add(&self.folder, node, &now, &self.without_secrets(line));
        }
    }

    /// Whole lines that a node has logged after this byte, as far as they are kept.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn after(&self, node: &str, after: u64) -> io::Result<Part> {
        let mut next = after;
        let mut text = Vec::new();
        for (begin, path) in files(&self.folder, node)? {
            let mut file = File::open(&path)?;
            let end = begin + file.metadata()?.len();
            if end <= next || text.len() as u64 >= PART {
                continue;
            }
            next = next.max(begin);
            file.seek(SeekFrom::Start(next - begin))?;
            let read = file.take(PART - text.len() as u64).read_to_end(&mut text)?;
            next += read as u64;
        }
        // The last one may be there in part.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        next -= (text.len() - whole) as u64;
        text.truncate(whole);
        Ok(Part { text, next })
    }

    /// Its last lines.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn last(&self, node: &str, lines: usize) -> io::Result<Part> {
        let end = files(&self.folder, node)?
            .last()
            .map_or(Ok(0), |(begin, path)| fs::metadata(path).map(|meta| begin + meta.len()))?;
        let begin = end.saturating_sub(PART);
        let mut part = self.after(node, begin)?;
        if begin > 0 {
            let cut = part.text.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            part.text.drain(..cut);
        }
        let starts = part.text.iter().rev().skip(1).enumerate();
        let mut feeds = starts.filter(|(_, byte)| **byte == b'\n').map(|(back, _)| back + 1);
        let keep = lines.checked_sub(1).and_then(|n| feeds.nth(n)).unwrap_or(part.text.len());
        let keep = if lines == 0 { 0 } else { keep };
        part.text.drain(..part.text.len() - keep);
        Ok(part)
    }

    /// What somebody else wrote, without what gives a secret away.
    pub fn without_secrets(&self, text: String) -> String {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).blot(text)
    }
}

impl Log {
    fn open(folder: &Path, node: &str) -> io::Result<Self> {
        let last = files(folder, node)?.pop();
        let (begin, path) = last.unwrap_or_else(|| (0, file(folder, node, 0)));
        let file = create(&path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, begin, length, room: BURST, since: Instant::now(), lost: 0 })
    }

    /// Whether a line of so many bytes may come now; one that may not is counted.
    fn has_room(&mut self, bytes: usize) -> bool {
        // Parts of a second are not lost when lines follow each other closely.
        let new = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let new = new.saturating_mul(RATE) / 1000;
        if new > 0 {
            self.since = Instant::now();
            self.room = self.room.saturating_add(new).min(BURST);
        }
        let left = self.room.checked_sub(bytes as u64);
        self.room = left.unwrap_or(self.room);
        self.lost += u64::from(left.is_none());
        left.is_some()
    }

    fn add(&mut self, folder: &Path, node: &str, now: &str, line: &str) -> io::Result<()> {
        let mut text = String::new();
        if self.lost > 0 {
            text = format!(
                "{now} warning trainyard: {} lines are left out: they came too fast\n",
                self.lost
            );
            self.lost = 0;
        }
        text += line;
        if self.length + text.len() as u64 > FILE {
            self.begin += self.length;
            self.length = 0;
            self.file = create(&file(folder, node, self.begin))?;
            let mut all = files(folder, node)?;
            all.truncate(all.len().saturating_sub(2));
            for (_, old) in all {
                fs::remove_file(old)?;
            }
        }
        self.file.write_all(text.as_bytes())?;
        self.length += text.len() as u64;
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Names of nodes are host names, so they are names of files as well.
fn file(folder: &Path, node: &str, begin: u64) -> PathBuf {
    folder.join(format!("{node}.{begin}.log"))
}

/// A node's files, oldest first, and where each begins.
fn files(folder: &Path, node: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let begin = name.to_str().and_then(|name| {
            name.strip_prefix(node)?.strip_prefix('.')?.strip_suffix(".log")?.parse().ok()
        });
        if let Some(begin) = begin {
            all.push((begin, file(folder, node, begin)));
        }
    }
    all.sort_unstable();
    Ok(all)
}

/// `2026-11-26T07:40:01Z`, by this machine's clock.
fn moment(time: SystemTime) -> String {
    let http = httpdate::fmt_http_date(time);
    // `Thu, 26 Nov 2026 07:40:01 GMT`
    let months =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = http.split(' ').collect();
    match words[..] {
        [_, day, month, year, time, _] => {
            let month = months.iter().position(|it| *it == month).unwrap_or(0) + 1;
            format!("{year}-{month:02}-{day}T{time}Z")
        }
        _ => http,
    }
}

#[cfg(test)]
mod tests {
    use super::{Logs, Message, PART};

    fn lines(count: usize) -> (tempfile::TempDir, Logs) {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = Logs::at(folder.path().to_owned());
        for number in 0..count {
            let text = format!("{number} {}", "x".repeat(93));
            logs.add("a", &Message { severity: "info", tag: "t".into(), text });
        }
        (folder, logs)
    }

    #[test]
    fn all_of_it_comes_in_whole_lines() {
        let (_folder, logs) = lines(5000);
        let (mut after, mut all) = (0, Vec::new());
        loop {
            let part = logs.after("a", after).expect("read");
            if part.next == after {
                break;
            }
            assert!(part.text.len() as u64 <= PART && part.text.ends_with(b"\n"));
            all.extend(part.text);
            after = part.next;
        }
        let all = String::from_utf8(all).expect("text");
        let numbers =
            all.lines().map(|line| line.split_whitespace().nth(3).expect("a number").to_owned());
        assert!(numbers.eq((0..5000).map(|number| number.to_string())));
    }

    #[test]
    fn the_last_lines_are_whole_as_well() {
        let (_folder, logs) = lines(5000);
        for wanted in [0, 1, 3, 100_000] {
            let text = String::from_utf8(logs.last("a", wanted).expect("read").text).expect("text");
            assert!(text.lines().all(|line| line.starts_with("20")), "{wanted}");
            match wanted {
                100_000 => assert!((2000..5000).contains(&text.lines().count())),
                few => assert_eq!(text.lines().count(), few),
            }
            assert_eq!(text.contains(" t: 4999 "), wanted > 0);
        }
        let (_folder, logs) = lines(2);
        let text = logs.last("a", 1000).expect("read").text;
        assert_eq!(text.split(|byte| *byte == b'\n').count(), 3);
    }
}
