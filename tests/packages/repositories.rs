//! Repositories like those of CentOS's archive, made once: packages by rpmbuild, signed by keys of the tests, with metadata by `createrepo_c`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::common::{self, judge, judged};
use crate::stack::{
    BASE, CHANGED, FOREIGN, PACKAGES, Package, REPOSITORIES, SITE, SMALL, TRAIN, UNSIGNED, UPDATED,
    UPDATES,
};

/// Files by their paths below the server's root, such as `centos/7.9.2009/os/x86_64/repodata/repomd.xml`.
pub type Tree = BTreeMap<String, Arc<[u8]>>;

/// What was made.
pub struct Repositories {
    pub tree: Tree,
    /// The same with other packages in `updates`: the newer httpd gave way to one that is newer still.
    pub changed: Tree,
    /// The key that signs all packages but those of which it is said.
    pub key: String,
}

/// Below this the mirror has its `7.9.2009`.
pub const MIRROR: &str = "centos";

impl Repositories {
    /// The path of a package's file below the mirror, such as `7.9.2009/os/x86_64/Packages/httpd-….rpm`.
    pub fn path(&self, package: &Package) -> String {
        let (_, version) = package.version.rsplit_once(':').unwrap_or(("", package.version));
        let name = format!("/{}-{version}.noarch.rpm", package.name);
        let inside = format!("{}/", below(package.at));
        let all = self.tree.keys().chain(self.changed.keys());
        let found = all.filter(|path| path.starts_with(&inside)).find(|path| path.ends_with(&name));
        found.unwrap_or_else(|| panic!("{inside}…{name}")).clone()
    }

    /// The same of the one package of this name in a repository.
    pub fn named(&self, name: &str) -> String {
        self.path(PACKAGES.iter().find(|it| it.name == name).expect("a package"))
    }

    pub fn file(&self, path: &str) -> &Arc<[u8]> {
        self.tree.get(path).unwrap_or_else(|| panic!("{path} is not there"))
    }
}

/// Where a server has a repository.
fn below(at: &str) -> String {
    if at == SITE { at.to_owned() } else { format!("{MIRROR}/{at}") }
}

/// Whether this is a package, and no metadata.
pub fn is_package(path: &str) -> bool {
    path.rsplit('.').next() == Some("rpm")
}

/// The path below `/packages/` of what a server has at a path.
pub fn cached_path(path: &str) -> String {
    let inside = |at: &str| path.strip_prefix(&format!("{}/", below(at))).map(str::to_owned);
    let found = REPOSITORIES.iter().find_map(|(id, at, _)| Some(format!("{id}/{}", inside(at)?)));
    found.unwrap_or_else(|| panic!("{path} is of no repository"))
}

/// They are made when the first test asks, in a folder that is gone afterwards.
pub fn repositories() -> &'static Repositories {
    static MADE: OnceLock<Repositories> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        Maker { folder: folder.path() }.make()
    })
}

struct Maker<'a> {
    folder: &'a Path,
}

impl Maker<'_> {
    fn make(&self) -> Repositories {
        let names: Vec<String> = SMALL.iter().map(|name| format!("python2-{name}")).collect();
        let small = names.iter().map(|name| One {
            at: TRAIN,
            name,
            version: "1.0.0-1.el7",
            needs: "",
            kib: 2,
        });
        let all: Vec<One> = PACKAGES.iter().map(One::of).chain(small).collect();
        // No two of a name in one specification.
        let mut files = self.build("all", &all);
        let updated = self.build("updated", &[One::of(&UPDATED)]).remove(0);
        let changed = self.build("changed", &[One::of(&CHANGED)]).remove(0);
        let place_of = |name: &str| all.iter().position(|it| it.name == name).expect("its place");
        let (unsigned, foreign) = (&files[place_of(UNSIGNED)], &files[place_of(FOREIGN)]);
        let ours = files.iter().chain([&updated, &changed]);
        let ours: Vec<_> = ours.filter(|it| ![unsigned, foreign].contains(it)).collect();
        let key = self.sign("Packages of the tests", &ours);
        self.sign("Somebody else", &[foreign]);

        files.push(updated.clone());
        let mirror = self.folder.join("served");
        let at = all.iter().map(|it| (it.at, it.name)).chain([(UPDATED.at, UPDATED.name)]);
        for (file, (at, name)) in files.iter().zip(at) {
            put(file, &place(&mirror, at, name));
        }
        for (_, at, _) in REPOSITORIES {
            createrepo(&mirror.join(below(at)), at);
        }
        let tree = read(&mirror);
        let folder = mirror.join(below(UPDATES));
        fs::remove_dir_all(&folder).expect("removed");
        put(&changed, &place(&mirror, CHANGED.at, CHANGED.name));
        createrepo(&folder, UPDATES);
        Repositories { tree, changed: read(&mirror), key }
    }

    /// The packages' files, in their order: one specification, of which rpmbuild makes all.
    fn build(&self, specification: &str, packages: &[One]) -> Vec<PathBuf> {
        let top = self.folder.join(specification);
        let mut text = "Name: all\nVersion: 1\nRelease: 1\nSummary: All\nLicense: none\nBuildArch: noarch\nAutoReqProv: no\n\
            %description\nAll.\n%install\nmkdir -p %{buildroot}\ncp -r %{_topdir}/tree/. %{buildroot}\n"
            .to_owned();
        let mut files = Vec::new();
        for package in packages {
            let One { name, needs, kib, .. } = package;
            let (epoch, version) =
                package.version.split_once(':').unwrap_or(("0", package.version));
            let (number, release) = version.split_once('-').expect("a release");
            let _ = write!(
                text,
                "%package -n {name}\nEpoch: {epoch}\nVersion: {number}\nRelease: {release}\nSummary: As {name}\n"
            );
            // RDO's packages have other names than the documents.
            if let Some(rest) = name.strip_prefix("python2-openstack") {
                let _ = writeln!(text, "Provides: python-openstack{rest}");
            }
            for need in needs.split_whitespace() {
                let _ = writeln!(text, "Requires: {need}");
            }
            let _ = write!(
                text,
                "%description -n {name}\nAs {name}.\n%files -n {name}\n/usr/share/{name}\n"
            );
            let inside = top.join("tree/usr/share").join(name);
            fs::create_dir_all(&inside).expect("made");
            fs::write(inside.join("data"), noise(&format!("{name}-{version}"), kib << 10))
                .expect("written");
            fs::write(inside.join("version"), format!("{version}\n")).expect("written");
            files.push(top.join(format!("RPMS/noarch/{name}-{version}.noarch.rpm")));
        }
        let written = top.join("all.spec");
        fs::write(&written, text).expect("written");
        let mut rpmbuild = judge("rpmbuild");
        rpmbuild.args(["-bb", "--quiet", "--define"]).arg(format!("_topdir {}", top.display()));
        // As EL7 packs them, and quickly; what the distribution would do to files is not for these.
        rpmbuild.args(["--define", "_binary_payload w1.gzdio"]);
        rpmbuild.args(["--define", "__os_install_post %{nil}"]).arg(written);
        // rpm has its database in the home where the distribution is none of rpm's.
        rpmbuild.env("HOME", self.folder);
        judged(rpmbuild);
        files
    }

    /// Signs them by a new key of this name, and tells its public half.
    fn sign(&self, name: &str, files: &[&PathBuf]) -> String {
        let home = self.folder.join("keys");
        if !home.exists() {
            fs::create_dir(&home).expect("made");
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            fs::set_permissions(&home, private).expect("set");
        }
        let gpg = |arguments: &[&str]| {
            let mut gpg = judge("gpg");
            gpg.args(["--batch", "--quiet", "--passphrase", ""]).args(arguments);
            gpg.env("GNUPGHOME", &home);
            judged(gpg).stdout
        };
        gpg(&["--quick-generate-key", name, "rsa2048", "sign", "never"]);
        let mut rpmsign = judge("rpmsign");
        rpmsign.args(["--addsign", "--define", &format!("_gpg_name {name}")]);
        // Where the distribution is none of rpm's, it does not know the program.
        rpmsign.args(["--define", "__gpg /usr/bin/gpg", "--define", "_gpg_digest_algo sha256"]);
        rpmsign.args(files).env("GNUPGHOME", &home).env("HOME", self.folder);
        judged(rpmsign);
        let key = gpg(&["--armor", "--export", name]);
        // The agent ends with its folder at the latest; here it would outlive the folder for a while.
        let mut end = judge("gpgconf");
        end.args(["--kill", "all"]).env("GNUPGHOME", &home);
        judged(end);
        key
    }
}

/// A package whose name may have been made.
struct One<'a> {
    at: &'static str,
    name: &'a str,
    version: &'static str,
    needs: &'static str,
    kib: usize,
}

impl One<'_> {
    fn of(package: &Package) -> Self {
        let Package { at, name, version, needs, kib } = *package;
        Self { at, name, version, needs, kib }
    }
}

/// The folder of a package's file.
fn place(mirror: &Path, at: &str, name: &str) -> PathBuf {
    let (_, _, packages) = REPOSITORIES.iter().find(|it| it.1 == at).expect("a repository");
    mirror.join(below(at)).join(packages.replace('*', &name[..1]))
}

fn put(file: &Path, folder: &Path) {
    fs::create_dir_all(folder).expect("made");
    fs::copy(file, folder.join(file.file_name().expect("a name"))).expect("copied");
}

/// Metadata as CentOS's has it: files with their digests in their names, and databases. The lab's own has plain names.
fn createrepo(folder: &Path, at: &str) {
    let mut command = judge("createrepo_c");
    command.args(["--quiet", "--workers=1"]);
    if at == SITE {
        command.args(["--simple-md-filenames", "--no-database"]);
    } else {
        let groups = folder.join("comps.xml");
        fs::write(&groups, groups_of(at)).expect("written");
        command.args(["--database", "--groupfile"]).arg(groups);
    }
    command.arg(folder);
    judged(command);
}

/// Of the groups, what the installer asks for.
fn groups_of(at: &str) -> &'static str {
    if at != BASE {
        return "<?xml version=\"1.0\"?>\n<comps/>\n";
    }
    "<?xml version=\"1.0\"?>\n<comps><group><id>core</id><name>Core</name><packagelist>\
     <packagereq type=\"mandatory\">dnsmasq</packagereq></packagelist></group>\
     <environment><id>minimal</id><name>Minimal</name><grouplist><groupid>core</groupid></grouplist></environment></comps>\n"
}

fn read(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(&inside).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("inside").to_str().expect("text");
                tree.insert(name.to_owned(), fs::read(&path).expect("a file").into());
            }
        }
    }
    tree
}

/// Bytes that no compression makes smaller, other ones for each name.
fn noise(name: &str, size: usize) -> Vec<u8> {
    let seed = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    common::noise(name.bytes().fold(0xcbf2_9ce4_8422_2325, seed) | 1, size)
}
