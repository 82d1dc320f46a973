//! Which disk is meant: a name, or what it is found by when the node is installed.

use std::fmt;

use serde::Serialize;

use crate::report::{Rule, Sources};
use crate::spec::{Bus, DiskFields, DiskSpec, Pick, SettingsSpec, Spanned};
use crate::template::quote::is_plain_word;

use super::Settings;
use super::hardware::{Size, size};
use super::settle::{Resolver, word};

/// A disk. Everything that is said must hold of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// Its name in `/dev`.
    pub name: Option<String>,
    /// Its name in `/dev/disk/by-id`.
    pub by_id: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// What it is attached to.
    pub bus: Option<Bus>,
    /// The fewest MiB that it may have.
    pub least_mib: Option<u64>,
    /// The most.
    pub most_mib: Option<u64>,
    /// Which of several.
    pub pick: Option<Pick>,
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |word: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("{word}{value}"))
        };
        let size = match (self.least_mib.map(Size), self.most_mib.map(Size)) {
            (Some(least), Some(most)) if least.0 == most.0 => Some(least.to_string()),
            (Some(least), Some(most)) => Some(format!("{least}-{most}")),
            (Some(least), None) => Some(format!(">={least}")),
            (None, Some(most)) => Some(format!("<={most}")),
            (None, None) => None,
        };
        let parts = [
            text("", &self.name),
            text("", &self.by_id),
            text("serial ", &self.serial),
            text("", &self.model),
            self.bus.map(|bus| bus.to_string()),
            size,
            self.pick.map(|pick| format!("the {pick}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// Settles which disk stands under `path`.
pub(super) fn resolve(
    path: &str,
    written: Option<&Spanned<DiskSpec>>,
    r: &mut Resolver,
) -> Option<Disk> {
    let written = written?;
    let disk = match &written.value {
        DiskSpec::Name(name) => {
            let at =
                Spanned { span: written.span, path: written.path.clone(), value: name.clone() };
            Disk { name: checked(&at, disk_name, r), ..Disk::default() }
        }
        DiskSpec::Match(fields) => matched(fields, r),
    };
    // What could not be used was told; nothing else leaves a disk of which nothing is known.
    if disk == Disk::default() {
        return None;
    }
    r.note(path, &disk, r.origin(written.span));
    Some(disk)
}

fn matched(fields: &DiskFields, r: &mut Resolver) -> Disk {
    let text = |written: &Option<Spanned<String>>, form: Form, r: &mut Resolver| {
        written.as_ref().and_then(|written| checked(written, form, r))
    };
    let (least_mib, most_mib) = fields.size.as_ref().map_or((None, None), |written| {
        range(&written.value).unwrap_or_else(|allowed| {
            r.reject(written, allowed);
            (None, None)
        })
    });
    Disk {
        name: None,
        by_id: text(&fields.by_id, by_id, r),
        serial: text(&fields.serial, printable, r),
        model: text(&fields.model, printable, r),
        bus: fields.bus.as_ref().map(|bus| bus.value),
        least_mib,
        most_mib,
        pick: fields.pick.as_ref().map(|pick| pick.value),
    }
}

type Form = fn(&str) -> Result<String, String>;

fn checked(written: &Spanned<String>, form: Form, r: &mut Resolver) -> Option<String> {
    form(&written.value).map_err(|allowed| r.reject(written, allowed)).ok()
}

/// What Linux calls what no system can be installed to, by how the name begins.
const NO_DISKS: [&str; 8] = ["dm-", "fd", "loop", "md", "nbd", "ram", "sr", "zram"];

/// A whole disk's name.
fn disk_name(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("/dev/").unwrap_or(text);
    let known = word(name, 32, "_-").map_err(|a| format!("a disk's name ({a}), such as `sda`"))?;
    if NO_DISKS.iter().any(|kind| name.starts_with(kind)) {
        return Err("a disk that a system can be installed to, such as `sda`, `vda` or `nvme0n1`"
            .to_owned());
    }
    let whole = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if let Some(letters) =
        name.strip_prefix("hd").filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase()))
    {
        return Err(format!("another name: CentOS 7 calls this disk `sd{letters}`"));
    }
    if name.strip_prefix("nvme").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())) {
        return Err(format!("a disk, not its controller: `{name}n1` is the first"));
    }
    let lettered = ["sd", "vd", "xvd"].iter().any(|kind| {
        whole.strip_prefix(kind).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_lowercase()))
    });
    let numbered = (name.starts_with("nvme") || name.starts_with("mmcblk"))
        && whole.ends_with('p')
        && whole.len() > "mmcblk".len();
    if whole.len() < name.len() && (lettered || numbered) {
        let disk = if numbered { whole.trim_end_matches('p') } else { whole };
        return Err(format!("a whole disk, not a partition: `{disk}`"));
    }
    Ok(known)
}

fn by_id(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("/dev/disk/by-id/").unwrap_or(text);
    if let Some((disk, part)) = name.rsplit_once("-part")
        && !part.is_empty()
        && part.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(format!("a whole disk, not a partition: `{disk}`"));
    }
    if name.len() <= 255 && is_plain_word(name) && !name.contains('/') && !name.starts_with('.') {
        Ok(name.to_owned())
    } else {
        Err("a name of `/dev/disk/by-id`, such as `ata-VBOX_HARDDISK_VB1234abcd-5678ef90`".into())
    }
}

/// What a maker writes on a device: visible ASCII with blanks inside.
pub(super) fn printable(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && text.trim() == text;
    if fits {
        Ok(text.to_owned())
    } else {
        Err("1 to 64 letters, digits and signs of ASCII, no blank first or last".into())
    }
}

/// Tells a machine whose own disk, as a file says it, is not the one that the node is installed to. What is built in says
/// nothing of a real machine.
pub(super) fn tell_other_size(settings: &Settings, spec: &SettingsSpec, r: &mut Resolver) {
    let (disk, has) = (&settings.storage.disk, settings.hardware.disk_mib);
    let fits = disk.least_mib.is_none_or(|least| least <= has)
        && disk.most_mib.is_none_or(|most| has <= most);
    let wanted = spec.storage.as_ref().and_then(|s| s.value.disk.as_ref());
    let is_said = spec.disk.as_ref().is_some_and(|disk| disk.span.file != Sources::BUILT_IN);
    let Some(DiskSpec::Match(fields)) = wanted.filter(|_| is_said).map(|w| &w.value) else {
        return;
    };
    let Some(written) = fields.size.as_ref().filter(|_| !fits) else { return };
    let size = Size(has);
    let message = format!(
        "the machine's disk has {size}, and the node is installed to one of {}",
        written.value
    );
    let help = format!(
        "a size that {size} fits, or another `disk`: that is the disk that the machine has"
    );
    r.tell(Rule::DiskSize, written, message, help);
}

/// The least and the most.
type Bounds = (Option<u64>, Option<u64>);

fn range(text: &str) -> Result<Bounds, String> {
    let allowed =
        || "a size (`20GiB`), a range (`10GiB-50GiB`) or a bound (`\">=20GiB\"`)".to_owned();
    let mib = |text: &str| size(text.trim()).map(|size| size.0).map_err(|_| allowed());
    if let Some(least) = text.strip_prefix(">=") {
        return Ok((Some(mib(least)?), None));
    }
    if let Some(most) = text.strip_prefix("<=") {
        return Ok((None, Some(mib(most)?)));
    }
    let Some((least, most)) = text.split_once('-') else {
        let exact = mib(text)?;
        return Ok((Some(exact), Some(exact)));
    };
    let (least, most) = (mib(least)?, mib(most)?);
    if least > most {
        return Err(format!("the smaller size first: `{}-{}`", Size(most), Size(least)));
    }
    Ok((Some(least), Some(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_disks_are_told_from_partitions_and_from_what_is_no_disk() {
        for good in ["sda", "/dev/vdb", "nvme0n1", "nvme10n12", "mmcblk0", "xvda", "sdaa"] {
            assert!(disk_name(good).is_ok(), "{good}");
        }
        for (bad, told) in [
            ("sda1", "`sda`"),
            ("nvme0n1p2", "`nvme0n1`"),
            ("mmcblk0p1", "`mmcblk0`"),
            ("sr0", "installed to"),
            ("md127", "installed to"),
            ("disk/by-id/x", "a disk's name"),
            ("", "a disk's name"),
        ] {
            let allowed = disk_name(bad).expect_err(bad);
            assert!(allowed.contains(told), "{bad}: {allowed}");
        }
    }

    #[test]
    fn sizes_are_ranges() {
        assert_eq!(range("10GiB-50GiB"), Ok((Some(10240), Some(51200))));
        assert_eq!(range("10GiB - 50 GiB"), Ok((Some(10240), Some(51200))));
        assert_eq!(range(">=20GiB"), Ok((Some(20480), None)));
        assert_eq!(range("<= 2TiB"), Ok((None, Some(2_097_152))));
        assert_eq!(range("512MiB"), Ok((Some(512), Some(512))));
        for bad in ["", "-", "10GiB-", "-10GiB", ">20GiB", "20", "1GiB-2GiB-3GiB", "20GB"] {
            assert!(range(bad).is_err(), "{bad}");
        }
        assert!(range("50GiB-10GiB").is_err_and(|told| told.contains("`10GiB-50GiB`")));
    }
}
