//! Which packages a role's nodes would have, by dnf's own solver, before any node is installed.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::io::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::index::decoded;
use super::locked::locate_createrepo;
use super::repository::VARIABLES;
use super::{Found, INDEX, Lock, Locked, Packages, PackagesError, Pinned, ReportedError};
use crate::base_image::known::KNOWN;
use crate::plan::Plan;
use crate::tool::{Tool, ToolError, Wanted};

/// dnf 4, which is written in Python: the one whose solver can be asked without installing anything, and without root.
const DNF: Wanted = Wanted {
    name: "dnf-3",
    purpose: "to find out which packages nodes will have",
    hint: "Debian: the package `dnf`; Fedora: `python3-dnf`",
};
/// What asks it.
const SCRIPT: &str = include_str!("resolve.py");

/// Why it cannot be said which packages nodes would have.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Their repositories cannot be had.
    #[error(transparent)]
    Packages(#[from] PackagesError),
    /// dnf is not there, or fails.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// What roles ask for cannot be had.
    #[error("dnf finds no packages for{}", lines(.0))]
    Unsolved(Vec<(String, String)>),
    /// What dnf says is not what the repositories say.
    #[error("what dnf says cannot be used: {0}")]
    Said(String),
    /// What nodes told does not make one.
    #[error(transparent)]
    Reported(#[from] ReportedError),
    /// Nothing can be written where temporary files go.
    #[error("a temporary folder: {0}")]
    Folder(std::io::Error),
}

fn lines(unsolved: &[(String, String)]) -> String {
    let line = |(whose, why): &(String, String)| format!("\n  {whose}: {why}");
    unsolved.iter().map(line).collect()
}

/// A package as dnf tells of it.
#[derive(Deserialize)]
struct Told {
    name: String,
    epoch: u64,
    version: String,
    release: String,
    arch: String,
    repository: String,
    checksum: String,
    location: String,
}

/// What dnf says of what a role asks for; or of that with what an installer brings by itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum OfRole {
    Solved { packages: Vec<Told> },
    Unsolved { error: String },
}

/// What the nodes of each role ask for: what the installer installs, the kernel, and what their stages need.
fn asked(plan: &Plan) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut roles: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in &plan.nodes {
        let asked = roles.entry(&node.role).or_default();
        let stages = node.stages.iter().flat_map(|stage| &stage.packages);
        asked.extend(node.installer.packages.iter().chain(stages).map(String::as_str));
        // No group names it; an installer takes it by itself.
        asked.insert("kernel");
    }
    roles
}

/// Finds what resolving needs, before anything is asked or changed.
///
/// # Errors
/// dnf or `createrepo_c` is not there.
pub fn locate_solver() -> Result<(), ToolError> {
    Tool::locate(DNF)?;
    locate_createrepo()
}

/// Which packages the nodes of each role would have, of those that are kept: `url` is where they are passed on.
///
/// # Errors
/// dnf or a repository cannot be had, or dnf finds no packages for what a role asks.
pub fn resolve(packages: &Packages, url: &str, plan: &Plan) -> Result<Lock, ResolveError> {
    let dnf = Tool::locate(DNF)?;
    let no_script = || ResolveError::Said("`dnf-3` is no Python script here".into());
    let python = dnf.interpreter().ok_or_else(no_script)?;
    let mut pins = BTreeMap::new();
    let mut repositories = Vec::new();
    let mut roles: BTreeMap<&str, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for (role, specs) in asked(plan) {
        roles.entry(role).or_default().insert("specs", specs);
    }
    for repository in packages.repositories().filter(|it| !it.roles.is_empty()) {
        for role in &repository.roles {
            let of_role = roles.entry(role).or_default();
            of_role.entry("repositories").or_default().insert(&repository.id);
        }
        let id = &repository.id;
        // What is wrong with one is better told here than by dnf.
        if let Found::Index(index) = packages.look(id, INDEX)? {
            pins.insert(id.clone(), Pinned::from(index.pin()));
        }
        let url = format!("{url}/packages/{id}/");
        repositories.push(json!({ "id": id, "url": url, "exclude": repository.exclude }));
    }
    let variables: BTreeMap<_, _> =
        VARIABLES.iter().map(|(name, value)| (name.trim_start_matches('$'), *value)).collect();
    let folder = tempfile::tempdir().map_err(ResolveError::Folder)?;
    let wanted = json!({
        "folder": folder.path(), "variables": variables, "repositories": repositories, "roles": roles,
        "also": KNOWN.by_installer,
    });
    let said = ask(&python, folder.path(), &wanted)?;
    let mut locked: BTreeMap<(String, String), Locked> = BTreeMap::new();
    let mut unsolved = Vec::new();
    for (role, [own, with_installer]) in said {
        for (of_role, role) in [(own, Some(&role)), (with_installer, None)] {
            let told = match of_role {
                OfRole::Solved { packages } => packages,
                OfRole::Unsolved { error } => {
                    let whose = role.map_or("what an installer brings".to_owned(), |role| {
                        format!("the role `{role}`")
                    });
                    unsolved.push((whose, error));
                    continue;
                }
            };
            for told in told {
                let key = (told.repository.clone(), told.location.clone());
                let known = match locked.entry(key) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(of_told(packages, told)?),
                };
                known.roles.extend(role.cloned());
            }
        }
    }
    if unsolved.is_empty() {
        Ok(Lock::new(pins, locked.into_values().collect()))
    } else {
        Err(ResolveError::Unsolved(unsolved))
    }
}

/// The same package as the pinned repository has it.
fn of_told(packages: &Packages, told: Told) -> Result<Locked, ResolveError> {
    let Told { name, epoch, version, release, arch, repository, checksum, location } = told;
    let found = packages.look(&repository, &decoded(&location))?;
    let Found::File(_, item) = found else { return Err(ResolveError::Said(location)) };
    if item.sha256.to_string() != checksum {
        let what = format!("`{location}` of `{repository}` has the SHA-256 {checksum} there");
        return Err(ResolveError::Said(format!("{what}, and {} here", item.sha256)));
    }
    Ok(Locked {
        name,
        epoch,
        version,
        release,
        arch,
        repository,
        sha256: item.sha256,
        size: item.size,
        location,
        roles: BTreeSet::new(),
    })
}

fn ask(
    python: &Tool,
    folder: &Path,
    wanted: &serde_json::Value,
) -> Result<BTreeMap<String, [OfRole; 2]>, ResolveError> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        let mut file = std::fs::File::create(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    };
    let script = write("resolve.py", SCRIPT).map_err(ResolveError::Folder)?;
    let wanted = write("wanted.json", &wanted.to_string()).map_err(ResolveError::Folder)?;
    // It would ask what is on this machine by its proxy.
    let run =
        python.run([script, wanted]).env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1");
    let said = run.finish()?.stdout;
    serde_json::from_str(&said).map_err(|error| ResolveError::Said(error.to_string()))
}
