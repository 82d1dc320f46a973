//! What makes, changes, compares and carries away a `packages.lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::load::Good;
use super::packages::unlocked;
use crate::appear;
use crate::cli::KeptArgs;
use crate::cli::ui::Ui;
use crate::exit::{self, Failure};
use crate::iso::{Data, IsoError, Xorriso};
use crate::model::Lab;
use crate::packages::{
    self, BUNDLE_LABEL, BUNDLE_SUMS, LOCK, Lock, LockError, Locked, Packages, Pinned,
};
use crate::room;
use crate::serve;

/// What to do about a lock that is another lab's.
pub(super) const ANEW: &str = "`trainyard packages update` makes a new one";

/// Refuses a lock that was made of another lab: nodes would find out one by one.
pub(super) fn check(path: &Path, lab: &Lab, kept: &Packages) -> Result<()> {
    match kept.lock()?.and_then(|lock| lock.misfit(lab, kept.repositories())) {
        None => Ok(()),
        Some(what) => {
            let message = format!("`{}` {what}: {ANEW}", path.display());
            bail!(Failure::new(exit::LAB, message))
        }
    }
}

/// Brings what a lock names, and makes its repositories.
pub(super) fn make(kept: &Packages, lock: &Lock, ui: &Ui) -> Result<()> {
    let bar = ui.bytes("bringing what is locked", lock.size());
    let made = kept.make(lock, &|done| bar.set_position(done));
    bar.finish_and_clear();
    Ok(made?)
}

/// The same before nodes ask, where packages are locked and nodes ask for them: nobody could wait for so long.
pub(in crate::cli::commands) fn make_for_nodes(kept: &Packages, lab: &Lab, ui: &Ui) -> Result<()> {
    let is_asked = lab.nodes.iter().any(|node| node.settings.package_cache.is_some());
    match kept.lock()?.filter(|_| is_asked) {
        Some(lock) => make(kept, &lock, ui),
        None => Ok(()),
    }
}

/// Writes the lock where there is none, and brings what it names: by what dnf says, or by what nodes told, which is kept in the folder `told`.
pub(super) fn resolve(
    lab_file: &Path,
    good: &Good,
    kept: &Packages,
    how: &KeptArgs,
    told: Option<&Path>,
    ui: &Ui,
) -> Result<()> {
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
    let lock = match told {
        Some(folder) => {
            let lock = packages::reported(kept, &good.plan, &told_in(folder, good)?)?;
            make(kept, &lock, ui)?;
            lock
        }
        None => solve(good, kept, how, ui)?,
    };
    lock.write(&path, false)?;
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
        let (count, path) = (lock.packages.len(), path.display());
        out + &format!("{count} packages of {} MiB in all, in {path}\n", lock.size() >> 20)
    };
    let data: BTreeMap<_, _> = roles
        .iter()
        .map(|(role, (files, bytes))| (role, json!({ "packages": files, "bytes": bytes })))
        .collect();
    ui.result(text, &json!({ "schema": 1, "path": path, "roles": data }))
}

/// Pins repositories anew; where packages are locked, makes another lock of them. Until that is written, nodes have what they had.
pub(super) fn update(
    repositories: &[String],
    good: &Good,
    kept: &Packages,
    how: &KeptArgs,
    ui: &Ui,
) -> Result<()> {
    if good.lab.package_lock.is_some() {
        packages::locate_solver()?;
    }
    let pinned = kept.update(repositories)?;
    let changed = good.lab.package_lock.as_deref().map(|path| lock_anew(path, good, kept, how, ui));
    let changed = changed.transpose()?;
    let text = || {
        let repositories: String = pinned.iter().map(line_of).collect();
        repositories + &changed.as_ref().map_or(String::new(), Changed::text)
    };
    let data: Vec<_> = pinned
        .iter()
        .map(|(id, before, now)| json!({ "id": id, "before": before, "now": now }))
        .collect();
    let lock = changed.as_ref().map_or(Value::Null, Changed::json);
    ui.result(text, &json!({ "schema": 1, "repositories": data, "lock": lock }))
}

fn line_of((id, before, now): &(String, Option<Pinned>, Pinned)) -> String {
    let digest = format!("{:.16}", now.sha256.to_string());
    match before {
        Some(before) if before.sha256 == now.sha256 => {
            format!("{id} has not changed ({digest})\n")
        }
        Some(before) => format!(
            "{id} is pinned by {digest} of {} now, and was by {:.16} of {}\n",
            now.from,
            before.sha256.to_string(),
            before.when
        ),
        None => format!("{id} is pinned by {digest} of {}\n", now.from),
    }
}

/// What a new lock changes.
struct Changed<'a> {
    path: &'a Path,
    count: usize,
    gone: Vec<String>,
    new: Vec<String>,
}

impl Changed<'_> {
    fn text(&self) -> String {
        let lines = |sign: &str, of: &[String]| {
            of.iter().map(|it| format!("{sign} {it}\n")).collect::<String>()
        };
        let (count, path) = (self.count, self.path.display());
        lines("-", &self.gone) + &lines("+", &self.new) + &format!("{count} packages in {path}\n")
    }

    fn json(&self) -> Value {
        json!({ "path": self.path, "gone": self.gone, "new": self.new })
    }
}

fn lock_anew<'a>(
    path: &'a Path,
    good: &Good,
    kept: &Packages,
    how: &KeptArgs,
    ui: &Ui,
) -> Result<Changed<'a>> {
    let before = match Lock::read(path) {
        Ok(lock) => Some(lock),
        // It is written anew, whatever was there.
        Err(LockError::Missing { .. } | LockError::Damaged { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let lock = solve(good, kept, how, ui)?;
    lock.write(path, true)?;
    if let Some(before) = &before {
        kept.forget(before, &lock)?;
    }
    let names = |packages: &BTreeSet<Locked>| -> BTreeSet<String> {
        packages.iter().map(Locked::to_string).collect()
    };
    let before = before.map(|before| names(&before.packages)).unwrap_or_default();
    let now = names(&lock.packages);
    let gone = before.difference(&now).cloned().collect();
    let new = now.difference(&before).cloned().collect();
    Ok(Changed { path, count: lock.packages.len(), gone, new })
}

/// Asks dnf, which asks a server of this program's own; brings what it says, and makes repositories of that.
fn solve(good: &Good, kept: &Packages, how: &KeptArgs, ui: &Ui) -> Result<Lock> {
    packages::locate_solver()?;
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
    make(kept, &lock, ui)?;
    Ok(lock)
}

/// What nodes told that they have installed, by their names.
fn told_in(state: &Path, good: &Good) -> Result<BTreeMap<String, String>> {
    if !state.is_dir() {
        let message = format!(
            "`{}` is not there, where the server that installed the nodes keeps what they tell: `--state` names its folder",
            state.display()
        );
        bail!(Failure::new(exit::INPUT, message));
    }
    let folder = serve::Folder::at(state);
    let mut all = BTreeMap::new();
    for node in &good.plan.nodes {
        let list = folder.packages(&node.name).map_err(|error| {
            let message = format!("`{}`: packages of `{}`: {error}", state.display(), node.name);
            Failure::new(exit::INPUT, message)
        })?;
        all.extend(list.map(|list| (node.name.clone(), list)));
    }
    Ok(all)
}

/// The lock that a lab names.
fn path_of(lab: &Lab, what_for: &str) -> Result<PathBuf> {
    let Some(path) = &lab.package_lock else {
        let message = format!(
            "the lab names no lock (`package_lock: {LOCK}`), so there is nothing {what_for}"
        );
        bail!(Failure::new(exit::USAGE, message));
    };
    Ok(path.clone())
}

/// What a node has otherwise than the lock says.
pub(super) fn diff(good: &Good, node: &str, file: &Path, ui: &Ui) -> Result<()> {
    let path = path_of(&good.lab, "to compare with")?;
    let plan = super::load::chosen_one(&good.plan, node)?;
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        fs::read_to_string(file)
    };
    let text =
        text.map_err(|error| Failure::new(exit::INPUT, format!("`{}`: {error}", file.display())))?;
    let difference = Lock::read(&path)?.difference(&plan.role, &text).map_err(|wrong| {
        let message = format!(
            "`{}`: {wrong}; `trainyard-node packages` on the node says what is read here",
            file.display()
        );
        Failure::new(exit::INPUT, message)
    })?;
    let told = || {
        if difference.is_empty() {
            return format!("{node} has what is locked\n");
        }
        difference.iter().map(|line| format!("{line}\n")).collect()
    };
    ui.result(told, &json!({ "schema": 1, "node": node, "difference": difference }))?;
    if difference.is_empty() {
        return Ok(());
    }
    let message = format!("{node} has other packages than `{}` says", path.display());
    bail!(Failure::new(exit::VERIFICATION, message))
}

/// Puts what is locked on a medium or into a folder.
pub(super) fn bundle(
    output: &Path,
    force: bool,
    lab: &Lab,
    kept: &Packages,
    ui: &Ui,
) -> Result<()> {
    let path = path_of(lab, "to carry away; `trainyard packages resolve` makes one")?;
    let (lock, text) = Lock::read_text(&path)?;
    let is_medium = output.extension().is_some_and(|it| it.eq_ignore_ascii_case("iso"));
    let xorriso = is_medium.then(Xorriso::locate).transpose()?;
    if is_medium {
        appear::check(output, force)?;
    } else {
        check_folder(output, force)?;
    }
    make(kept, &lock, ui)?;
    let parent = appear::folder_of(output);
    fs::create_dir_all(parent).map_err(IsoError::io(parent))?;
    let needed = kept.bundle_size(&lock)?;
    // Beside the cache nothing is copied; a medium is checked once it is known how large it is.
    let beside = if is_medium { kept.folder() } else { parent };
    if !is_medium && !room::is_same(beside, kept.folder()) {
        let free = room::free(beside).map_err(IsoError::io(beside))?;
        if free < needed {
            bail!(IsoError::NoSpace { folder: beside.into(), free, needed });
        }
    }
    let work = tempfile::Builder::new().prefix(packages::WORK).tempdir_in(beside);
    let work = work.map_err(IsoError::io(beside))?;
    let inside = work.path().join("bundle");
    fs::create_dir(&inside).map_err(IsoError::io(&inside))?;
    let bar = ui.bytes("hashing what is locked", needed);
    let bundled = kept.bundle(&lock, &text, &inside, |done| bar.set_position(done));
    bar.finish_and_clear();
    let bundled = bundled?;
    let size = if let Some(xorriso) = xorriso {
        let (label, folder, files) = (BUNDLE_LABEL, inside.as_path(), &bundled);
        ui.note(format!("writing {}", output.display()));
        Data { label, folder, files, output, force }.write(&xorriso)?
    } else {
        replace(&inside, output, force, work.path())?;
        bundled.values().map(|(size, _)| size).sum()
    };
    let count = lock.packages.len();
    let text = || format!("{}: {count} packages, {} MiB\n", output.display(), size >> 20);
    ui.result(text, &json!({ "schema": 1, "path": output, "packages": count, "bytes": size }))
}

/// Refuses to replace a folder that is no bundle, or one that has something else as well.
fn check_folder(output: &Path, force: bool) -> Result<()> {
    if output.symlink_metadata().is_err() {
        return Ok(());
    }
    let sums = fs::read_to_string(output.join(BUNDLE_SUMS)).unwrap_or_default();
    let paths = sums.lines().filter_map(|line| Some(output.join(line.split_once("  ")?.1)));
    let mut ours: BTreeSet<PathBuf> = paths.collect();
    ours.insert(output.join(BUNDLE_SUMS));
    let is_bundle = ours.contains(&output.join(LOCK)) && holds_only(output, &ours);
    let what = match (is_bundle, force) {
        (true, true) => return Ok(()),
        (true, false) => "is there already: `--force` replaces it",
        (false, _) => {
            "is there, and is no bundle or has something else as well: name a folder that is not there, or a file that ends with `.iso`"
        }
    };
    bail!(Failure::new(exit::REFUSED, format!("`{}` {what}", output.display())))
}

/// Whether a folder has these files and no others.
fn holds_only(folder: &Path, files: &BTreeSet<PathBuf>) -> bool {
    let mut entries = fs::read_dir(folder).into_iter().flatten();
    entries.all(|entry| {
        entry.is_ok_and(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => holds_only(&entry.path(), files),
            _ => files.contains(&entry.path()),
        })
    })
}

/// Gives a folder its name; what was there is gone when it has.
fn replace(folder: &Path, output: &Path, force: bool, work: &Path) -> Result<()> {
    // It may have come to be meanwhile.
    check_folder(output, force)?;
    let old = work.join("old");
    let was_there = output.symlink_metadata().is_ok();
    if was_there {
        fs::rename(output, &old).map_err(IsoError::io(output))?;
    }
    if let Err(error) = fs::rename(folder, output) {
        if was_there {
            fs::rename(&old, output).map_err(IsoError::io(output))?;
        }
        return Err(IsoError::io(output)(error).into());
    }
    Ok(())
}
