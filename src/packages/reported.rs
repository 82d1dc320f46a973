//! What nodes have installed, as they told it themselves, and the lock that is made of that.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::io::BufReader;

use super::index::{LARGEST_LIST, decoded};
use super::lock::BESIDE;
use super::{
    Found, INDEX, Index, Lock, Locked, Packages, PackagesError, Pinned, Repository, ResolveError,
};
use crate::digest::Digest;
use crate::plan::Plan;
use crate::repodata;

/// Letters of a line that are shown where it makes no sense.
const SHOWN: usize = 200;

/// Why no lock can be made of what nodes told.
#[derive(Debug, thiserror::Error)]
pub enum ReportedError {
    /// Some told nothing.
    #[error(
        "what is installed on some nodes is not known:{}\na node tells it to the server that installed it, once all its stages are done; `trainyard-node run` there tells it again",
        lines(.0)
    )]
    Missing(Vec<String>),
    /// What is kept of a node makes no sense.
    #[error(
        "what is kept of the packages of `{node}`: {what}; `trainyard-node run` there tells them again"
    )]
    Damaged {
        /// The node.
        node: String,
        /// What is wrong with it.
        what: String,
    },
    /// What is installed and what the repositories have do not fit.
    #[error(
        "what nodes have installed cannot be locked:{}\nname the repository that has it in the lab (`repositories`), or let the nodes have the package that is meant; `trainyard-node run` there tells it again",
        lines(.0)
    )]
    Faults(Vec<String>),
}

fn lines(all: &[String]) -> String {
    all.iter().map(|line| format!("\n  {line}")).collect()
}

/// A package that a node has installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed<'t> {
    /// Its name.
    pub name: &'t str,
    /// Its epoch; 0 where it has none.
    pub epoch: u64,
    /// Its version.
    pub version: &'t str,
    /// Its release.
    pub release: &'t str,
    /// Its architecture.
    pub arch: &'t str,
    /// The digest of the file that it came from, where yum noted it.
    pub sha256: Option<Digest>,
}

impl<'t> Installed<'t> {
    /// What `trainyard-node packages` says: a line for each package, without the keys that packages are signed with, which rpm has among
    /// them. The error says what is wrong with which line.
    ///
    /// # Errors
    /// A line is something else.
    pub fn all(text: &'t str) -> Result<Vec<Self>, String> {
        let mut all = Vec::new();
        for (number, line) in text.lines().enumerate() {
            match Self::of(line) {
                Some(package) if package.name == "gpg-pubkey" => {}
                Some(package) => all.push(package),
                None if line.trim().is_empty() => {}
                None => {
                    let shown: String = line.chars().take(SHOWN).collect();
                    return Err(format!(
                        "line {}: `{}` is no package (NAME EPOCH VERSION RELEASE ARCH SHA256)",
                        number + 1,
                        shown.escape_debug()
                    ));
                }
            }
        }
        Ok(all)
    }

    fn of(line: &'t str) -> Option<Self> {
        if !line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return None;
        }
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?;
        let epoch = words.next()?.parse().ok()?;
        let (version, release, arch) = (words.next()?, words.next()?, words.next()?);
        // Nodes of before tell no digest.
        let sha256 = match words.next() {
            None | Some("-") => None,
            Some(digest) => Some(digest.parse().ok()?),
        };
        words.next().is_none().then_some(Self { name, epoch, version, release, arch, sha256 })
    }
}

/// As a locked package shows itself.
impl Display for Installed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, epoch, version, release, arch, .. } = self;
        write!(f, "{name} {epoch} {version} {release} {arch}")
    }
}

/// Of what is locked for a role, the packages that came from another file on a node: a line for what is locked (`-`), and one for what it
/// has (`+`).
pub(super) fn other_files(
    locked: &BTreeSet<Locked>,
    role: &str,
    installed: &[Installed<'_>],
) -> Vec<String> {
    let known = installed.iter().filter_map(|it| Some((it.to_string(), it.sha256?)));
    let known: HashMap<_, _> = known.collect();
    let mut lines = Vec::new();
    for package in locked.iter().filter(|package| package.roles.contains(role)) {
        let (name, sha256) = (package.to_string(), package.sha256);
        if let Some(other) = known.get(&name).filter(|other| **other != sha256) {
            lines.extend([format!("- {name} {sha256}"), format!("+ {name} {other}")]);
        }
    }
    lines
}

/// The packages that the nodes of each role have by what they told, `reports` by their names, as the pinned repositories have them.
///
/// # Errors
/// A node told nothing, a repository cannot be had, or what is installed is not what the repositories have.
pub fn reported(
    packages: &Packages,
    plan: &Plan,
    reports: &BTreeMap<String, String>,
) -> Result<Lock, ResolveError> {
    let nodes = nodes(plan, reports)?;
    let wanted = nodes.iter().flat_map(|node| &node.installed).map(ToString::to_string).collect();
    let (pins, offered) = offered(packages, &wanted)?;

    let mut locked: BTreeMap<(&str, &str), Locked> = BTreeMap::new();
    // What is wrong, and on which nodes.
    let mut faults: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    // Of each package, which ones nodes have. What is locked is there for all of them, and yum takes the newest.
    let mut versions: BTreeMap<_, BTreeMap<(String, Digest), BTreeSet<&str>>> = BTreeMap::new();
    for Node { name, role, installed } in &nodes {
        for package in installed {
            let found = match choose(&offered, package) {
                Ok(found) => found,
                Err(fault) => {
                    faults.entry(fault).or_default().insert(name);
                    continue;
                }
            };
            let new = || found.clone();
            let place = (found.repository.as_str(), found.location.as_str());
            locked.entry(place).or_insert_with(new).roles.insert((*role).to_owned());
            if !BESIDE.contains(&package.name) {
                let Locked { epoch, version, release, repository, sha256, .. } = found;
                let which = format!("{epoch} {version} {release} of `{repository}`");
                let of_name = versions.entry((package.name, package.arch)).or_default();
                of_name.entry((which, *sha256)).or_default().insert(name);
            }
        }
    }
    let on = |nodes: &BTreeSet<&str>| nodes.iter().copied().collect::<Vec<_>>().join(", ");
    let mut lines: Vec<_> =
        faults.iter().map(|(fault, nodes)| format!("{fault} (on {})", on(nodes))).collect();
    for ((name, arch), which) in versions.iter().filter(|(_, which)| which.len() > 1) {
        let which = which.iter().map(|((which, _), nodes)| format!("{which} on {}", on(nodes)));
        let which = which.collect::<Vec<_>>().join(", ");
        lines.push(format!("nodes have `{name} {arch}` more than once: {which}"));
    }
    if lines.is_empty() {
        Ok(Lock::new(pins, locked.into_values().collect()))
    } else {
        Err(ReportedError::Faults(lines).into())
    }
}

/// A node, and what it told.
struct Node<'t> {
    name: &'t str,
    role: &'t str,
    installed: Vec<Installed<'t>>,
}

fn nodes<'t>(
    plan: &'t Plan,
    reports: &'t BTreeMap<String, String>,
) -> Result<Vec<Node<'t>>, ReportedError> {
    let mut nodes = Vec::new();
    let mut silent: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in &plan.nodes {
        let (name, role) = (node.name.as_str(), node.role.as_str());
        let Some(report) = reports.get(name) else {
            silent.entry(role).or_default().push(name);
            continue;
        };
        let installed = Installed::all(report)
            .map_err(|what| ReportedError::Damaged { node: name.to_owned(), what })?;
        nodes.push(Node { name, role, installed });
    }
    if silent.is_empty() {
        return Ok(nodes);
    }
    let line = |(role, names): (&str, Vec<&str>)| {
        let is_known = nodes.iter().any(|node| node.role == role);
        let all = if is_known { "" } else { " (all of its nodes)" };
        format!("the role `{role}`: {}{all}", names.join(", "))
    };
    Err(ReportedError::Missing(silent.into_iter().map(line).collect()))
}

/// By what the repositories are pinned that nodes use, and what they have of what is wanted, by what a package is called: those of the
/// first repository first. They have no roles yet.
type Offered = (BTreeMap<String, Pinned>, HashMap<String, Vec<Locked>>);

fn offered(packages: &Packages, wanted: &HashSet<String>) -> Result<Offered, PackagesError> {
    let (mut pins, mut offered) = Offered::default();
    for repository in packages.repositories().filter(|it| !it.roles.is_empty()) {
        let Found::Index(index) = packages.look(&repository.id, INDEX)? else { continue };
        pins.insert(repository.id.clone(), Pinned::from(index.pin()));
        each(packages, repository, &index, |package| {
            let key = package.to_string();
            if wanted.contains(&key) {
                offered.entry(key).or_default().push(package);
            }
        })?;
    }
    Ok((pins, offered))
}

/// Calls this for each package that nodes may take of a repository.
fn each(
    packages: &Packages,
    repository: &Repository,
    index: &Index,
    mut each: impl FnMut(Locked),
) -> Result<(), PackagesError> {
    let Some(list) = index.list() else { return Ok(()) };
    let path = packages.bring(&list, &mut |_| {})?;
    let io = |source| PackagesError::Io { path: path.clone(), source };
    let file = BufReader::new(File::open(&path).map_err(io)?);
    let name = path.to_string_lossy();
    let read = repodata::unpacked(&name, file, LARGEST_LIST).and_then(|list| {
        repodata::packages(list, |package| {
            let is_taken = !repository.exclude.contains(&package.name);
            if let Some(package) = as_locked(package, &repository.id).filter(|_| is_taken) {
                each(package);
            }
        })
    });
    read.map_err(|what| PackagesError::List {
        id: repository.id.clone(),
        path: name.into_owned(),
        what,
    })
}

/// Nothing where no SHA-256 proves it: a cache does not give it.
fn as_locked(package: repodata::Package, repository: &str) -> Option<Locked> {
    let repodata::Package {
        name,
        epoch,
        version,
        release,
        arch,
        location,
        checksum_kind,
        checksum,
        size,
    } = package;
    let sha256 = checksum.parse().ok().filter(|_| checksum_kind == "sha256")?;
    let (location, size) = (decoded(&location), size?);
    let (repository, roles) = (repository.to_owned(), BTreeSet::new());
    Some(Locked { name, epoch, version, release, arch, repository, sha256, size, location, roles })
}

/// The package of a repository that an installed one is. The error says why it is none.
fn choose<'o>(
    offered: &'o HashMap<String, Vec<Locked>>,
    package: &Installed<'_>,
) -> Result<&'o Locked, String> {
    let all = offered.get(&package.to_string()).map_or(&[][..], Vec::as_slice);
    let Some(first) = all.first() else {
        return Err(format!("`{package}` is in no repository of the lab"));
    };
    let Some(sha256) = package.sha256 else { return Ok(first) };
    all.iter().find(|it| it.sha256 == sha256).ok_or_else(|| {
        let has = all.iter().map(|it| format!("{} in `{}`", it.sha256, it.repository));
        let has = has.collect::<Vec<_>>().join(", ");
        format!("`{package}` is another file than the repositories have: its SHA-256 is {sha256}, and {has}")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::{Installed, Locked, choose};
    use crate::digest::Digest;

    #[test]
    fn what_a_node_says() {
        let digest = Digest::of(b"");
        let text = format!(
            "bash 0 4.2 1.el7 x86_64 {digest}\nold 1 2 3 noarch\n\ngpg-pubkey 0 f4a80eb5 53a7ff4b (none) -\nown 0 1 1 x86_64 -\n"
        );
        let all = Installed::all(&text).expect("packages");
        let said: Vec<_> = all.iter().map(|it| (it.to_string(), it.sha256)).collect();
        let wanted = [
            ("bash 0 4.2 1.el7 x86_64", Some(digest)),
            ("old 1 2 3 noarch", None),
            ("own 0 1 1 x86_64", None),
        ];
        assert_eq!(said, wanted.map(|(package, sha256)| (package.to_owned(), sha256)));
    }

    #[test]
    fn what_is_no_package_is_shown_as_text() {
        for (line, shown) in [
            ("bash-4.2-1.el7.x86_64", "`bash-4.2-1.el7.x86_64`"),
            ("bash x 4.2 1.el7 x86_64", "`bash x "),
            ("bash 0 4.2 1.el7 x86_64 12ab", " 12ab`"),
            ("bash 0 4.2 1.el7 x86_64 - base", " - base`"),
            ("bash 0 4.2 1.el7 \u{1b}[31m", "\\u{1b}[31m"),
            ("bäsh 0 4.2 1.el7 x86_64", "`bäsh "),
        ] {
            let text = format!("a 0 1 1 noarch\n{line}\n");
            let wrong = Installed::all(&text).expect_err(line);
            assert!(wrong.starts_with("line 2: ") && wrong.contains(shown), "{wrong}");
        }
    }

    /// Rebuilt elsewhere, it has the same name and other bytes.
    #[test]
    fn which_repository_a_package_is_of() {
        let (one, two, three) = (Digest::of(b"1"), Digest::of(b"2"), Digest::of(b"3"));
        let of = |repository: &str, sha256| Locked {
            name: "a".into(),
            epoch: 0,
            version: "1".into(),
            release: "2".into(),
            arch: "noarch".into(),
            repository: repository.into(),
            sha256,
            size: 1,
            location: "a-1-2.noarch.rpm".into(),
            roles: BTreeSet::new(),
        };
        let all = vec![of("base", one), of("site", two)];
        let offered = HashMap::from([("a 0 1 2 noarch".to_owned(), all)]);
        let chosen = |line: &str| {
            let installed = Installed::all(line).expect("a package");
            choose(&offered, &installed[0]).map(|found| found.repository.clone())
        };
        assert_eq!(chosen("a 0 1 2 noarch -"), Ok("base".to_owned()));
        assert_eq!(chosen(&format!("a 0 1 2 noarch {two}")), Ok("site".to_owned()));
        let other = chosen(&format!("a 0 1 2 noarch {three}")).expect_err("another file");
        let has = format!("its SHA-256 is {three}, and {one} in `base`, {two} in `site`");
        assert!(other.ends_with(&has), "{other}");
        let none = chosen("a 1 1 2 noarch -").expect_err("another epoch");
        assert_eq!(none, "`a 1 1 2 noarch` is in no repository of the lab");
    }
}
