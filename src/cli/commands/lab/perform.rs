//! Steps, done one after the other, each told before.

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
                if !path.starts_with(&wanted.folder) =>
            {
                let message = format!("`{}` is not below the lab's folder", path.display());
                bail!(MachineError::Foreign(message))
            }
            _ => machines::perform(step, &mut |_| Ok(()))
                .with_context(|| format!("{of}: {}", step.what))?,
        }
    }
    Ok(())
}
