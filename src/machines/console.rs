//! What a machine says on its serial port: a file in its folder, whatever program it runs by.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::Machine;

/// The file.
pub const CONSOLE_LOG: &str = "console.log";
/// How many bytes of it are read at once.
const MOST: usize = 256 << 10;
/// What a kernel says first.
const KERNEL: &str = "Linux version ";
/// What a system says last that waits for a person.
const LOGIN: &str = " login:";

/// Where a machine's console is kept.
#[must_use]
pub fn log_of(machine: &Machine) -> PathBuf {
    machine.folder.join(CONSOLE_LOG)
}

/// The last lines of a file, each whole, without what moves a terminal's cursor.
///
/// # Errors
/// It cannot be read.
pub fn last_lines(path: &Path, lines: usize) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(MOST as u64);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MOST as u64).read_to_end(&mut bytes)?;
    // Half a line may be half a secret, which nothing knows again.
    let begin = bytes.iter().position(|byte| *byte == b'\n').filter(|_| from > 0);
    let text = String::from_utf8_lossy(&bytes[begin.map_or(0, |at| at + 1)..]);
    let text = plain(&text);
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &all[all.len().saturating_sub(lines)..];
    Ok(last.iter().map(|line| format!("{line}\n")).collect())
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string().replace('\r', "")
}

/// Follows what a machine says.
#[derive(Debug)]
pub struct Console {
    path: PathBuf,
    from: u64,
    /// The line that has not ended yet.
    rest: String,
    /// The last line that has something in it.
    last: String,
    has_begun: bool,
    /// Whether it has asked for a login since its kernel began.
    has_asked: bool,
}

impl Console {
    /// From its beginning.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        let (rest, last) = (String::new(), String::new());
        Self { path, from: 0, rest, last, has_begun: false, has_asked: false }
    }

    /// From what it has not said yet.
    #[must_use]
    pub fn from_now(path: PathBuf) -> Self {
        let from = fs::metadata(&path).map_or(0, |found| found.len());
        Self { from, has_begun: from > 0, ..Self::new(path) }
    }

    /// What it has said since. A file that begins anew, as VirtualBox's does at each start, is read from there; one that is missing may come.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn more(&mut self) -> io::Result<Vec<u8>> {
        let mut file = match fs::File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.from = 0;
                return Ok(Vec::new());
            }
            opened => opened?,
        };
        if file.metadata()?.len() < self.from {
            self.from = 0;
        }
        file.seek(SeekFrom::Start(self.from))?;
        let mut new = Vec::new();
        self.from += file.take(MOST as u64).read_to_end(&mut new)? as u64;
        Ok(new)
    }

    /// The points of its way that it has come to since, in words: its first words, each kernel that begins, each login that it asks for.
    pub fn news(&mut self) -> Vec<String> {
        let mut news = Vec::new();
        // What cannot be read now may be another time.
        let new = self.more().unwrap_or_default();
        self.rest.push_str(&String::from_utf8_lossy(&new));
        let text = std::mem::take(&mut self.rest);
        let (lines, rest) = text.rsplit_once('\n').unwrap_or(("", &text));
        for line in lines.lines() {
            self.take(&plain(line), true, &mut news);
        }
        // It says nothing after it has asked. A line without an end is none.
        self.take(&plain(rest), false, &mut news);
        if rest.len() <= MOST {
            rest.clone_into(&mut self.rest);
        }
        news
    }

    /// The last line that has something in it.
    #[must_use]
    pub fn last(&self) -> &str {
        &self.last
    }

    fn take(&mut self, line: &str, is_whole: bool, news: &mut Vec<String>) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        line.clone_into(&mut self.last);
        if is_whole && !self.has_begun {
            self.has_begun = true;
            news.push(format!("its console begins: {line}"));
        }
        // With the time since it began before it: `[    0.000000]`.
        let said = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let said = said.map_or(line, |(_, said)| said.trim_start());
        if let Some(version) = said.strip_prefix(KERNEL).filter(|_| is_whole) {
            self.has_asked = false;
            let version = version.split_whitespace().next().unwrap_or_default();
            news.push(format!("its kernel begins: {KERNEL}{version}"));
        }
        let asks = line.strip_suffix(LOGIN).is_some_and(|name| !name.contains(char::is_whitespace));
        if asks && !std::mem::replace(&mut self.has_asked, true) {
            news.push(format!("its console asks for a login: {line}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;

    use super::{Console, MOST, last_lines};

    #[test]
    fn a_console_that_begins_anew_is_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("console.log");
        fs::write(&log, "old\n").expect("written");
        let mut console = Console::from_now(log.clone());
        let mut next = |text: Option<&str>| {
            match text {
                Some(text) => fs::write(&log, text).expect("written"),
                None => fs::remove_file(&log).expect("removed"),
            }
            String::from_utf8(console.more().expect("read")).expect("text")
        };
        assert_eq!(next(Some("one\ntwo\n")), "two\n");
        assert_eq!(next(Some("new\n")), "new\n");
        assert_eq!(next(None), "");
        assert_eq!(next(Some("other\n")), "other\n");
    }

    #[test]
    fn the_points_of_a_machines_way_are_told_once_each() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("console.log");
        let mut console = Console::new(log.clone());
        assert_eq!(console.news(), [""; 0], "it has not begun");
        let mut file = File::create(&log).expect("made");
        let mut says = |text: &str| {
            file.write_all(text.as_bytes()).expect("written");
            (console.news(), console.last().to_owned())
        };
        let none = |last: &str| (Vec::new(), last.to_owned());
        assert_eq!(says("\r\n\x1b[2J"), none(""));
        let (news, last) = says("ISOLINUX\r\nboot: \r\n[    0.0");
        assert_eq!((news, &*last), (vec!["its console begins: ISOLINUX".into()], "[    0.0"));
        let kernel = "its kernel begins: Linux version 3.10.0-1160.el7.x86_64";
        let (news, _) =
            says("00000] Linux version 3.10.0-1160.el7.x86_64 (mockbuild@x) #1 SMP\r\n");
        assert_eq!(news, [kernel]);
        assert_eq!(says("It is no Linux version 1\n").0, [""; 0]);
        assert_eq!(says("Kernel 3.10 on an x86_64\r\n\r\ncompute lo").0, [""; 0]);
        let asks = "its console asks for a login: compute login:";
        assert_eq!(says("gin: ").0, [asks]);
        assert_eq!(says("\r\nlast login: today\r\ncompute login: ").0, [""; 0], "once");
        // It starts again.
        let again = says("\nLinux version 3.10.0-1160.el7.x86_64\ncompute login: ");
        assert_eq!(again.0, [kernel, asks]);
        // A line without an end is let go of.
        assert_eq!(says(&"x".repeat(2 * MOST)).0, [""; 0]);
        assert_eq!(console.news(), [""; 0]);
        assert!(console.rest.len() <= 2 * MOST);
    }

    #[test]
    fn no_half_of_a_line_is_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("console.log");
        fs::write(&log, format!("{}the end of a secret\nlast\n", "x".repeat(MOST)))
            .expect("written");
        assert_eq!(last_lines(&log, 10).expect("read"), "last\n");
        fs::write(&log, "one\n\n\x1b[1mtwo\r\n").expect("written");
        assert_eq!(last_lines(&log, 10).expect("read"), "one\ntwo\n");
        assert_eq!(last_lines(&log, 1).expect("read"), "two\n");
    }
}
