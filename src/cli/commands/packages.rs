use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::json;

use super::load::load_unlocked;
use super::lock;
use super::serve::{PORT, state_folder, towards};
use crate::base_image::{Cache, Network};
use crate::cli::PackagesCommand;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::model::Lab;
use crate::packages::{self, Checked, Packages, RepositoryStatus, Said};
use crate::serve;

pub(in crate::cli) fn packages(
    lab_file: &Path,
    secrets_file: &Path,
    command: &PackagesCommand,
    ui: &Ui,
) -> Result<()> {
    let good = load_unlocked(lab_file, secrets_file, ui)?;
    if let PackagesCommand::Diff { node, file } = command {
        return lock::diff(&good, node, file, ui);
    }
    let Some(how) = command.kept() else { return Ok(()) };
    let (cache, network) = (how.network.cache()?, how.network.network());
    // What makes a lock is not held by it.
    let is_anew =
        matches!(command, PackagesCommand::Resolve { .. } | PackagesCommand::Update { .. });
    let of = if is_anew { unlocked } else { of_lab };
    let kept = of(&good.lab, &cache, network, how.package_budget)?;
    match command {
        PackagesCommand::Serve { listen, rate, .. } => {
            let address = match listen {
                Some(address) => *address,
                None => SocketAddr::new(towards(&good.plan)?, port(&good.lab)),
            };
            let folder = kept.folder().display().to_string();
            if let Some(lock) = kept.lock()? {
                lock::make(&kept, &lock, ui)?;
            }
            serve::serve_packages(kept, address, *rate, |address| {
                ui.note(format!(
                    "serving packages at http://{address}/packages/, kept in {folder}\n{}Ctrl-C ends it",
                    who_asks(&good.lab, address)
                ));
            })?;
            Ok(())
        }
        PackagesCommand::Status { .. } => status(&kept, ui),
        PackagesCommand::Verify { offline, .. } => verify(&kept, *offline, ui),
        PackagesCommand::Prune { unused, all, dry_run, .. } => {
            let (removed, bytes) = kept.prune(*unused, *all, *dry_run)?;
            let text = || {
                let what = if *dry_run { "would remove" } else { "removed" };
                let lines = removed.iter().map(|path| format!("{what} {}\n", path.display()));
                let end = if *dry_run { "would be free" } else { "are free again" };
                lines.collect::<String>() + &format!("{} MiB {end}\n", bytes >> 20)
            };
            ui.result(
                text,
                &json!({ "schema": 1, "removed": removed, "bytes": bytes, "dry_run": dry_run }),
            )
        }
        PackagesCommand::Resolve { installed, state, .. } => {
            let state = installed.then(|| state_folder(state.as_deref(), lab_file));
            lock::resolve(lab_file, &good, &kept, how, state.as_deref(), ui)
        }
        PackagesCommand::Update { repositories, .. } => {
            lock::update(repositories, &good, &kept, how, ui)
        }
        PackagesCommand::Bundle { output, force, .. } => {
            lock::bundle(output, *force, &good.lab, &kept, ui)
        }
        PackagesCommand::Diff { .. } => Ok(()),
    }
}

/// A lab's repositories, kept in the cache; where its packages are locked, those and no others.
pub(super) fn of_lab(lab: &Lab, cache: &Cache, network: Network, budget: u64) -> Result<Packages> {
    let all = unlocked(lab, cache, network, budget)?;
    let Some(path) = &lab.package_lock else { return Ok(all) };
    let all = all.locked(path)?;
    lock::check(path, lab, &all)?;
    Ok(all)
}

pub(super) fn unlocked(
    lab: &Lab,
    cache: &Cache,
    network: Network,
    budget: u64,
) -> Result<Packages> {
    let repositories = packages::of_lab(lab).map_err(|differ| {
        Failure::new(exit::LAB, format!("{differ}; give one of them another id"))
    })?;
    Ok(Packages::new(cache, network, budget, repositories))
}

/// The port at which the lab's nodes ask.
fn port(lab: &Lab) -> u16 {
    let cache = lab.nodes.iter().find_map(|node| node.settings.package_cache.as_deref());
    let port = cache.and_then(|url| url.rsplit_once(':')?.1.parse().ok());
    port.unwrap_or(PORT)
}

/// Which nodes will ask it, as far as the lab tells.
fn who_asks(lab: &Lab, address: SocketAddr) -> String {
    let known = lab.nodes.iter().filter(|node| node.settings.package_cache.is_some()).count();
    if known > 0 {
        return format!(
            "{known} of the lab's {} nodes ask their `package_cache`\n",
            lab.nodes.len()
        );
    }
    advice(address)
}

/// What lets nodes ask it.
fn advice(address: SocketAddr) -> String {
    let lets = |at: &str| {
        format!("no node asks it yet: `package_cache: http://{at}` in the lab file lets them")
    };
    if address.ip().is_unspecified() {
        let placed = lets(&format!("ADDRESS:{}", address.port()));
        return placed + ", with the ADDRESS at which they reach this machine\n";
    }
    lets(&address.to_string()) + "\n"
}

fn status(kept: &Packages, ui: &Ui) -> Result<()> {
    let status = kept.status()?;
    let text = || {
        let mut out = String::new();
        for RepositoryStatus { id, pinned, kept, .. } in &status.repositories {
            let _ = match pinned {
                Some(pin) => writeln!(
                    out,
                    "{id:24} {:6} files  {:6} MiB  pinned by {:.16}, seen on {} at {}",
                    kept.files,
                    kept.bytes >> 20,
                    pin.sha256.to_string(),
                    pin.when,
                    pin.from
                ),
                None => writeln!(out, "{id:24} nobody has asked for it yet"),
            };
        }
        if let Some((content, missing)) = &status.locked {
            let there = match missing {
                0 => "all of which are there".to_owned(),
                _ => format!(
                    "{missing} of which are not there: `trainyard packages serve` brings them"
                ),
            };
            let (files, mib) = (content.files, content.bytes >> 20);
            let _ = writeln!(out, "{files} packages of {mib} MiB are locked, {there}");
        }
        let _ = writeln!(
            out,
            "{} files of {} MiB in {}; at most {} MiB",
            status.kept.files,
            status.kept.bytes >> 20,
            status.folder.display(),
            status.budget >> 20
        );
        out
    };
    ui.result(text, &json!({ "schema": 1, "status": status }))
}

fn verify(kept: &Packages, offline: bool, ui: &Ui) -> Result<()> {
    let bar = ui.bytes("reading what is kept", 0);
    let checked = kept.verify(offline, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let checked = checked?;
    let text = || {
        let Checked { right, wrong, missing, repositories } = &checked;
        let mut out = format!("{} files of {} MiB are right\n", right.files, right.bytes >> 20);
        for path in wrong {
            let _ = writeln!(out, "{} was wrong, and is brought anew", path.display());
        }
        for path in missing {
            let _ = writeln!(
                out,
                "{path} is locked, and not there: `trainyard packages serve` brings it"
            );
        }
        for (id, base, said) in repositories {
            let _ = match said {
                Said::Same => writeln!(out, "{id}: {base} has not changed"),
                Said::Changed(what) => writeln!(out, "{id} has changed: {what}"),
                Said::Unknown(what) => writeln!(out, "{id}: {base} {what}"),
            };
        }
        out
    };
    ui.result(text, &json!({ "schema": 1, "ok": checked.is_ok(), "checked": checked }))?;
    if checked.is_ok() {
        return Ok(());
    }
    let message = "something is not as it was; what was wrong in the cache is gone, and `trainyard packages update` takes repositories as they are now";
    bail!(Failure::new(exit::VERIFICATION, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_not_sent_to_an_address_that_is_none() {
        for (listens, wanted) in [
            ("10.0.0.1:8080", "`package_cache: http://10.0.0.1:8080` in the lab file lets them\n"),
            ("[fd00::1]:80", "`package_cache: http://[fd00::1]:80` in the lab file lets them\n"),
            (
                "0.0.0.0:8080",
                "`package_cache: http://ADDRESS:8080` in the lab file lets them, with the ADDRESS at",
            ),
            (
                "[::]:80",
                "`package_cache: http://ADDRESS:80` in the lab file lets them, with the ADDRESS at",
            ),
        ] {
            let told = advice(listens.parse().expect("an address"));
            assert!(told.contains(wanted), "{listens}: {told}");
        }
    }
}
