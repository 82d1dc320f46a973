//! qemu-img: every call of it. All paths are absolute, for what has a `:` before its first `/` is no file to it but a protocol's; and
//! every format is said, for a guess is made from what stands in the file.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{DiskError, Format};
use crate::tool::{Run, Tool, ToolError, Wanted};

/// What is needed of it.
pub(crate) const WANTED: Wanted = Wanted {
    name: "qemu-img",
    purpose: "to make disks from a cloud image",
    hint: "Debian: the package `qemu-utils`; Fedora: `qemu-img`; macOS: `brew install qemu`",
};

/// The oldest that measures, and that locks what it opens.
const OLDEST: &str = "2.10.0";

/// How long it may take to tell something of an image, which may be a hostile one.
const QUESTION: Duration = Duration::from_secs(60);

/// qemu-img, found and of the right version.
pub struct QemuImg(Tool);

/// What it tells of an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Info {
    pub format: String,
    pub virtual_size: u64,
    pub backing_filename: Option<String>,
    pub backing_filename_format: Option<String>,
    #[serde(default)]
    format_specific: Specific,
}

#[derive(Debug, Default, Deserialize)]
struct Specific {
    #[serde(default)]
    data: SpecificData,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SpecificData {
    data_file: Option<String>,
}

impl Info {
    /// Whether all that is on the disk stands in the file itself.
    pub fn stands_alone(&self) -> bool {
        self.backing_filename.is_none() && self.format_specific.data.data_file.is_none()
    }
}

/// A part of a disk, and whether there is something on it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Extent {
    pub start: u64,
    pub length: u64,
    pub data: bool,
}

#[derive(Debug, Deserialize)]
struct Measured {
    required: u64,
}

impl QemuImg {
    /// Finds it, before any work is begun.
    ///
    /// # Errors
    /// It is missing or too old.
    pub fn locate() -> Result<Self, ToolError> {
        let tool = Tool::locate(WANTED)?;
        Ok(Self(tool.at_least(OLDEST, &["--version"], "qemu-img version")?))
    }

    /// The line in which it tells its version.
    ///
    /// # Errors
    /// It cannot be run.
    pub(crate) fn version(&self) -> Result<String, ToolError> {
        let said = self.0.run(["--version"]).limit(QUESTION).finish()?.stdout;
        Ok(said.lines().next().unwrap_or("there").to_owned())
    }

    /// What an image is.
    pub(super) fn info(&self, path: &Path, format: Format) -> Result<Info, DiskError> {
        self.ask(path, &["info", "--output=json", "-f", format.as_str()])
    }

    /// Where on its disk something stands.
    pub(super) fn map(&self, path: &Path, format: Format) -> Result<Vec<Extent>, DiskError> {
        self.ask(path, &["map", "--output=json", "-f", format.as_str()])
    }

    /// Bytes that the tables of a qcow2 image of that size take, when all of it is in use.
    pub(super) fn tables(&self, size: u64) -> Result<u64, DiskError> {
        let size = size.to_string();
        let words = ["measure", "--output=json", "-O", "qcow2", "--size", &size];
        let measured: Measured = parsed(self.0.run(words).limit(QUESTION))?;
        Ok(measured.required)
    }

    /// Looks whether an image's own tables agree with each other and lie within the file.
    pub(super) fn check(&self, path: &Path, format: Format) -> Run {
        let words = ["check", "-q", "-f", format.as_str()];
        self.run(&words, &[path])
    }

    /// An overlay of this size over a qcow2 image.
    pub(super) fn overlay(&self, base: &Path, output: &Path, size: u64) -> Run {
        let words = ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"].map(OsStr::new);
        let size = size.to_string();
        let files = [base.as_os_str(), output.as_os_str(), OsStr::new(&size)];
        self.0.run(words.into_iter().chain(files))
    }

    /// A disk of this size with nothing on it.
    pub(super) fn empty(&self, output: &Path, format: Format, size: u64) -> Run {
        let size = size.to_string();
        let words = ["create", "-q", "-f", format.as_str()].map(OsStr::new);
        self.0.run(words.into_iter().chain([output.as_os_str(), OsStr::new(&size)]))
    }

    /// All that is on a qcow2 image, in another format.
    pub(super) fn copy(&self, from: &Path, output: &Path, format: Format) -> Run {
        self.run(&["convert", "-q", "-f", "qcow2", "-O", format.as_str()], &[from, output])
    }

    /// Compares a qcow2 image, byte by byte, with one in another format.
    pub(super) fn compare(&self, one: &Path, other: &Path, format: Format) -> Run {
        self.run(&["compare", "-f", "qcow2", "-F", format.as_str()], &[one, other])
    }

    fn run(&self, words: &[&str], files: &[&Path]) -> Run {
        let words = words.iter().map(OsStr::new);
        self.0.run(words.chain(files.iter().map(|path| path.as_os_str())))
    }

    fn ask<T: DeserializeOwned>(&self, path: &Path, words: &[&str]) -> Result<T, DiskError> {
        parsed(self.run(words, &[path]).limit(QUESTION)).map_err(|error| match error {
            DiskError::Tool(error) => DiskError::with(path)(error),
            other => other,
        })
    }
}

fn parsed<T: DeserializeOwned>(run: Run) -> Result<T, DiskError> {
    let command = run.command_line();
    let said = run.finish()?;
    serde_json::from_str(&said.stdout)
        .map_err(|error| DiskError::Said { command, why: error.to_string() })
}
