//! Exit codes, and which failure has which.

use crate::appear::AppearError;
use crate::base_image::FetchError;
use crate::digest::Undigested;
use crate::disk::DiskError;
use crate::interrupt::Interrupted;
use crate::iso::IsoError;
use crate::machines::MachineError;
use crate::packages::{LockError, PackagesError, ResolveError};
use crate::render::RenderError;
use crate::secrets::{FileError, Missing};
use crate::serve::{DhcpError, ServeError};
use crate::sign::SignError;
use crate::tool::ToolError;

/// Done.
pub const DONE: u8 = 0;
/// Something that nobody expected.
pub const UNEXPECTED: u8 = 1;
/// The command line is not understood.
pub const USAGE: u8 = 2;
/// The lab file, or the secrets beside it, has errors.
pub const LAB: u8 = 3;
/// A program that is needed is missing or too old.
pub const PROGRAM_MISSING: u8 = 4;
/// Something is not what it should be.
pub const VERIFICATION: u8 = 5;
/// An external program failed.
pub const PROGRAM_FAILED: u8 = 6;
/// The network did not give what was asked of it.
pub const NETWORK: u8 = 7;
/// Refused: it exists already, or is not ours.
pub const REFUSED: u8 = 8;
/// An input file, or the disk, cannot be used.
pub const INPUT: u8 = 9;
/// Interrupted.
pub const INTERRUPTED: u8 = 130;

/// A failure whose exit code its author chose.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What to tell.
    pub message: String,
}

impl Failure {
    /// A failure with this code.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The lab file has errors, and they have been told.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the lab file has errors")]
pub struct LabErrors;

/// The exit code of a failure: the first of its causes that has one decides.
#[must_use]
pub fn code_of(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of_cause).unwrap_or(UNEXPECTED)
}

fn code_of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.code);
    }
    if let Some(error) = cause.downcast_ref::<ToolError>() {
        return Some(of_tool(error));
    }
    if let Some(error) = cause.downcast_ref::<IsoError>() {
        return Some(match error {
            IsoError::Tool(error) => of_tool(error),
            IsoError::Interrupted(_) => INTERRUPTED,
            IsoError::Exists(_) | IsoError::IsBase(_) => REFUSED,
            IsoError::ReadBack { .. } => VERIFICATION,
            IsoError::Base { .. }
            | IsoError::NoSpace { .. }
            | IsoError::Packages { .. }
            | IsoError::Addition { .. }
            | IsoError::Medium(_)
            | IsoError::PackageData(_)
            | IsoError::BootMenu { .. }
            | IsoError::Efiboot(_)
            | IsoError::Io { .. } => INPUT,
        });
    }
    if let Some(error) = cause.downcast_ref::<AppearError>() {
        return Some(match error {
            AppearError::Exists(_) => REFUSED,
            AppearError::Interrupted(_) => INTERRUPTED,
            AppearError::Io { .. } => INPUT,
        });
    }
    if let Some(error) = cause.downcast_ref::<MachineError>() {
        return Some(match error {
            MachineError::Tool(error) => of_tool(error),
            MachineError::Said(_) => PROGRAM_FAILED,
            MachineError::Foreign(_) => REFUSED,
            MachineError::Io { .. } | MachineError::Unfit(_) => INPUT,
            MachineError::Interrupted(_) => INTERRUPTED,
        });
    }
    if let Some(error) = cause.downcast_ref::<DiskError>() {
        return Some(match error {
            DiskError::Tool(error) => of_tool(error),
            DiskError::Said { .. } => PROGRAM_FAILED,
            DiskError::Interrupted(_) => INTERRUPTED,
            DiskError::Exists(_) | DiskError::IsBase(_) | DiskError::InUse(_) => REFUSED,
            DiskError::ReadBack { .. } => VERIFICATION,
            DiskError::TooSmall { .. } => LAB,
            DiskError::Base { .. } | DiskError::NoSpace { .. } | DiskError::Io { .. } => INPUT,
        });
    }
    if let Some(error) = cause.downcast_ref::<ServeError>() {
        return Some(match error {
            ServeError::Interrupted(_) => INTERRUPTED,
            ServeError::Listen { .. } => NETWORK,
            ServeError::Dhcp(error) => error.code(),
            ServeError::Sign(error) => of_sign(error),
            _ => INPUT,
        });
    }
    if let Some(error) = cause.downcast_ref::<SignError>() {
        return Some(of_sign(error));
    }
    if let Some(error) = cause.downcast_ref::<DhcpError>() {
        return Some(error.code());
    }
    if let Some(error) = cause.downcast_ref::<PackagesError>() {
        return Some(of_packages(error));
    }
    if let Some(error) = cause.downcast_ref::<ResolveError>() {
        return Some(of_resolve(error));
    }
    if cause.is::<LockError>() {
        return Some(INPUT);
    }
    if let Some(error) = cause.downcast_ref::<FetchError>() {
        return Some(of_fetch(error));
    }
    if let Some(error) = cause.downcast_ref::<Undigested>() {
        // It, too, stands for its cause.
        return Some(if matches!(error, Undigested::Io(_)) { INPUT } else { INTERRUPTED });
    }
    if let Some(error) = cause.downcast_ref::<FileError>() {
        return Some(if matches!(error, FileError::Io { .. }) { INPUT } else { LAB });
    }
    // It stands for its cause, which is therefore not in the chain.
    let missing = cause.is::<Missing>()
        || matches!(
            cause.downcast_ref(),
            Some(RenderError::Secret(_) | RenderError::CommonSecret { .. })
        );
    if missing || cause.is::<LabErrors>() {
        return Some(LAB);
    }
    if cause.is::<Interrupted>() {
        return Some(INTERRUPTED);
    }
    cause.is::<std::io::Error>().then_some(INPUT)
}

fn of_packages(error: &PackagesError) -> u8 {
    match error {
        PackagesError::NoRepository { .. } | PackagesError::NotListed { .. } => USAGE,
        PackagesError::NotLocked { .. } => REFUSED,
        PackagesError::Tool(error) => of_tool(error),
        PackagesError::NoIndex { .. } => NETWORK,
        PackagesError::List { .. }
        | PackagesError::Changed { .. }
        | PackagesError::Rotten { .. } => VERIFICATION,
        PackagesError::Fetch(error) => of_fetch(error),
        PackagesError::Budget { .. }
        | PackagesError::LargeLock { .. }
        | PackagesError::Gone { .. }
        | PackagesError::Lock(_)
        | PackagesError::Io { .. } => INPUT,
    }
}

fn of_resolve(error: &ResolveError) -> u8 {
    match error {
        ResolveError::Packages(error) => of_packages(error),
        ResolveError::Tool(error) => of_tool(error),
        ResolveError::Unsolved(_) => LAB,
        ResolveError::Said(_) => PROGRAM_FAILED,
        ResolveError::Reported(_) | ResolveError::Folder(_) => INPUT,
    }
}

fn of_fetch(error: &FetchError) -> u8 {
    match error {
        FetchError::NoMirror { .. }
        | FetchError::Network(_)
        | FetchError::NoList { is_network: true, .. } => NETWORK,
        FetchError::NoList { .. } | FetchError::Wrong { .. } => VERIFICATION,
        FetchError::Unknown { .. } | FetchError::Facts(_) => USAGE,
        FetchError::Interrupted(_) => INTERRUPTED,
        FetchError::NoSpace { .. }
        | FetchError::Full { .. }
        | FetchError::NoCache
        | FetchError::Certificates(_)
        | FetchError::Signed(_)
        | FetchError::Io { .. } => INPUT,
    }
}

fn of_sign(error: &SignError) -> u8 {
    match error {
        SignError::Tool { source, .. } => of_tool(source),
        SignError::Key { .. } | SignError::Io(_) => INPUT,
    }
}

pub(crate) fn of_tool(error: &ToolError) -> u8 {
    match error {
        ToolError::Missing { .. } | ToolError::Forbidden { .. } | ToolError::TooOld { .. } => {
            PROGRAM_MISSING
        }
        ToolError::Interrupted(_) => INTERRUPTED,
        ToolError::Failed { .. } | ToolError::Io { .. } | ToolError::TimedOut { .. } => {
            PROGRAM_FAILED
        }
    }
}
