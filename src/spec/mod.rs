//! What the person wrote: the lab file's schema, with the place of every value.
//!
//! Nothing here decides what a value means or whether it fits the others; that is `model`'s. What roles and nodes
//! inherit is worked out on the tree ([`merge`]), before anything is decoded, so a value keeps its place however
//! far it was inherited, and no key has rules of its own.

mod colon;
mod custom;
mod data;
mod decode;
mod disk;
mod edit;
mod files;
mod hooks;
mod image;
mod include;
mod inherit;
mod json_schema;
mod kickstart;
pub mod merge;
mod network;
mod private;
mod range;
mod reference;
mod restated;
mod schema;
mod settings;
pub mod shape;
mod stage;
mod storage;
mod told;
mod tree;
mod users;
mod yaml;

use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};

use crate::report::{Findings, Rule, Source, Sources};

pub use custom::{
    FileSpec, FirewallSpec, HostKeys, KernelSpec, OpeningSpec, Protocol, ProxySpec, RepositorySpec,
    SigningKey, UnitState,
};
pub use data::{Data, plain_data};
pub use decode::{Added, Entries, Entry, OneOrMany, Spanned};
pub use disk::{Disk, Entry as FolderEntry, Files, Nowhere};
pub use edit::with_mirror;
pub use files::{Folder, KEY_TYPES, PublicKeys, TextFile, UnreadFile};
pub use hooks::{HookSpec, HooksSpec};
pub use image::{CloudImageSpec, ImageFields, ImageSpec};
pub use json_schema::json_schema;
pub use kickstart::KickstartSpec;
pub use network::{
    Addressing, Attach, BondMode, BondSpec, BridgeSpec, FoundBy, InterfaceSpec, Ipv6Addressing,
    Ipv6Spec, NetworkSpec, RouteSpec, VirtualBoxSpec, VlanSpec,
};
pub use range::MOST_NODES;
pub use reference::markdown;
pub use schema::{
    LabFields, LabSpec, Networking, NodeFields, NodeSpec, OpenStackSpec, RoleFields, RoleSpec,
    TimeSpec, TlsFields, TlsSpec, lab_shape,
};
pub use settings::{AccessSpec, IniOption, IniOptions, InstallerSpec, RootLogin, SettingsSpec};
pub use stage::{
    DatabaseFields, Each, IdentityFields, IdentityServiceFields, IdentityUserFields, NeedFields,
    OwnershipFields, ParameterFields, StageFields, StageFileFields, StageOpeningFields, StagePart,
    WhenFields, stage, stage_secrets,
};
pub use storage::{
    Bus, DataSpec, DiskFields, DiskSpec, FileSystem, Layout, MachineSpec, PartitionSpec, Pick,
    StorageSpec,
};
pub use users::{SudoSpec, UserSpec};
pub use yaml::is_bounded;

/// What a lab file need not say, as a lab file.
pub const BUILT_IN: &str = include_str!("built-in.yaml");

static BUILT_IN_TREE: LazyLock<tree::Node> = LazyLock::new(|| {
    let mut findings = Findings::default();
    let tree = yaml::parse(BUILT_IN, Sources::BUILT_IN, &mut findings);
    tree.unwrap_or_else(|| panic!("built-in.yaml: {:?}", findings.sorted()))
});

/// Reads a lab file, the files that it includes, and those that it names, of which none may be the file of its secrets. What
/// is wrong in them goes to `findings`; files that are no mapping at all yield nothing.
///
/// # Errors
/// The lab file itself cannot be read, is far too large, or holds secrets.
pub fn load(
    path: &Path,
    secrets: &Path,
    findings: &mut Findings,
) -> Result<(Sources, Option<LabSpec>)> {
    let name = path.display().to_string();
    std::fs::metadata(path).with_context(|| {
        format!("reading the lab file `{name}`: name another with `--lab`, or make one with `trainyard init`")
    })?;
    let disk = Disk { secrets: Some(secrets.to_owned()) };
    private::refuse_name(path, &disk)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("reading the lab file `{name}`"))?;
    let text = disk.read(path).with_context(|| format!("reading the lab file `{name}`"))?;
    let source = Source { name: name.into(), path: path.to_owned(), text: text.into() };
    Ok(parse_with(source, &disk, findings))
}

/// The same for a lab file whose text is at hand; files that it names are not read.
pub fn parse(source: Source, findings: &mut Findings) -> (Sources, Option<LabSpec>) {
    parse_with(source, &Nowhere, findings)
}

/// The same; files that it names are read from `files`.
pub fn parse_with(
    source: Source,
    files: &dyn Files,
    findings: &mut Findings,
) -> (Sources, Option<LabSpec>) {
    let mut sources = Sources::new(BUILT_IN);
    let file = sources.add(Source { text: yaml::without_mark(source.text), ..source });
    let shape = lab_shape();
    let Some(root) = include::read(file, &shape, files, &mut sources, findings) else {
        return (sources, None);
    };
    if !matches!(root.value, tree::Value::Map(_)) {
        let message = format!("expected a mapping, found {}", root.value.kind());
        let meant =
            if let tree::Value::Scalar(text) = &root.value { colon::way_out(text) } else { None };
        let help = meant.unwrap_or_else(|| "for example `nodes: {key: value}`".to_owned());
        findings.tell(Rule::Kind, "", root.span, message, help);
        return (sources, None);
    }
    let spec = inherit::lab(
        &root,
        &BUILT_IN_TREE,
        &shape,
        &mut files::Reader::new(findings, &mut sources).from(files),
    );
    (sources, spec)
}
