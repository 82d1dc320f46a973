//! How a node's disks are divided.

use serde::Serialize;

use crate::report::{Rule, Sources};
use crate::spec::{
    DataSpec, FileSystem, Layout, PartitionSpec, SettingsSpec, Spanned, StorageSpec,
};

use super::disk::{self, Disk};
use super::hardware::{Size, size};
use super::mount_options;
use super::settle::{Resolver, Wrong};
use super::{Origin, Settings};

/// What the loader's own partitions take: BIOS needs 1 MiB, UEFI at most 200 MiB, and partitions are aligned.
const LOADER_MIB: u64 = 256;

/// A node's disks. Sizes in MiB.
#[derive(Clone, Debug, Serialize)]
pub struct Storage {
    /// The disk that the node is installed to.
    pub disk: Disk,
    /// How it is divided.
    pub layout: Layout,
    /// `/boot`.
    pub boot_mib: u64,
    /// The swap space, if there is one.
    pub swap_mib: Option<u64>,
    /// The file systems, `/` first.
    pub volumes: Vec<Volume>,
    /// A disk for data.
    pub data: Option<DataDisk>,
    /// Whether whatever is on the disk may go.
    pub wipe: bool,
}

/// A file system of the system's disk.
#[derive(Clone, Debug, Serialize)]
pub struct Volume {
    /// Where it is mounted.
    pub mount: String,
    /// Its name as a logical volume.
    pub name: String,
    /// Its kind.
    pub filesystem: FileSystem,
    /// Its size; the least where it grows.
    pub size_mib: u64,
    /// Whether it grows to the rest of the disk.
    pub grow: bool,
    /// Mount options.
    pub options: Option<String>,
}

/// A disk for data.
#[derive(Clone, Debug, Serialize)]
pub struct DataDisk {
    /// Which one.
    pub disk: Disk,
    /// Where it is mounted; `None`: it is left as it is.
    pub mount: Option<String>,
    /// Its file system.
    pub filesystem: FileSystem,
    /// Whether this node's own data stay over a new installation.
    pub keep: bool,
    /// Whether whatever else is on it may go.
    pub wipe: bool,
}

impl Storage {
    /// Something in the place of disks that cannot be used.
    pub(super) fn stand_in() -> Self {
        Self {
            disk: Disk::default(),
            layout: Layout::Plain,
            boot_mib: 0,
            swap_mib: None,
            volumes: Vec::new(),
            data: None,
            wipe: false,
        }
    }

    /// What must fit on the disk, in MiB.
    #[must_use]
    pub fn needed_mib(&self) -> u64 {
        self.parts().iter().map(|(_, size)| size).sum()
    }

    /// The parts of the disk and their sizes.
    fn parts(&self) -> Vec<(&str, u64)> {
        let fixed = [("the loader", LOADER_MIB), ("/boot", self.boot_mib)];
        let swap = self.swap_mib.map(|size| ("swap", size));
        let volumes = self.volumes.iter().map(|v| (v.mount.as_str(), v.size_mib));
        fixed.into_iter().chain(swap).chain(volumes).collect()
    }
}

pub(super) fn resolve(spec: Option<&Spanned<StorageSpec>>, r: &mut Resolver) -> Option<Storage> {
    let spec = &spec?.value;
    let disk = disk::resolve("storage.disk", spec.disk.as_ref(), r);
    let layout = r.take("storage.layout", spec.layout.as_ref());
    let boot = r.settle("storage.boot", spec.boot.as_ref(), |text| at_least(text, 256));
    let swap = r.settle("storage.swap", spec.swap.as_ref(), swap);
    // Less than CentOS's own packages take would end in an installer that is out of space.
    let root = r.settle("storage.root", spec.root.as_ref(), |text| at_least(text, 2048));
    let mut volumes: Vec<Volume> = Vec::new();
    for entry in spec.partitions.iter().flat_map(|p| &p.value.0) {
        volumes.extend(partition(&entry.name, &entry.value, r));
    }
    let grow = root_grows(spec, r);
    let data = data(spec.data.as_ref(), r);
    let wipe = flag("storage.wipe", spec.wipe.as_ref(), r);
    tell_clashes(spec, &volumes, disk.as_ref(), data.as_ref(), r);
    let root = Volume {
        mount: "/".into(),
        name: "root".into(),
        filesystem: FileSystem::Xfs,
        size_mib: root?.0,
        grow,
        options: None,
    };
    volumes.insert(0, root);
    let (boot_mib, swap_mib) = (boot?.0, swap?.0);
    Some(Storage { disk: disk?, layout: layout?, boot_mib, swap_mib, volumes, data, wipe: wipe? })
}

fn at_least(text: &str, least: u64) -> Result<Size, String> {
    match size(text)? {
        found if found.0 >= least => Ok(found),
        _ => Err(format!("at least {}", Size(least))),
    }
}

/// A size, or none.
struct Swap(Option<u64>);

impl std::fmt::Display for Swap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(mib) => Size(mib).fmt(f),
            None => f.write_str("none"),
        }
    }
}

fn swap(text: &str) -> Result<Swap, String> {
    if text == "none" {
        return Ok(Swap(None));
    }
    size(text).map(|size| Swap(Some(size.0))).map_err(|allowed| format!("{allowed}, or `none`"))
}

/// Whether `/` grows: as it is said, or where nothing else does.
fn root_grows(spec: &StorageSpec, r: &mut Resolver) -> bool {
    let growing: Vec<_> = spec
        .partitions
        .iter()
        .flat_map(|p| &p.value.0)
        .filter_map(|entry| entry.value.grow.as_ref().filter(|grow| grow.value))
        .collect();
    let said = spec.grow.as_ref();
    if let Some(second) = growing.get(usize::from(said.is_none_or(|grow| !grow.value))) {
        let help = "one gets what is left of the disk: give the others a fixed size";
        r.tell(Rule::SecondGrow, second, "something else grows already", help);
    }
    let grows = said.map_or(growing.is_empty(), |grow| grow.value);
    let origin = said.map_or(Origin::BuiltIn, |grow| r.origin(grow.span));
    r.note("storage.grow", &yes_or_no(grows), origin);
    grows
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn flag(path: &str, written: Option<&Spanned<bool>>, r: &mut Resolver) -> Option<bool> {
    let written = written?;
    r.note(path, &yes_or_no(written.value), r.origin(written.span));
    Some(written.value)
}

fn partition(name: &Spanned<String>, spec: &PartitionSpec, r: &mut Resolver) -> Option<Volume> {
    let mount = mount_point(&name.value).map_err(|wrong| r.reject(name, wrong)).ok();
    if spec.size.is_none() {
        let message = format!("`{}` has no size", name.value);
        r.tell(Rule::NoSize, name, message, "for example `{size: 6GiB}`");
    }
    let path = format!("storage.partitions.{}", name.value);
    // XFS of CentOS 7 is not made smaller than this.
    let size = r.settle(&format!("{path}.size"), spec.size.as_ref(), |text| at_least(text, 64));
    let filesystem = spec.filesystem.as_ref().map_or(FileSystem::Xfs, |f| f.value);
    let origin = spec.filesystem.as_ref().map_or(Origin::BuiltIn, |f| r.origin(f.span));
    r.note(&format!("{path}.filesystem"), &filesystem, origin);
    let grow = flag(&format!("{path}.grow"), spec.grow.as_ref(), r).unwrap_or(false);
    let options = match &spec.options {
        Some(written) => {
            let on = mount.as_deref().unwrap_or(&name.value);
            if let Err(wrong) = mount_options::check(on, filesystem, &written.value) {
                r.reject(written, wrong);
            }
            r.take(&format!("{path}.options"), Some(written))
        }
        None => None,
    };
    let mount = mount?;
    Some(Volume {
        // LVM keeps names such as `snapshot…` and `…_mlog…` for itself (lvm(8)), and swap's is `swap`. Two paths never get
        // one name: no step of a path begins with `-`.
        name: format!("fs-{}", mount[1..].replace('-', "--").replace('/', "-").replace('_', "_.")),
        mount,
        filesystem,
        size_mib: size?.0,
        grow,
        options,
    })
}

/// What the installer wants on the same file system as `/` (anaconda's sanity check), what the loader reads, and
/// what is no file system of a disk; with everything below. The last four are links of the package `filesystem`.
const ON_ROOT: [&str; 14] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr/tmp",
    "/var/lock",
    "/var/mail",
    "/var/run",
];
/// The same, but not what is below.
const ON_ROOT_ITSELF: [&str; 3] = ["/lost+found", "/mnt", "/root"];

/// A folder that can be a file system of its own.
fn mount_point(text: &str) -> Result<String, Wrong> {
    let own_key = match text {
        "/" => "root",
        "/boot" => "boot",
        "swap" => "swap",
        _ => "",
    };
    if !own_key.is_empty() {
        let help = format!("its size is `storage.{own_key}`");
        return Err(Wrong::new("has a key of its own", help));
    }
    let step = |step: &str| !step.is_empty() && !step.starts_with(['-', '.']);
    let fits = text.len() <= 100
        && text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(step))
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._+-".contains(&b));
    if !fits {
        let help = "a folder's whole path in letters, digits and `._+-`, such as `/var/lib/nova`";
        return Err(Wrong::from(help));
    }
    let inside = |folder: &str| format!("{text}/").starts_with(&format!("{folder}/"));
    if ON_ROOT.iter().any(|folder| inside(folder)) || ON_ROOT_ITSELF.contains(&text) {
        let help =
            "it belongs to `/`, to the loader or to the kernel; for example `/var` or `/srv`";
        return Err(Wrong::new("cannot be a file system of its own", help));
    }
    Ok(text.to_owned())
}

fn data(written: Option<&Spanned<DataSpec>>, r: &mut Resolver) -> Option<DataDisk> {
    let written = written?;
    let spec = &written.value;
    if spec.disk.is_none() {
        if written.span.file == Sources::BUILT_IN {
            r.note("storage.data", &"none", Origin::BuiltIn);
        } else {
            let help = "for example `data: {disk: sdb, mount: /srv}`";
            r.tell(Rule::NoDisk, written, "no disk is named for the data", help);
        }
        return None;
    }
    let disk = disk::resolve("storage.data.disk", spec.disk.as_ref(), r);
    let mount = r.settle("storage.data.mount", spec.mount.as_ref(), data_mount);
    let filesystem = r.take("storage.data.filesystem", spec.filesystem.as_ref());
    let keep = flag("storage.data.keep", spec.keep.as_ref(), r);
    let wipe = flag("storage.data.wipe", spec.wipe.as_ref(), r);
    if let Some(mount) = spec.mount.as_ref().filter(|_| keep == Some(true)) {
        tell_kept_system(mount, r);
    }
    Some(DataDisk {
        disk: disk?,
        mount: Some(mount?).filter(|mount| mount != "none"),
        filesystem: filesystem?,
        keep: keep?,
        wipe: wipe?,
    })
}

/// A folder, or `none`.
fn data_mount(text: &str) -> Result<String, Wrong> {
    if text == "none" { Ok(text.to_owned()) } else { mount_point(text) }
}

/// Data that stay must not lie where packages are installed.
fn tell_kept_system(mount: &Spanned<String>, r: &mut Resolver) {
    if ["/opt", "/usr", "/var"].contains(&mount.value.as_str()) || mount.value.starts_with("/usr/")
    {
        let why = "is the system's, and would stay over a new installation";
        let help = "a folder that holds nothing but data, such as `/srv`, or `keep: no`";
        r.reject(mount, Wrong::new(why, help));
    }
}

fn tell_clashes(
    spec: &StorageSpec,
    volumes: &[Volume],
    disk: Option<&Disk>,
    data: Option<&DataDisk>,
    r: &mut Resolver,
) {
    let (Some(data), Some(written)) = (data, spec.data.as_ref().map(|d| &d.value)) else { return };
    if let (Some(mount), Some(at)) = (&data.mount, &written.mount)
        && volumes.iter().any(|volume| volume.mount == *mount)
    {
        let message = format!("`{mount}` is one of `storage.partitions` too");
        r.tell(Rule::MountTwice, at, message, "mount one of the two somewhere else");
    }
    if let (Some(disk), Some(at)) = (disk, &written.disk)
        && *disk == data.disk
    {
        let message = format!("`{disk}` is the disk that the node is installed to");
        r.tell(Rule::SameDisk, at, message, "name another disk for the data");
    }
}

/// Tells that a machine's disk has no room for all that is to be on it.
pub(super) fn tell_too_small(settings: &Settings, spec: &SettingsSpec, r: &mut Resolver) {
    let (storage, hardware) = (&settings.storage, &settings.hardware);
    if storage.needed_mib() <= hardware.disk_mib {
        return;
    }
    let parts: Vec<_> =
        storage.parts().into_iter().map(|(name, mib)| format!("{name} {}", rounded(mib))).collect();
    let message = format!(
        "the machine's disk has {}, and this takes {}: {}",
        rounded(hardware.disk_mib),
        rounded(storage.needed_mib()),
        parts.join(", ")
    );
    let help = "a larger `disk`, or smaller parts in `storage`";
    match (spec.disk.as_ref().filter(|disk| disk.span.file != Sources::BUILT_IN), &spec.storage) {
        (Some(disk), _) => r.tell(Rule::DiskTooSmall, disk, message, help),
        (None, Some(storage)) => r.tell(Rule::DiskTooSmall, storage, message, help),
        (None, None) => {}
    }
}

/// A size for people: whole MiB, or GiB with one decimal, rounded up.
fn rounded(mib: u64) -> String {
    if mib < 1024 || mib.is_multiple_of(1024) {
        return Size(mib).to_string();
    }
    let tenths = (mib * 10).div_ceil(1024);
    format!("{}.{}GiB", tenths / 10, tenths % 10)
}
