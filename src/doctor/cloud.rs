//! The cloud image of a lab: whether disks can be made from it now.

use std::path::Path;

use super::{Check, Kind, State};
use crate::base_image::{Cache, Facts, Wanted};
use crate::digest::{Digest, Undigested};
use crate::disk::{Base, QemuImg};
use crate::interrupt::Interrupted;

const WHAT: &str = "the lab's cloud image";

/// Looks at the file that disks are made from: whether it is such an image, and the one that the lab says. `tell` is told how many bytes
/// are read, and of how many.
///
/// # Errors
/// The person asked to stop.
pub fn cloud_file(
    path: &Path,
    facts: &Facts,
    mut tell: impl FnMut(u64, u64),
) -> Result<Check, Interrupted> {
    let not = |seen: String| {
        let fix = "bring the right file there, or correct `cloud_image` in the lab file; `trainyard fetch --cloud` brings one that has a name";
        Check::not(Kind::Machine, WHAT, State::Bad, seen, fix)
    };
    let shown = path.display();
    let base = match Base::open(path) {
        Ok(base) => base,
        Err(error) => return Ok(not(error.to_string())),
    };
    let size = base.file_size;
    if let Some(wanted) = facts.size.filter(|wanted| *wanted != size) {
        return Ok(not(format!("{shown} has {size} bytes, not {wanted}")));
    }
    let mut proved = "";
    if let Some(wanted) = facts.sha256 {
        match Digest::of_file(path, |done| tell(done, size)) {
            Ok(found) if found == wanted => proved = ", and the SHA-256 that the lab says",
            Ok(found) => return Ok(not(format!("{shown} has the SHA-256 {found}, not {wanted}"))),
            Err(Undigested::Interrupted(asked)) => return Err(asked),
            Err(Undigested::Io(error)) => return Ok(not(format!("{shown}: {error}"))),
        }
    }
    // Without it, the program itself is told.
    if let Ok(qemu) = QemuImg::locate()
        && let Err(error) = base.check(&qemu)
    {
        return Ok(not(error.to_string()));
    }
    let seen = format!(
        "{shown} has {} MiB{proved}; it is a disk of {} MiB",
        size >> 20,
        base.virtual_size >> 20
    );
    Ok(Check::good(Kind::Machine, WHAT, seen))
}

/// Looks for an image in the cache; `fetch` is the command that brings it.
#[must_use]
pub fn cloud_cached(cache: &Cache, wanted: &Wanted, fetch: &str) -> Check {
    match cache.find(wanted) {
        Ok(Some(found)) => {
            let seen = format!(
                "{} is there, proved on {} by {}",
                found.path.display(),
                found.proof.when,
                found.proof.evidence
            );
            Check::good(Kind::Machine, WHAT, seen)
        }
        Ok(None) => {
            let seen = format!("`{}` is not in the cache", wanted.file);
            let fix = format!("`{fetch}` brings it, and `disk` needs it");
            Check::not(Kind::Machine, WHAT, State::Lacking, seen, fix)
        }
        Err(error) => {
            let fix = "correct `cloud_image` in the lab file, or name another cache (`--cache`)";
            Check::not(Kind::Machine, WHAT, State::Bad, error.to_string(), fix)
        }
    }
}
