//! The external program that makes media.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::tool::{Run, Tool, ToolError, Wanted};

const XORRISO: Wanted = Wanted {
    name: "xorriso",
    purpose: "to write ISO images",
    hint: "Debian, Fedora: the package `xorriso`; macOS: `brew install xorriso`",
};

/// The oldest xorriso whose `-boot_image any replay` this has been tried with.
const OLDEST_XORRISO: &str = "1.5.0";

/// What writes ISO images, found and of the right version.
pub struct Xorriso(Tool);

/// What a medium gets.
pub(super) struct Growth<'a> {
    pub volume_id: &'a str,
    pub has_joliet: bool,
    /// Seconds since 1970: what is new is of this time.
    pub epoch: u64,
    /// Files of this machine, and their paths on the medium.
    pub files: Vec<(PathBuf, String)>,
    /// Files and folders that a person adds.
    pub additions: Vec<(PathBuf, String)>,
    /// Folders that come to be because something is in them.
    pub folders: Vec<String>,
}

impl Xorriso {
    /// Finds it, before any work is begun.
    ///
    /// # Errors
    /// It is missing or too old.
    pub fn locate() -> Result<Self, ToolError> {
        let tool = Tool::locate(XORRISO)?;
        Ok(Self(tool.at_least(OLDEST_XORRISO, &["-version"], "xorriso version")?))
    }

    /// Looks at it, and tells what was seen.
    pub fn look() -> (&'static str, Result<String, ToolError>) {
        let version = |tool: Tool| {
            let said = tool.run(["-version"]).finish()?;
            let said = said.stderr + &said.stdout;
            let line = said.lines().find(|line| line.starts_with("xorriso "));
            Ok(line.unwrap_or("there").trim().to_owned())
        };
        (XORRISO.name, Self::locate().and_then(|Self(tool)| version(tool)))
    }

    /// A medium with the files of a folder, and without the 300 KiB of nothing that a burner of old needed at its end.
    /// Where the person has set `SOURCE_DATE_EPOCH`, all on it is of that time.
    pub(super) fn small(&self, folder: &Path, label: &str, output: &Path) -> Run {
        self.plain(&["-no-pad", "-J"], folder, label, output)
    }

    /// The same of files whose names are too long for Joliet, which Linux does not need.
    pub(super) fn data(&self, folder: &Path, label: &str, output: &Path) -> Run {
        self.plain(&["-iso-level", "3"], folder, label, output)
    }

    fn plain(&self, how: &[&str], folder: &Path, label: &str, output: &Path) -> Run {
        let mut options: Vec<OsString> = ["-as", "mkisofs", "-quiet"].map(Into::into).into();
        options.extend(how.iter().map(Into::into));
        options.extend(["-r", "-V", label].map(Into::into));
        if let Some(epoch) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty()) {
            let mut time = OsString::from("=");
            time.push(epoch);
            options.extend(["--set_all_file_dates".into(), time]);
        }
        options.extend(["-o".into(), output.into(), folder.into()]);
        self.0.run(options)
    }

    /// A medium of a folder that holds isolinux/isolinux.bin and images/efiboot.img: BIOS and UEFI start it as a CD and as a disk. `mbr` is
    /// a file with the code by which BIOS starts ISOLINUX from a disk; `epoch`, in seconds since 1970, is the time of all that is on it.
    pub(super) fn bootable(
        &self,
        folder: &Path,
        label: &str,
        mbr: &Path,
        epoch: u64,
        output: &Path,
    ) -> Run {
        const BIOS: &str = "-b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table";
        const UEFI: &str =
            "-eltorito-alt-boot -e images/efiboot.img -no-emul-boot -isohybrid-gpt-basdat";
        let dates = format!("={epoch}");
        let mut options: Vec<&OsStr> = Vec::new();
        options.extend(["-as", "mkisofs", "-quiet", "-J", "-r", "-V", label].map(OsStr::new));
        options.extend(["--set_all_file_dates", &dates].map(OsStr::new));
        options.extend(["-isohybrid-mbr".as_ref(), mbr.as_os_str()]);
        options.extend([BIOS, UEFI].iter().flat_map(|words| words.split(' ')).map(OsStr::new));
        options.extend(["-o".as_ref(), output.as_os_str(), folder.as_os_str()]);
        self.0.run(options).env("SOURCE_DATE_EPOCH", &epoch.to_string())
    }

    /// Adds files to a medium, or replaces them: they and new directories lie behind what is there, the descriptors are
    /// written over, and the boot records are replayed for the new places of what they point at.
    pub(super) fn grow(&self, iso: &Path, growth: &Growth) -> Run {
        let time = format!("={}", growth.epoch);
        let mut device = OsString::from("stdio:");
        device.push(iso);
        let mut words: Vec<OsString> = Vec::new();
        let say = |words: &mut Vec<OsString>, some: &[&str]| {
            words.extend(some.iter().map(OsString::from));
        };
        // Without `no_emul_toc` xorriso leaves room for a table of sessions, and the image no longer begins as its base does.
        say(&mut words, &["-no_rc", "-compliance", "no_emul_toc", "-dev"]);
        words.push(device);
        // A `*` in a name is nothing but that.
        say(&mut words, &["-iso_rr_pattern", "off", "-disk_pattern", "off"]);
        say(&mut words, &["-volid", growth.volume_id]);
        say(&mut words, &["-joliet", if growth.has_joliet { "on" } else { "off" }]);
        // What the media check leaves out at the end shall be nothing.
        say(&mut words, &["-padding", "32k", "-boot_image", "any", "replay"]);
        // A copy that is not whole yet need not be on the disk.
        say(&mut words, &["-stdio_sync", "off"]);
        for (source, target) in growth.files.iter().chain(&growth.additions) {
            words.extend([OsString::from("-map"), source.into(), target.into()]);
        }
        // Whoever built it, when, and however private his files are: the same for all, also for the folders that come to be on the way.
        let files = || growth.files.iter().map(|(_, target)| target);
        let additions = || growth.additions.iter().map(|(_, target)| target);
        let mut on = |command: &[&str], targets: Vec<&String>| {
            if !targets.is_empty() {
                say(&mut words, command);
                words.extend(targets.into_iter().map(OsString::from));
                words.push("--".into());
            }
        };
        on(&["-chmod", "0444"], files().collect());
        on(&["-chmod_r", "0555"], additions().collect());
        on(&["-chmod", "0555"], growth.folders.iter().collect());
        for command in [["-chown", "0"], ["-chgrp", "0"], ["-alter_date", "b"]] {
            let recursive = format!("{}_r", command[0]);
            let mut arguments = vec![command[0], command[1]];
            if command[0] == "-alter_date" {
                arguments.push(&time);
            }
            on(&arguments, files().chain(&growth.folders).collect());
            arguments[0] = &recursive;
            on(&arguments, additions().collect());
        }
        say(&mut words, &["-commit_eject", "all"]);
        self.0.run(words).env("SOURCE_DATE_EPOCH", &growth.epoch.to_string())
    }
}
