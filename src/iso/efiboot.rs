//! The FAT image of a medium (images/efiboot.img), from which UEFI boots. It has a grub.cfg of its own,
//! and firmware that starts the medium from a disk or a USB stick reads that one.
//!
//! The image is worked on in memory: no mount, no loop device, no other program. A file is replaced where
//! it lies, so that only the sectors of its content, its directory entry and its cluster chain differ; an
//! image that has no room is made anew, larger, with the same files.

mod check;
mod rebuild;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read as _, Write as _};

use fatfs::{Date, DateTime, Dir, FileSystem, FsOptions};
use thiserror::Error;

/// Bytes of a sector, the unit in which changes are counted.
pub const SECTOR: usize = 512;
/// Bytes of the longest file that [`read_file`] gives: a menu has some thousand.
const LONGEST: usize = 1 << 20;

/// How a file came into the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It lies where it lay; the image is as long as before.
    InPlace {
        /// Sectors of 512 bytes that differ from before.
        sectors: usize,
    },
    /// It took clusters that were free; the image is as long as before.
    Grown {
        /// Sectors of 512 bytes that differ from before.
        sectors: usize,
        /// How many clusters it took.
        clusters: u64,
    },
    /// The image was full and was made anew, with the same files and the same label.
    Rebuilt {
        /// Its bytes before.
        from: usize,
        /// Its bytes now.
        to: usize,
    },
}

/// Why a file in the image cannot be read or replaced.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EfibootError {
    /// The bytes are no FAT file system, or a damaged one.
    #[error("the EFI boot image is damaged: {problem}; compare the checksum of the medium")]
    Damaged {
        /// What is wrong.
        problem: String,
    },
    /// The file system could not be used.
    #[error("the EFI boot image cannot be used: {doing}: {source}")]
    Unusable {
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        source: io::Error,
    },
    /// There is no such file.
    #[error("the EFI boot image has no `{path}`; its files are: {}", files.join(", "))]
    NotFound {
        /// The file.
        path: String,
        /// The files there are.
        files: Vec<String>,
    },
    /// A file is no menu.
    #[error("`{path}` in the EFI boot image has {size} bytes, more than {LONGEST}")]
    TooLarge {
        /// The file.
        path: String,
        /// Its bytes.
        size: usize,
    },
    /// The image does not hold what it should after the change. It is left as it was.
    #[error(
        "the EFI boot image would be wrong after the change: `{path}` does not read back as it was written"
    )]
    ReadBack {
        /// The first file that differs.
        path: String,
    },
}

/// For `map_err`: says what was being done.
fn doing(doing: &'static str) -> impl Fn(io::Error) -> EfibootError {
    move |source| EfibootError::Unusable { doing, source }
}

/// A file or a directory of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    /// `None` is a directory.
    content: Option<Vec<u8>>,
    created: DateTime,
    accessed: Date,
    modified: DateTime,
}

/// By path, such as `EFI/BOOT/grub.cfg`; a directory stands before what it holds.
type Tree = BTreeMap<String, Node>;

/// Reads one file of at most 1 MiB. Names are compared without case, as FAT does.
///
/// # Errors
/// When the image is no FAT file system, has no such file, or a longer one.
pub fn read_file(image: &[u8], path: &str) -> Result<Vec<u8>, EfibootError> {
    let tree = read_tree(image)?;
    match find(&tree, path) {
        Some((path, content)) if content.len() > LONGEST => {
            Err(EfibootError::TooLarge { path: path.to_owned(), size: content.len() })
        }
        Some((_, content)) => Ok(content.to_vec()),
        None => Err(not_found(&tree, path)),
    }
}

/// Replaces the content of a file that exists. The image changes only if every file reads back as it
/// should afterwards.
///
/// # Errors
/// When the image is no FAT file system, has no such file, or is damaged.
pub fn replace_file(
    image: &mut Vec<u8>,
    path: &str,
    content: &[u8],
) -> Result<Replaced, EfibootError> {
    let mut tree = read_tree(image)?;
    let Some((path, old)) = find(&tree, path).map(|(path, old)| (path.to_owned(), old.len()))
    else {
        return Err(not_found(&tree, path));
    };
    let room = Room::read(image)?;
    let (before, after) = (room.clusters(old), room.clusters(content.len()));
    if let Some(node) = tree.get_mut(&path) {
        node.content = Some(content.to_vec());
    }
    let fits = after <= before.saturating_add(room.free);
    let new =
        if fits { overwrite(image, &path, content)? } else { rebuild::rebuild(image, &tree)? };
    verify(&new, &tree)?;
    let replaced = if !fits {
        Replaced::Rebuilt { from: image.len(), to: new.len() }
    } else if after > before {
        Replaced::Grown { sectors: changed(image, &new), clusters: after - before }
    } else {
        Replaced::InPlace { sectors: changed(image, &new) }
    };
    *image = new;
    Ok(replaced)
}

/// Writes over the old content first and cuts off the rest after, so that the file keeps its clusters.
fn overwrite(image: &[u8], path: &str, content: &[u8]) -> Result<Vec<u8>, EfibootError> {
    let mut new = image.to_vec();
    let system = open(&mut new)?;
    {
        let root = system.root_dir();
        let mut file = root.open_file(path).map_err(doing("opening the file"))?;
        // Nothing here may depend on the clock: the same medium and content give the same image.
        let modified = entry_time(&root, path)?;
        file.write_all(content).map_err(doing("writing the file"))?;
        file.truncate().map_err(doing("cutting the file"))?;
        if let Some(modified) = modified {
            #[expect(
                deprecated,
                reason = "a TimeProvider has to be 'static and cannot know this file's time"
            )]
            file.set_modified(modified);
        }
        file.flush().map_err(doing("writing the file"))?;
    }
    system.unmount().map_err(doing("closing it"))?;
    Ok(new)
}

fn entry_time(root: &Dir<'_, Disk<'_>>, path: &str) -> Result<Option<DateTime>, EfibootError> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = if folder.is_empty() {
        root.clone()
    } else {
        root.open_dir(folder).map_err(doing("reading it"))?
    };
    for entry in folder.iter() {
        let entry = entry.map_err(doing("reading a directory"))?;
        if entry.file_name() == name {
            return Ok(Some(entry.modified()));
        }
    }
    Ok(None)
}

/// How much room an image has.
struct Room {
    cluster: u64,
    free: u64,
}

impl Room {
    fn read(image: &[u8]) -> Result<Self, EfibootError> {
        let mut image = image.to_vec();
        let system = open(&mut image)?;
        let stats = system.stats().map_err(doing("counting its free clusters"))?;
        Ok(Self {
            cluster: u64::from(stats.cluster_size()),
            free: u64::from(stats.free_clusters()),
        })
    }

    fn clusters(&self, bytes: usize) -> u64 {
        (bytes as u64).div_ceil(self.cluster)
    }
}

/// Never grows: a write beyond the end fails.
type Disk<'a> = Cursor<&'a mut [u8]>;

fn open(image: &mut [u8]) -> Result<FileSystem<Disk<'_>>, EfibootError> {
    check::check(image).map_err(|problem| EfibootError::Damaged { problem })?;
    FileSystem::new(Cursor::new(image), FsOptions::new()).map_err(doing("reading its boot sector"))
}

fn read_tree(image: &[u8]) -> Result<Tree, EfibootError> {
    let mut image = image.to_vec();
    let system = open(&mut image)?;
    let mut tree = Tree::new();
    let mut waiting = vec![(String::new(), system.root_dir())];
    while let Some((path, directory)) = waiting.pop() {
        for entry in directory.iter() {
            let entry = entry.map_err(doing("reading a directory"))?;
            let name = entry.file_name();
            // Exactly the entries that the check passes over, whatever their long names.
            if matches!(entry.short_file_name_as_bytes(), b"." | b"..") {
                continue;
            }
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            let content = if entry.is_dir() {
                waiting.push((path.clone(), entry.to_dir()));
                None
            } else {
                let mut content = Vec::new();
                entry.to_file().read_to_end(&mut content).map_err(doing("reading a file"))?;
                Some(content)
            };
            let node = Node {
                content,
                created: entry.created(),
                accessed: entry.accessed(),
                modified: entry.modified(),
            };
            tree.insert(path, node);
        }
    }
    Ok(tree)
}

/// The path as the image spells it, and the content.
fn find<'a>(tree: &'a Tree, path: &str) -> Option<(&'a str, &'a [u8])> {
    let wanted = path.trim_matches('/');
    tree.iter().find_map(|(path, node)| match &node.content {
        Some(content) if path.eq_ignore_ascii_case(wanted) => {
            Some((path.as_str(), content.as_slice()))
        }
        _ => None,
    })
}

fn not_found(tree: &Tree, path: &str) -> EfibootError {
    let files =
        tree.iter().filter(|(_, node)| node.content.is_some()).map(|(path, _)| path.clone());
    EfibootError::NotFound { path: path.to_owned(), files: files.collect() }
}

/// Compares every file of the image with what it should be.
fn verify(image: &[u8], expected: &Tree) -> Result<(), EfibootError> {
    let found = read_tree(image)?;
    let differs = |(path, node): (&String, &Node)| {
        found.get(path).map(|found| &found.content) != Some(&node.content)
    };
    let path = expected.iter().find(|&(path, node)| differs((path, node))).map(|(path, _)| path);
    match path.or_else(|| found.keys().find(|path| !expected.contains_key(*path))) {
        Some(path) => Err(EfibootError::ReadBack { path: path.clone() }),
        None => Ok(()),
    }
}

/// How many sectors differ.
fn changed(old: &[u8], new: &[u8]) -> usize {
    old.chunks(SECTOR).zip(new.chunks(SECTOR)).filter(|(old, new)| old != new).count()
}
