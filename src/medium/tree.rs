//! `.treeinfo` and `.discinfo`: which distribution a medium installs, as the medium itself says.

use std::collections::BTreeMap;

use super::{Medium, MediumError};

/// Both files are a few hundred bytes.
const LIMIT: u64 = 64 << 10;

/// What `.treeinfo` says. The installer refuses a tree without it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeInfo {
    /// Such as `CentOS-7`.
    pub name: String,
    /// Such as `CentOS`.
    pub family: String,
    /// Such as `7`.
    pub version: String,
    /// Such as `x86_64`.
    pub arch: String,
    /// Path of the installer's root file system, such as `LiveOS/squashfs.img`.
    pub main_image: Option<String>,
    /// Path of the installer's kernel.
    pub kernel: Option<String>,
    /// Path of the installer's initial file system.
    pub initrd: Option<String>,
}

/// What `.discinfo` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscInfo {
    /// When the tree was made: seconds since 1970, as written.
    pub timestamp: String,
    /// Such as `7.9`: unlike `.treeinfo` with the minor number.
    pub release: String,
    /// Such as `x86_64`.
    pub arch: String,
}

impl TreeInfo {
    /// Parses the text of `.treeinfo`.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let sections = sections(text);
        let get =
            |section: &str, key: &str| sections.get(&(section.to_owned(), key.to_owned())).cloned();
        let needed = |key: &str| {
            get("general", key)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| format!("`[general]` has no `{key}`"))
        };
        let arch = needed("arch")?;
        let images = format!("images-{arch}");
        Ok(Self {
            name: get("general", "name").unwrap_or_default(),
            family: needed("family")?,
            version: needed("version")?,
            main_image: get("stage2", "mainimage"),
            kernel: get(&images, "kernel"),
            initrd: get(&images, "initrd"),
            arch,
        })
    }

    /// Reads it from the root of a medium; `None` when the medium has none.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense.
    pub fn read(medium: &Medium) -> Result<Option<Self>, MediumError> {
        read(medium, ".treeinfo", Self::parse)
    }
}

impl DiscInfo {
    /// Parses the text of `.discinfo`: three lines, and on some media disc numbers after them.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().map(str::trim);
        let mut line = |what: &str| {
            lines
                .next()
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .ok_or_else(|| format!("it has no line with the {what}"))
        };
        Ok(Self {
            timestamp: line("timestamp")?,
            release: line("release")?,
            arch: line("architecture")?,
        })
    }

    /// Reads it from the root of a medium; `None` when the medium has none.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense.
    pub fn read(medium: &Medium) -> Result<Option<Self>, MediumError> {
        read(medium, ".discinfo", Self::parse)
    }
}

fn read<T>(
    medium: &Medium,
    path: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, MediumError> {
    if medium.entry(path)?.is_none() {
        return Ok(None);
    }
    let bytes = medium.read(path, LIMIT)?;
    parse(&String::from_utf8_lossy(&bytes)).map(Some).map_err(|problem| MediumError::BadFile {
        path: medium.path().to_owned(),
        entry: path.to_owned(),
        problem,
    })
}

/// Sections and keys of an INI text; keys are compared in lower case, as Python's reader does.
fn sections(text: &str) -> BTreeMap<(String, String), String> {
    let mut section = String::new();
    let mut found = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once(['=', ':']) {
            found.insert((section.clone(), key.trim().to_lowercase()), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn treeinfo_of_a_minimal_medium() {
        let text = "[general]\nname = CentOS-7\nfamily = CentOS\ntimestamp = 1603729576.26\nvariant = \nversion = 7\n\
                    packagedir = \narch = x86_64\n\n[stage2]\nmainimage = LiveOS/squashfs.img\n\n\
                    [images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\n\
                    boot.iso = images/boot.iso\n\n[images-xen]\nkernel = images/pxeboot/vmlinuz\n";
        let info = TreeInfo::parse(text).unwrap();
        assert_eq!(info.family, "CentOS");
        assert_eq!(info.version, "7");
        assert_eq!(info.arch, "x86_64");
        assert_eq!(info.main_image.as_deref(), Some("LiveOS/squashfs.img"));
        assert_eq!(info.kernel.as_deref(), Some("images/pxeboot/vmlinuz"));
    }

    #[test]
    fn discinfo_of_a_minimal_medium() {
        let info = DiscInfo::parse("1603728831.612616\n7.9\nx86_64\n").unwrap();
        assert_eq!((info.release.as_str(), info.arch.as_str()), ("7.9", "x86_64"));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(TreeInfo::parse("").unwrap_err().contains("arch"));
        assert!(TreeInfo::parse("[general]\narch=x\nfamily=\n").unwrap_err().contains("family"));
        assert!(DiscInfo::parse("1.0\n7.9\n").unwrap_err().contains("architecture"));
    }
}
