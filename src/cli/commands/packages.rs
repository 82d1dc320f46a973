use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::load::{Good, load_good};
use super::serve::{PORT, towards};
use crate::base_image::{Cache, Event, Network};
use crate::cli::ui::Ui;
use crate::cli::{KeptArgs, PackagesCommand};
use crate::exit::{self, Failure};
use crate::model::Lab;
use crate::packages::{
    self, Checked, Found, LOCK, Lock, LockError, Locked, Packages, RepositoryStatus, Said,
};
use crate::serve;

pub(in crate::cli) fn packages(
    lab_file: &Path,
    secrets_file: &Path,
    command: &PackagesCommand,
    ui: &Ui,
) -> Result<()> {
    let good = load_good(lab_file, secrets_file, ui)?;
    let how = command.kept();
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
        PackagesCommand::Resolve { .. } => resolve(lab_file, &good, &kept, how, ui),
        PackagesCommand::Update { repositories, .. } => {
            update(&kept, repositories, ui)?;
            match &good.lab.package_lock {
                Some(path) => lock_anew(path, &good, &kept, how, ui),
                None => Ok(()),
            }
        }
        PackagesCommand::Diff { node, file, .. } => diff(&good, node, file, ui),
    }
}

/// A lab's repositories, kept in the cache; where its packages are locked, those and no others.
pub(super) fn of_lab(lab: &Lab, cache: &Cache, network: Network, budget: u64) -> Result<Packages> {
    let all = unlocked(lab, cache, network, budget)?;
    Ok(match &lab.package_lock {
        Some(path) => all.locked(&Lock::read(path)?),
        None => all,
    })
}

fn unlocked(lab: &Lab, cache: &Cache, network: Network, budget: u64) -> Result<Packages> {
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
        let Checked { right, wrong, repositories } = &checked;
        let mut out = format!("{} files of {} MiB are right\n", right.files, right.bytes >> 20);
        for path in wrong {
            let _ = writeln!(out, "{} was wrong, and is brought anew", path.display());
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

/// Writes the lock, and brings what it names.
fn resolve(lab_file: &Path, good: &Good, kept: &Packages, how: &KeptArgs, ui: &Ui) -> Result<()> {
    let path = match &good.lab.package_lock {
        Some(path) => path.clone(),
        None => super::source::beside(lab_file, Path::new(LOCK)),
    };
    if path.exists() {
        let message = format!(
            "`{}` is there: nodes have what it says until `trainyard packages update` makes a new one",
            path.display()
        );
        bail!(Failure::new(exit::REFUSED, message));
    }
    let lock = solve(good, kept, how, ui)?;
    lock.write(&path)?;
    if good.lab.package_lock.is_none() {
        ui.note(format!("`package_lock: {LOCK}` in the lab file gives nodes these and no others"));
    }
    let roles: BTreeMap<&str, (usize, u64)> =
        lock.packages.iter().fold(BTreeMap::new(), |mut roles, package| {
            for role in &package.roles {
                let (files, bytes) = roles.entry(role).or_default();
                *files += 1;
                *bytes += package.size;
            }
            roles
        });
    let text = || {
        let mut out = String::new();
        for (role, (files, bytes)) in &roles {
            let _ = writeln!(out, "{role:24} {files:6} packages  {:6} MiB", bytes >> 20);
        }
        let all: u64 = lock.packages.iter().map(|package| package.size).sum();
        let (count, path) = (lock.packages.len(), path.display());
        out + &format!("{count} packages of {} MiB in all, in {path}\n", all >> 20)
    };
    let data: BTreeMap<_, _> = roles
        .iter()
        .map(|(role, (files, bytes))| (role, json!({ "packages": files, "bytes": bytes })))
        .collect();
    ui.result(text, &json!({ "schema": 1, "path": path, "roles": data }))
}

/// Makes the lock of the repositories as they are now, and tells what changes.
fn lock_anew(path: &Path, good: &Good, kept: &Packages, how: &KeptArgs, ui: &Ui) -> Result<()> {
    let before = match Lock::read(path) {
        Ok(lock) => Some(lock),
        // It is written anew, whatever was there.
        Err(LockError::Missing { .. } | LockError::Damaged { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let lock = solve(good, kept, how, ui)?;
    lock.write(path)?;
    let before = before.map(|before| before.packages).unwrap_or_default();
    let gone: Vec<_> = before.difference(&lock.packages).map(Locked::to_string).collect();
    let new: Vec<_> = lock.packages.difference(&before).map(Locked::to_string).collect();
    let text = || {
        let lines = |sign: &str, of: &[String]| {
            of.iter().map(|it| format!("{sign} {it}\n")).collect::<String>()
        };
        let (count, path) = (lock.packages.len(), path.display());
        lines("-", &gone) + &lines("+", &new) + &format!("{count} packages in {path}\n")
    };
    ui.result(text, &json!({ "schema": 1, "path": path, "gone": gone, "new": new }))
}

/// What a node has otherwise than the lock says.
fn diff(good: &Good, node: &str, file: &Path, ui: &Ui) -> Result<()> {
    let Some(path) = &good.lab.package_lock else {
        let message = format!(
            "the lab names no lock (`package_lock: {LOCK}`), so there is nothing to compare with"
        );
        bail!(Failure::new(exit::USAGE, message));
    };
    let Some(plan) = good.plan.nodes.iter().find(|plan| plan.name == node) else {
        bail!(Failure::new(exit::USAGE, format!("the lab has no node `{node}`")));
    };
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    let text =
        text.map_err(|error| Failure::new(exit::INPUT, format!("`{}`: {error}", file.display())))?;
    let lock = Lock::read(path)?;
    let difference = lock.difference(&plan.role, &text).map_err(|wrong| {
        let message = format!(
            "`{}`: {wrong}; `trainyard-node packages` on the node says what is read here",
            file.display()
        );
        Failure::new(exit::INPUT, message)
    })?;
    let told = || {
        let lines = difference.iter().map(|line| format!("{line}\n"));
        let end = if difference.is_empty() {
            format!("{node} has what is locked\n")
        } else {
            String::new()
        };
        lines.collect::<String>() + &end
    };
    ui.result(told, &json!({ "schema": 1, "node": node, "difference": difference }))?;
    if difference.is_empty() {
        return Ok(());
    }
    let message = format!("{node} has other packages than `{}` says", path.display());
    bail!(Failure::new(exit::VERIFICATION, message))
}

/// Asks dnf, which asks a server of this program's own, and brings what it says.
fn solve(good: &Good, kept: &Packages, how: &KeptArgs, ui: &Ui) -> Result<Lock> {
    let (cache, network) = (how.network.cache()?, how.network.network());
    let passed = unlocked(&good.lab, &cache, network, how.package_budget)?;
    let (begun, ready) = mpsc::channel();
    let told = begun.clone();
    // It ends with this program.
    thread::spawn(move || {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let ended = serve::serve_packages(passed, listen, 0, move |at| drop(begun.send(Ok(at))));
        if let Err(error) = ended {
            let _ = told.send(Err(error));
        }
    });
    let address = ready.recv().context("this program's own server ended")??;
    ui.note("asking dnf which packages the nodes of each role will have");
    let lock = packages::resolve(kept, &format!("http://{address}"), &good.plan)?;
    let all = lock.packages.iter().map(|package| package.size).sum();
    let (bar, mut done) = (ui.bytes("bringing packages", all), 0);
    for package in &lock.packages {
        if let Found::File(_, item) = kept.look(&package.repository, &package.location)? {
            kept.bring(&item, &mut |event| {
                if let Event::Got { done: of_it, .. } = event {
                    bar.set_position(done + of_it);
                }
            })?;
        }
        done += package.size;
        bar.set_position(done);
    }
    bar.finish_and_clear();
    Ok(lock)
}

fn update(kept: &Packages, repositories: &[String], ui: &Ui) -> Result<()> {
    let pinned = kept.update(repositories)?;
    let text = || {
        let mut out = String::new();
        for (id, before, now) in &pinned {
            let digest = format!("{:.16}", now.sha256.to_string());
            let _ = match before {
                Some(before) if before.sha256 == now.sha256 => {
                    writeln!(out, "{id} has not changed ({digest})")
                }
                Some(before) => writeln!(
                    out,
                    "{id} is pinned by {digest} of {} now, and was by {:.16} of {}",
                    now.from,
                    before.sha256.to_string(),
                    before.when
                ),
                None => writeln!(out, "{id} is pinned by {digest} of {}", now.from),
            };
        }
        out
    };
    let data: Vec<_> = pinned
        .iter()
        .map(|(id, before, now)| json!({ "id": id, "before": before, "now": now }))
        .collect();
    ui.result(text, &json!({ "schema": 1, "repositories": data }))
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
