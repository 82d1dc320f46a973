//! Checks a FAT image before anything reads it through fatfs, which takes the numbers in an image for
//! right: a chain of clusters that is a ring, or that leads out of the image, would keep it busy for ever
//! or end in a panic. (Microsoft's FAT specification, version 1.03.)

use std::ops::Range;

/// Bytes of a directory entry.
const ENTRY: usize = 32;
/// Directories nest two deep on real media.
const DEEPEST: usize = 16;
/// Real media have some twenty files and directories. Each has a path of its own in memory.
const MOST: usize = 1000;
/// The first cluster has the number 2.
const FIRST: usize = 2;

/// The layout of an image, by the boot sector.
struct Layout<'a> {
    image: &'a [u8],
    /// 12, 16 or 32.
    bits: usize,
    /// Bytes of a cluster.
    cluster: usize,
    clusters: usize,
    table: Range<usize>,
    /// Where the first cluster lies.
    data: usize,
    /// The root directory of FAT12 and FAT16.
    root: Range<usize>,
    /// The root directory's first cluster on FAT32.
    root_cluster: usize,
    /// The clusters that a file or directory has.
    used: Vec<bool>,
}

/// Says what is wrong with the image.
pub(super) fn check(image: &[u8]) -> Result<(), String> {
    let mut layout = Layout::read(image)?;
    let mut waiting = vec![(layout.root_directory()?, 0)];
    let mut count = 0;
    while let Some((directory, depth)) = waiting.pop() {
        for entry in entries(image, &directory) {
            count += 1;
            if count > MOST {
                return Err(format!("it has more than {MOST} files"));
            }
            let word = |at: usize| usize::from(u16::from_le_bytes([entry[at], entry[at + 1]]));
            let high = if layout.bits == 32 { word(20) << 16 } else { 0 };
            let chain = layout.chain(word(26) | high)?;
            if entry[11] & 0x10 != 0 {
                if depth == DEEPEST {
                    return Err("its directories are too deep".into());
                }
                // fatfs takes a directory without clusters for the root.
                if chain.is_empty() {
                    return Err("a directory has no cluster".into());
                }
                waiting.push((chain, depth + 1));
            } else {
                let size = word(28) | word(30) << 16;
                if chain.len() != size.div_ceil(layout.cluster) {
                    return Err(format!("a file of {size} bytes has {} clusters", chain.len()));
                }
            }
        }
    }
    Ok(())
}

/// The entries that name a file or a directory.
fn entries<'a>(image: &'a [u8], directory: &'a [Range<usize>]) -> impl Iterator<Item = &'a [u8]> {
    const LONG_NAME: u8 = 0x0f;
    const VOLUME: u8 = 0x08;
    const DELETED: u8 = 0xe5;
    let entries = directory.iter().flat_map(|range| image[range.clone()].chunks_exact(ENTRY));
    let leads_back = |entry: &[u8]| matches!(&entry[..11], b".          " | b"..         ");
    // A 0 ends the directory.
    entries.take_while(|entry| entry[0] != 0).filter(move |entry| {
        entry[0] != DELETED
            && !leads_back(entry)
            && entry[11] & 0x3f != LONG_NAME
            && entry[11] & VOLUME == 0
    })
}

impl<'a> Layout<'a> {
    fn read(image: &'a [u8]) -> Result<Self, String> {
        if image.get(510..512) != Some(&[0x55, 0xaa]) {
            return Err("it has no boot sector".into());
        }
        let byte = |at: usize| usize::from(image[at]);
        let word = |at: usize| byte(at) | byte(at + 1) << 8;
        let long = |at: usize| word(at) | word(at + 2) << 16;
        let (sector, sectors_a_cluster, reserved, tables) =
            (word(11), byte(13), word(14), byte(16));
        let sane = sector.is_power_of_two()
            && (512..=4096).contains(&sector)
            && sectors_a_cluster.is_power_of_two();
        if !sane || reserved == 0 || !matches!(tables, 1 | 2) {
            return Err("its boot sector makes no sense".into());
        }
        // The short fields are 0 where the number needs the long one.
        let sectors = if word(19) == 0 { long(32) } else { word(19) };
        let table_sectors = if word(22) == 0 { long(36) } else { word(22) };
        let declared = sectors * sector;
        if declared > image.len() {
            return Err(format!("it says {declared} bytes and has {}", image.len()));
        }
        let table = reserved * sector;
        let root = table + tables * table_sectors * sector;
        let data = root + (word(17) * ENTRY).next_multiple_of(sector);
        let cluster = sectors_a_cluster * sector;
        let clusters =
            declared.checked_sub(data).ok_or("its tables are longer than the image")? / cluster;
        let bits = match clusters {
            0..4085 => 12,
            4085..65_525 => 16,
            _ => 32,
        };
        if (clusters + FIRST) * bits > table_sectors * sector * 8 || (bits == 32) != (word(22) == 0)
        {
            return Err("its table does not fit its size".into());
        }
        // FAT32 may name one table as the only one in use; no tool that makes boot images does.
        if bits == 32 && word(40) & 0x80 != 0 {
            return Err("only one of its tables is in use, which is not supported".into());
        }
        Ok(Self {
            image,
            bits,
            cluster,
            clusters,
            table: table..table + table_sectors * sector,
            data,
            root: root..data,
            root_cluster: if bits == 32 { long(44) } else { 0 },
            used: vec![false; clusters + FIRST],
        })
    }

    fn root_directory(&mut self) -> Result<Vec<Range<usize>>, String> {
        if self.bits != 32 {
            return Ok(vec![self.root.clone()]);
        }
        let root = self.chain(self.root_cluster)?;
        if root.is_empty() { Err("it has no root directory".into()) } else { Ok(root) }
    }

    /// Where the clusters of a chain lie. Each may belong to one chain only, so that no chain is endless.
    fn chain(&mut self, first: usize) -> Result<Vec<Range<usize>>, String> {
        let mut found = Vec::new();
        // An empty file has no first cluster.
        let mut next = (first != 0).then_some(first);
        while let Some(number) = next {
            if !(FIRST..self.clusters + FIRST).contains(&number) {
                return Err(format!("a chain leads to cluster {number}, which does not exist"));
            }
            if std::mem::replace(&mut self.used[number], true) {
                return Err(format!("cluster {number} belongs to two chains, or to a ring"));
            }
            let start = self.data + (number - FIRST) * self.cluster;
            found.push(start..start + self.cluster);
            next = self.next(number);
        }
        Ok(found)
    }

    /// What the table says of a cluster: the next one, or `None` for the end of the chain.
    fn next(&self, number: usize) -> Option<usize> {
        let table = &self.image[self.table.clone()];
        let word = |at: usize| usize::from(table[at]) | usize::from(table[at + 1]) << 8;
        let (value, end) = match self.bits {
            12 => (word(number * 3 / 2) >> (4 * (number % 2)) & 0x0fff, 0x0ff8),
            16 => (word(number * 2), 0xfff8),
            _ => ((word(number * 4) | word(number * 4 + 2) << 16) & 0x0fff_ffff, 0x0fff_fff8),
        };
        (value < end).then_some(value)
    }
}
