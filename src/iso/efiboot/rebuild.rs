//! Makes an image anew when the old one has no room.

use std::io::{self, Cursor, Write as _};

use fatfs::{Dir, FatType, FormatVolumeOptions};

use super::{Disk, EfibootError, Node, SECTOR, Tree, doing, open};

/// Room beyond the files, for the next change. Also covers the tables' own growth.
const SLACK: usize = 128 << 10;
/// Bytes of a block of the medium on which the image lies.
const BLOCK: usize = 2048;

/// What the new image keeps of the old one.
struct Format {
    label: [u8; 11],
    id: u32,
    kind: FatType,
    cluster: u32,
    /// The fields of the boot sector that describe the disk.
    media: u8,
    tables: u8,
    root_entries: u16,
    sectors_a_track: u16,
    heads: u16,
}

/// A larger image with these files, and with the old one's label, number and shape.
pub(super) fn rebuild(image: &[u8], tree: &Tree) -> Result<Vec<u8>, EfibootError> {
    let format = Format::read(image)?;
    let cluster = usize::try_from(format.cluster).unwrap_or(BLOCK);
    // A directory takes a cluster, or two if it has many long names.
    let taken = |node: &Node| {
        node.content.as_ref().map_or(2 * cluster, |content| content.len().next_multiple_of(cluster))
    };
    let needed = tree.values().map(taken).sum::<usize>() + SLACK;
    let length = needed.max(image.len() + SLACK).next_multiple_of(BLOCK);
    // A few clusters more can ask for another kind of FAT; then the defaults decide.
    write(length, format.options(true), tree)
        .or_else(|_| write(length, format.options(false), tree))
}

impl Format {
    fn read(image: &[u8]) -> Result<Self, EfibootError> {
        let mut copy = image.to_vec();
        let system = open(&mut copy)?;
        let named = system
            .read_volume_label_from_root_dir_as_bytes()
            .map_err(doing("reading its label"))?;
        let mut label = [b' '; 11];
        let by_boot_sector = system.volume_label_as_bytes();
        label[..by_boot_sector.len()].copy_from_slice(by_boot_sector);
        let byte = |at: usize| image.get(at).copied().unwrap_or(0);
        let word = |at: usize| u16::from_le_bytes([byte(at), byte(at + 1)]);
        Ok(Self {
            label: named.unwrap_or(label),
            id: system.volume_id(),
            kind: system.fat_type(),
            cluster: system.cluster_size(),
            media: byte(21),
            tables: byte(16),
            root_entries: word(17),
            sectors_a_track: word(24),
            heads: word(26),
        })
    }

    fn options(&self, same_shape: bool) -> FormatVolumeOptions {
        let options = FormatVolumeOptions::new()
            .volume_label(self.label)
            .volume_id(self.id)
            .media(self.media)
            .sectors_per_track(self.sectors_a_track)
            .heads(self.heads);
        // fatfs asserts these instead of returning an error.
        let valid =
            self.cluster.is_power_of_two() && self.cluster >= 512 && matches!(self.tables, 1 | 2);
        if !(same_shape && valid) {
            return options;
        }
        let options = options.fat_type(self.kind).bytes_per_cluster(self.cluster).fats(self.tables);
        // FAT32 has no such area; its root directory is a file like any other.
        match self.kind {
            FatType::Fat32 => options,
            _ => options.max_root_dir_entries(self.root_entries),
        }
    }
}

fn write(
    length: usize,
    options: FormatVolumeOptions,
    tree: &Tree,
) -> Result<Vec<u8>, EfibootError> {
    let mut image = vec![0; length];
    fatfs::format_volume(Cursor::new(&mut image[..]), options)
        .map_err(doing("making a larger one"))?;
    // A directory sorts before what it holds.
    let image = with(image, |root| {
        let directories = tree.iter().filter(|(_, node)| node.content.is_none());
        directories.map(|(path, _)| path).try_for_each(|path| root.create_dir(path).map(drop))
    })?;
    let image = without_long_dots(image);
    with(image, |root| {
        for (path, node) in tree {
            let Some(content) = &node.content else { continue };
            let mut file = root.create_file(path)?;
            file.write_all(content)?;
            #[expect(
                deprecated,
                reason = "a TimeProvider has to be 'static and cannot know each file's times"
            )]
            {
                file.set_created(node.created);
                file.set_accessed(node.accessed);
                file.set_modified(node.modified);
            }
            file.flush()?;
        }
        Ok(())
    })
}

/// The image after something was done in it.
fn with(
    mut image: Vec<u8>,
    act: impl FnOnce(Dir<'_, Disk<'_>>) -> io::Result<()>,
) -> Result<Vec<u8>, EfibootError> {
    let system = open(&mut image)?;
    act(system.root_dir()).map_err(doing("copying its files into a larger one"))?;
    system.unmount().map_err(doing("closing a larger one"))?;
    Ok(image)
}

/// fatfs 0.3 gives the entries `.` and `..` of a new directory long names, which the FAT specification
/// forbids: `.` and `..` must be the first two entries. Puts them there. As long as the image holds
/// directories only, a sector that begins so is the start of one.
fn without_long_dots(mut image: Vec<u8>) -> Vec<u8> {
    const ENTRY: usize = 32;
    const LONG_NAME: u8 = 0x0f;
    const DELETED: u8 = 0xe5;
    for sector in image.chunks_exact_mut(SECTOR) {
        let is_long = |entry: usize| sector[entry * ENTRY + 11] == LONG_NAME;
        let is_named = |entry: usize, name: &[u8]| sector[entry * ENTRY..].starts_with(name);
        if is_long(0) && is_named(1, b".          ") && is_long(2) && is_named(3, b"..         ") {
            sector.copy_within(ENTRY..2 * ENTRY, 0);
            sector.copy_within(3 * ENTRY..4 * ENTRY, ENTRY);
            for entry in sector[2 * ENTRY..4 * ENTRY].chunks_exact_mut(ENTRY) {
                entry.fill(0);
                entry[0] = DELETED;
            }
        }
    }
    image
}
