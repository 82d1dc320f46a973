//! Steps, done one after the other, each told before.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::cli::ui::Ui;
use crate::interrupt;
use crate::machines::{self, Act, MachineError, Step, Wanted};

/// For the tests of what a death at any moment leaves: this program dies when it has done so many steps. Not in what users get.
#[cfg(debug_assertions)]
fn dies_here() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static DONE: AtomicUsize = AtomicUsize::new(0);
    let done = DONE.fetch_add(1, Ordering::Relaxed).to_string();
    if std::env::var("TRAINYARD_DIES_AFTER").is_ok_and(|after| after == done) {
        std::process::abort();
    }
}

/// Whether something lies in a folder, or is it; also where links lead on the way there. (What is removed may be a link itself.)
fn is_inside(path: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize();
    let parent = path.parent().map(real);
    let leads_out = match (parent, real(folder)) {
        (Some(Ok(parent)), Ok(folder)) => path != folder && !parent.starts_with(folder),
        // Nothing is there that would be removed.
        _ => false,
    };
    path == folder || path.starts_with(folder) && !leads_out
}

/// Does them; `media` makes those of a node.
pub(super) fn perform(
    steps: &[Step],
    wanted: &Wanted,
    mut media: impl FnMut(&str) -> Result<()>,
    ui: &Ui,
) -> Result<()> {
    for step in steps {
        interrupt::check()?;
        #[cfg(debug_assertions)]
        dies_here();
        let of = step.node.as_deref().unwrap_or("lab");
        ui.note(format!("{of}: {}", step.what));
        match &step.act {
            Act::Media { .. } => media(of)?,
            // Whatever a step says, nothing outside is removed.
            Act::Remove { path } | Act::RemoveEmpty { path }
                if !is_inside(path, &wanted.folder) =>
            {
                let message = format!(
                    "`{}` is not below the lab's folder, or a link leads out of it on the way there: it stays",
                    path.display()
                );
                bail!(MachineError::Foreign(message))
            }
            _ => machines::perform(step, &mut |_| Ok(()))
                .with_context(|| format!("{of}: {}", step.what))?,
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::is_inside;

    #[test]
    fn what_a_link_leads_out_to_is_not_inside() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |path: &str| home.path().join(path);
        for folder in ["lab/nodes/compute", "elsewhere"] {
            std::fs::create_dir_all(at(folder)).expect("made");
        }
        std::os::unix::fs::symlink(at("elsewhere"), at("lab/nodes/link")).expect("linked");
        std::os::unix::fs::symlink(at("lab"), at("same")).expect("linked");
        for (path, folder, is) in [
            ("lab", "lab", true),
            ("lab/nodes/compute/whole", "lab", true),
            ("same/nodes/compute/whole", "same", true),
            ("lab/nodes/link", "lab", true),
            ("lab/nodes/none/whole", "lab", true),
            ("lab/nodes/link/whole", "lab", false),
            ("elsewhere", "lab", false),
        ] {
            assert_eq!(is_inside(&at(path), &at(folder)), is, "{path}");
        }
    }
}
