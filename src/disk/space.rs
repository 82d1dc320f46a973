//! How many bytes a full copy takes. `qemu-img measure` knows that of raw and qcow2 only, so it is worked out from where on the disk
//! something stands.

use super::Format;
use super::qemu_img::Extent;

/// Bytes that a copy of these parts of a disk of that size takes at most.
pub(super) fn of_copy(extents: &[Extent], format: Format, size: u64) -> u64 {
    // What is written at once, and for each of these what stands in tables.
    let (block, table) = match format {
        // VDI 1.1: one number for each.
        Format::Vdi => (1 << 20, 4),
        // The virtual disk format 5.0: grain tables and their copies, of which every 512 entries have one in a directory.
        Format::Vmdk => (64 << 10, 4 * 2 + 1),
        Format::Qcow2 => (64 << 10, 8 + 2),
        // What file systems write at once.
        Format::Raw => (4 << 10, 0),
    };
    // Headers, and what the file system keeps for a file of that size.
    let fixed = (1 << 20) + size.div_ceil(block) * table;
    let (mut blocks, mut next) = (0, 0);
    for extent in extents.iter().filter(|extent| extent.data && extent.length > 0) {
        let first = (extent.start / block).max(next);
        let end = extent.start.saturating_add(extent.length).div_ceil(block);
        blocks += end.saturating_sub(first);
        next = next.max(end);
    }
    fixed + blocks * block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_two_parts_share_is_counted_once() {
        let extent = |start, length, data| Extent { start, length, data };
        let parts = [
            extent(0, 512, true),
            extent(512, 4096, false),
            extent(8192, 4096, true),
            extent(12288, 1 << 20, false),
            extent((1 << 20) + 12288, 1 << 20, true),
        ];
        let mib = 1 << 20;
        assert_eq!(of_copy(&parts, Format::Raw, 64 * mib), mib + 2 * 4096 + mib);
        assert_eq!(of_copy(&parts, Format::Vdi, 64 * mib), mib + 64 * 4 + 3 * mib);
        let grains = 1 + 17;
        assert_eq!(of_copy(&parts, Format::Vmdk, 64 * mib), mib + 1024 * 9 + grains * (64 << 10));
        assert_eq!(of_copy(&[], Format::Raw, mib), mib);
    }
}
