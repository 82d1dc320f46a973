use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::json;

use super::fetch;
use super::load::{Good, chosen_one, load_good};
use super::source::{Found, Source, keep_own};
use crate::appear;
use crate::base_image::Facts;
use crate::cli::images::cache;
use crate::cli::ui::Ui;
use crate::cli::{DiskArgs, DiskKind};
use crate::digest::Digest;
use crate::disk::{self, Base, Format, Made, Order, QemuImg, Step};
use crate::exit::{self, Failure};
use crate::model::{ImageSource, Lab, MANAGEMENT};
use crate::plan::{InterfacePlan, NodePlan};
use crate::room;
use crate::template::quote;

pub(in crate::cli) fn disk(
    lab_file: &Path,
    secrets: &Path,
    args: &DiskArgs,
    ui: &Ui,
) -> Result<()> {
    let good = load_good(lab_file, secrets, ui)?;
    let node = chosen_one(&good.plan, &args.node)?;
    let qemu = QemuImg::locate()?;
    let source = image(args.image.as_deref(), args.cache.as_deref(), &good.lab, lab_file)?;
    let base = Base::open(&source.path)?;
    let order = order(node, args);
    keep_own(&order.output, &[lab_file, secrets])?;
    order.check(Some(&base))?;
    order.check_size(&base)?;
    let sha256 = prove(&base, &source, ui)?;
    base.check(&qemu)?;

    // First, because nothing is lost where it stays alone.
    let data = data_disk(node, &order, &qemu, ui)?;
    let bar = ui.bytes(&format!("making {}", order.output.display()), 0);
    let shown = bar.clone();
    let made = disk::make(&base, &order, &qemu, move |step| match step {
        Step::Written(done, of) => {
            shown.set_length(of);
            shown.set_position(done.min(of));
        }
        Step::Checking => shown.set_message("checking it"),
    })?;
    bar.finish_and_clear();
    let text = || {
        let Made { path, format, virtual_size, backing_file } = &made;
        let over = backing_file.as_ref();
        let over = over.map(|over| format!(", an overlay over {}", over.display()));
        let mut text = format!(
            "{}  {}, {} MiB{}\n",
            path.display(),
            format.as_str(),
            virtual_size >> 20,
            over.unwrap_or_default()
        );
        if let Some(data) = data.as_ref().filter(|data| data.made) {
            let _ = writeln!(text, "{}  {}, for data", data.path.display(), format.as_str());
        }
        text
    };
    let image = json!({ "path": base.path, "sha256": sha256 });
    let result =
        json!({ "schema": 1, "node": node.name, "disk": made, "data": data, "image": image });
    ui.result(text, &result)?;
    let is_cached =
        args.image.is_none() && !matches!(good.lab.cloud_image.source, ImageSource::Path(_));
    tell_needs(&made, is_cached, ui);
    ui.note(next(&good, node, &made, data.as_ref(), lab_file));
    Ok(())
}

/// The cloud image to make it from: the one on the command line, or the lab's, which is in the cache where it is no file.
pub(super) fn image(
    given: Option<&Path>,
    in_cache: Option<&Path>,
    lab: &Lab,
    lab_file: &Path,
) -> Result<Source> {
    if let Some(file) = Source::of_file(given, &lab.cloud_image, "cloud_image", lab_file) {
        return Ok(file);
    }
    let wanted = fetch::cloud_of_lab(lab, Facts::default())?;
    let cache = cache(in_cache)?;
    let fetch = fetch_command(lab_file, in_cache);
    match cache.find(&wanted)? {
        Some(found) => Ok(Source::of_cache(found.path, found.proof.sha256, &fetch)),
        None => bail!(Failure::new(
            exit::INPUT,
            format!(
                "the cloud image `{}` is not in the cache: `{fetch}` brings it, and `--image FILE` takes one that you have",
                wanted.file
            )
        )),
    }
}

/// What brings the image, ready to paste.
pub(super) fn fetch_command(lab_file: &Path, cache: Option<&Path>) -> String {
    let cache = cache.map_or_else(String::new, |folder| format!(" --cache {}", shell(folder)));
    format!("trainyard fetch --cloud{}{cache}", lab_option(lab_file))
}

/// Which lab, where it is not the one that is taken anyway.
fn lab_option(lab_file: &Path) -> String {
    if lab_file == Path::new("lab.yaml") {
        return String::new();
    }
    format!(" --lab {}", shell(lab_file))
}

fn shell(path: &Path) -> String {
    quote::shell(&path.to_string_lossy())
}

fn order(node: &NodePlan, args: &DiskArgs) -> Order {
    let format = match args.kind {
        DiskKind::Qcow2 => Format::Qcow2,
        DiskKind::Vdi => Format::Vdi,
        DiskKind::Vmdk => Format::Vmdk,
        DiskKind::Raw => Format::Raw,
    };
    let default = || format!("{}.{}", node.name, format.as_str()).into();
    Order {
        node: node.name.clone(),
        format,
        size: node.hardware.disk_mib << 20,
        output: args.output.clone().unwrap_or_else(default),
        force: args.force,
    }
}

/// Reads the whole image, and refuses it where it is not what it is said to be.
pub(super) fn prove(base: &Base, source: &Source, ui: &Ui) -> Result<Digest> {
    let path = base.path.as_path();
    let bar = ui.bytes(&format!("reading {}", path.display()), base.file_size);
    let sha256 = Digest::of_file(path, |done| bar.set_position(done))
        .with_context(|| format!("reading `{}`", path.display()))?;
    bar.finish_and_clear();
    let found = Found { path, sha256, size: base.file_size, volume_id: None };
    found.check(&source.facts, &source.help)?;
    if let Some(unproved) = found.unproved(&source.facts, "cloud_image") {
        ui.note(unproved);
    }
    ui.detail(|| format!("{}: sha256 {sha256}", path.display()));
    Ok(sha256)
}

/// The node's disk for data.
#[derive(Serialize)]
struct Data {
    path: PathBuf,
    /// Whether it was made now.
    made: bool,
}

/// Makes the node's disk for data, where the lab says how large it is at least. One that is there stays, for it is there to keep
/// what is on it.
fn data_disk(node: &NodePlan, system: &Order, qemu: &QemuImg, ui: &Ui) -> Result<Option<Data>> {
    let Some(data) = &node.storage.storage.data else { return Ok(None) };
    let path = beside(&system.output, system.format);
    if path.symlink_metadata().is_ok() {
        ui.note(format!("note: the disk for data, `{}`, is there and stays", path.display()));
        return Ok(Some(Data { path, made: false }));
    }
    let Some(size) = data.disk.least_mib else {
        ui.note(format!(
            "note: no disk for data is made, because the lab says no size of `{}`: `storage: {{data: {{disk: {{size: 20GiB}}}}}}` does",
            data.disk
        ));
        return Ok(None);
    };
    let order = Order { size: size << 20, output: path.clone(), force: false, ..system.clone() };
    disk::empty(&order, qemu)?;
    Ok(Some(Data { path, made: true }))
}

/// Where the disk for data goes: `compute-data.qcow2` beside `compute.qcow2`.
fn beside(system: &Path, format: Format) -> PathBuf {
    let mut name = system.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-data.{}", format.as_str()));
    system.with_file_name(name)
}

/// What to do with it.
fn next(good: &Good, node: &NodePlan, made: &Made, data: Option<&Data>, lab_file: &Path) -> String {
    let name = &node.name;
    let paths: Vec<&Path> =
        [made.path.as_path()].into_iter().chain(data.map(|data| data.path.as_path())).collect();
    let lines = match made.format {
        Format::Qcow2 | Format::Raw => qemu(node, made.format, &paths),
        Format::Vdi | Format::Vmdk => virtualbox(good, node, &paths),
    };
    format!(
        "next: `trainyard seed {name}{}`, and attach both to a machine whose cards have {name}'s MAC addresses:\n{lines}",
        lab_option(lab_file)
    )
}

/// What there is to know of a disk that was made: what it needs, and that it grows.
fn tell_needs(made: &Made, is_cached: bool, ui: &Ui) {
    if let Some(base) = &made.backing_file {
        let prune = if is_cached { " (`trainyard image prune --all` would remove it)" } else { "" };
        ui.note(format!("note: it needs `{}` where it is, and unchanged{prune}", base.display()));
    }
    let folder = appear::folder_of(&made.path);
    if let Ok(free) = room::free(folder)
        && free < made.virtual_size
    {
        ui.note(format!(
            "note: it grows to {} MiB as the node writes, and `{}` has {} MiB free",
            made.virtual_size >> 20,
            folder.display(),
            free >> 20
        ));
    }
}

fn qemu(node: &NodePlan, format: Format, disks: &[&Path]) -> String {
    let drive = |disk: &&Path| {
        // A comma would begin another option.
        let file = disk.to_string_lossy().replace(',', ",,");
        let drive = format!("if=virtio,format={},file={file}", format.as_str());
        format!("-drive {}", quote::shell(&drive))
    };
    let mut words: Vec<String> = disks.iter().map(drive).collect();
    words.push(format!("-cdrom {}-cidata.iso", node.name));
    words.extend(node.interfaces.iter().filter_map(|interface| {
        Some(format!("-nic user,{}mac={}", addresses(node, interface), interface.mac?))
    }));
    format!(
        "\x20 QEMU        {}\n\x20             (this network is one machine's alone; docs/machines.md has bridges for more)",
        words.join(" ")
    )
}

/// What makes the addresses of QEMU's own network, which are others, those of the lab.
fn addresses(node: &NodePlan, interface: &InterfacePlan) -> String {
    if interface.network.as_deref() != Some(MANAGEMENT) {
        return String::new();
    }
    let mut words = String::new();
    if let Some(gateway) = interface.gateway {
        let _ = write!(words, "host={gateway},");
    }
    // Its DHCP server counts up from the first that it gives, and there is nobody else.
    if let Some(address) = interface.address.filter(|_| interface.dhcp) {
        let _ = write!(words, "dhcpstart={address},");
    }
    if words.is_empty() { words } else { format!("net={},{words}", node.management) }
}

fn virtualbox(good: &Good, node: &NodePlan, disks: &[&Path]) -> String {
    let name = &node.name;
    let cards = node.interfaces.iter().filter_map(|interface| {
        let network = good.lab.network(interface.network.as_deref()?)?;
        let mac = interface.mac?.to_string().replace(':', "");
        Some(format!(" --macaddress{} {mac}", network.virtualbox.adapter))
    });
    let cards: String = cards.collect();
    let mut lines = Vec::new();
    if !cards.is_empty() {
        lines.push(format!("VBoxManage modifyvm {name}{cards}"));
    }
    let seed = PathBuf::from(format!("{name}-cidata.iso"));
    let media = disks.iter().map(|disk| ("hdd", *disk)).chain([("dvddrive", seed.as_path())]);
    lines.extend(media.enumerate().map(|(port, (kind, medium))| {
        format!(
            "VBoxManage storageattach {name} --storagectl SATA --port {port} --device 0 --type {kind} --medium {}",
            shell(medium)
        )
    }));
    format!("\x20 VirtualBox  {}", lines.join("\n\x20             "))
}
