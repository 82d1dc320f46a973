//! The external programs that make and check media.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use crate::tool::{Run, Tool, ToolError, Wanted};

const XORRISO: Wanted = Wanted {
    name: "xorriso",
    purpose: "to write ISO images",
    hint: "Debian, Fedora: the package `xorriso`; macOS: `brew install xorriso`",
};
const IMPLANT: Wanted = Wanted {
    name: "implantisomd5",
    purpose: "for the checksum that the medium's own media check reads",
    hint: "Debian, Fedora: the package `isomd5sum`",
};
const CHECK: Wanted = Wanted { name: "checkisomd5", ..IMPLANT };

/// The oldest xorriso whose `-boot_image any replay` this has been tried with.
const OLDEST_XORRISO: &str = "1.5.0";

/// What writes ISO images, found and of the right version.
pub struct Xorriso(Tool);

impl Xorriso {
    /// Finds it, before any work is begun.
    ///
    /// # Errors
    /// It is missing or too old.
    pub fn locate() -> Result<Self, ToolError> {
        let tool = Tool::locate(XORRISO)?;
        Ok(Self(tool.at_least(OLDEST_XORRISO, &["-version"], "xorriso version")?))
    }

    /// A medium with the files of a folder, and without the 300 KiB of nothing that a burner of old needed at its end.
    pub(super) fn small(&self, folder: &Path, label: &str, output: &Path) -> Run {
        let options = ["-as", "mkisofs", "-quiet", "-no-pad", "-J", "-r", "-V", label, "-o"];
        let options = options.iter().map(OsStr::new);
        self.0.run(options.chain([output.as_os_str(), folder.as_os_str()]))
    }
}

/// The programs, found and of the right version.
pub struct Tools {
    xorriso: Xorriso,
    implant: Tool,
    check: Tool,
}

impl Tools {
    /// Finds them, before any work is begun.
    ///
    /// # Errors
    /// One is missing or too old.
    pub fn locate() -> Result<Self, ToolError> {
        Ok(Self {
            xorriso: Xorriso::locate()?,
            implant: Tool::locate(IMPLANT)?,
            check: Tool::locate(CHECK)?,
        })
    }

    /// Looks at each, and tells what was seen.
    #[must_use]
    pub fn look() -> Vec<(&'static str, Result<String, ToolError>)> {
        let version = |tool: Tool| {
            let said = tool.run(["-version"]).finish()?;
            let said = said.stderr + &said.stdout;
            let line = said.lines().find(|line| line.starts_with("xorriso "));
            Ok(line.unwrap_or("there").trim().to_owned())
        };
        let xorriso = Xorriso::locate().and_then(|Xorriso(tool)| version(tool));
        let there = |wanted| Tool::locate(wanted).map(|_| "there".to_owned());
        vec![(XORRISO.name, xorriso), (IMPLANT.name, there(IMPLANT)), (CHECK.name, there(CHECK))]
    }

    /// Adds or replaces files of a medium: they and new directories lie behind what is there, the descriptors are
    /// written over, and the boot records are replayed for the new places of what they point at.
    pub(super) fn grow(&self, iso: &Path, label: &str, files: &[(&Path, &str)]) -> Run {
        // Without this xorriso leaves room for a table of sessions, and the image no longer begins as its base does.
        let mut arguments: Vec<String> =
            ["-no_rc", "-compliance", "no_emul_toc", "-dev"].map(str::to_owned).to_vec();
        arguments.push(format!("stdio:{}", iso.display()));
        arguments.extend(["-volid", label, "-joliet", "on"].map(str::to_owned));
        arguments.extend(["-boot_image", "any", "replay"].map(str::to_owned));
        for (source, target) in files {
            let source = source.display().to_string();
            arguments.extend(["-update".into(), source, (*target).to_owned()]);
            arguments.extend(["-chmod".into(), "0444".into(), (*target).to_owned(), "--".into()]);
        }
        arguments.push("-commit".into());
        self.xorriso.0.run(arguments)
    }

    /// Puts the checksum of the medium into it, where its own media check looks for it.
    pub(super) fn implant_checksum(&self, iso: &Path) -> Run {
        self.implant.run(["--force".as_ref(), iso.as_os_str()]).limit(Duration::from_secs(1800))
    }

    /// Reads the whole medium and compares it with the checksum in it.
    pub(super) fn check_checksum(&self, iso: &Path) -> Run {
        self.check.run([iso]).limit(Duration::from_secs(1800))
    }
}
