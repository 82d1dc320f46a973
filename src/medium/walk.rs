//! The whole tree of a medium, with limits that no real one meets.

use std::collections::HashSet;

use super::{Entry, EntryKind, Medium, MediumError};

/// The DVD with every package has about 10,000 entries.
const MOST_ENTRIES: usize = 200_000;
/// Bytes of all directories together; each is also limited by itself.
pub(super) const MOST_DIRECTORY_BYTES: u64 = 64 << 20;
/// Bytes of all paths, and of all links' targets, together.
const MOST_PATH_BYTES: usize = 64 << 20;

pub(super) fn walk(medium: &Medium) -> Result<Vec<(String, Entry)>, MediumError> {
    let root = medium.volume.root.clone();
    let mut seen = HashSet::new();
    let mut found: Vec<(String, Entry)> = Vec::new();
    let mut waiting = vec![(String::new(), root)];
    let mut directory_bytes = 0;
    let mut path_bytes = 0;
    while let Some((path, directory)) = waiting.pop() {
        let Some(block) = directory.first_block() else { continue };
        // A directory that is reached twice is a loop, or a copy of what was seen already.
        if !seen.insert(block) {
            continue;
        }
        directory_bytes += directory.size();
        let children = medium.children(&directory)?;
        for child in &children {
            path_bytes += path.len() + child.name().len() + 1;
            if let EntryKind::Symlink(target) = child.kind() {
                path_bytes += target.len();
            }
        }
        if found.len() + children.len() > MOST_ENTRIES
            || directory_bytes > MOST_DIRECTORY_BYTES
            || path_bytes > MOST_PATH_BYTES
        {
            let at = u64::from(block) * super::BLOCK;
            return Err(medium.device.damaged(at, "it claims more files than any medium holds"));
        }
        let mut below = Vec::new();
        for child in children {
            let child_path = format!("{path}/{}", child.name());
            if child.is_directory() {
                below.push((child_path.clone(), child.clone()));
            }
            found.push((child_path, child));
        }
        // The last one pushed is read next: keep the order of the medium.
        waiting.extend(below.into_iter().rev());
    }
    Ok(found)
}
