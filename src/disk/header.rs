//! The header of a qcow2 image, as far as it tells whether the image stands alone.
//!
//! It is read here, before qemu-img opens the file: releases before 9.1 follow a data file that a header names to wherever
//! that leads, only to tell of the image (CVE-2024-4467).

use std::io::{self, Read};

/// Bytes of it that are looked at (qemu's `docs/interop/qcow2.rst`); one of version 2 has 72, and something else follows.
const LENGTH: usize = 80;

/// What it begins with.
const MAGIC: &[u8] = b"QFI\xfb";

/// The image is known to be damaged.
const CORRUPT: u64 = 1 << 1;
/// What is on the disk stands in another file.
const DATA_FILE: u64 = 1 << 2;

/// The size in bytes of the disk that an image is.
///
/// # Errors
/// It is no qcow2 image that stands alone; the text says why, after "it".
pub(super) fn virtual_size(file: impl Read) -> io::Result<Result<u64, String>> {
    let mut header = Vec::new();
    file.take(LENGTH as u64).read_to_end(&mut header)?;
    Ok(parse(&header))
}

fn parse(header: &[u8]) -> Result<u64, String> {
    let number =
        |at: usize| header.get(at..at + 8).map(|b| u64::from_be_bytes(b.try_into().expect("8")));
    let small =
        |at: usize| header.get(at..at + 4).map(|b| u32::from_be_bytes(b.try_into().expect("4")));
    let short = "ends too early for a qcow2 image";
    if !header.starts_with(MAGIC) {
        return Err("is no qcow2 image".into());
    }
    let version = small(4).ok_or(short)?;
    let (backing, size, encryption) =
        (number(8).ok_or(short)?, number(24).ok_or(short)?, small(32).ok_or(short)?);
    let features = match version {
        2 => 0,
        3 => number(72).ok_or(short)?,
        _ => return Err(format!("is a qcow2 image of version {version}, and 2 and 3 are known")),
    };
    if backing != 0 {
        return Err("is an overlay: what is on it stands in another file, which it names".into());
    }
    if features & DATA_FILE != 0 {
        return Err("keeps what is on it in another file, which it names".into());
    }
    if encryption != 0 {
        return Err("is encrypted".into());
    }
    if features & CORRUPT != 0 {
        return Err("says itself that it is damaged".into());
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 3 with these bytes at these places.
    fn header(changes: &[(usize, &[u8])]) -> Vec<u8> {
        let mut header = vec![0; 104];
        let all = [(0, MAGIC), (4, &[0, 0, 0, 3]), (24, &[0, 0, 0, 2, 0, 0, 0, 0])];
        for (at, bytes) in all.iter().chain(changes) {
            header[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        header
    }

    fn size(bytes: &[u8]) -> Result<u64, String> {
        virtual_size(bytes).expect("read")
    }

    #[test]
    fn an_image_that_stands_alone_has_a_size() {
        assert_eq!(size(&header(&[])), Ok(8 << 30));
        // Compression and small clusters are nothing to refuse.
        assert_eq!(size(&header(&[(79, &[0b1_1000])])), Ok(8 << 30));
        // What stands at that place in version 2 is no feature.
        assert_eq!(size(&header(&[(7, &[2]), (79, &[0xff])])), Ok(8 << 30));
        assert_eq!(size(&header(&[(7, &[2])])[..72]), Ok(8 << 30));
    }

    #[test]
    fn everything_else_is_refused() {
        for (changes, why) in [
            (&[(0, &b"QFI\xfa"[..])][..], "no qcow2"),
            (&[(7, &[1])], "version 1,"),
            (&[(4, &[1])], "version 16777219,"),
            (&[(15, &[0xf0])], "is an overlay"),
            (&[(7, &[2]), (15, &[0xf0])], "is an overlay"),
            (&[(79, &[0b100])], "in another file"),
            (&[(35, &[1])], "encrypted"),
            (&[(79, &[0b10])], "damaged"),
        ] {
            let told = size(&header(changes)).expect_err(why);
            assert!(told.contains(why), "{why}: {told}");
        }
        for length in [0, 3] {
            assert!(size(&header(&[])[..length]).is_err_and(|told| told.contains("no qcow2")));
        }
        for length in [4, 8, 31, 35, 72, 79] {
            assert!(size(&header(&[])[..length]).is_err_and(|told| told.contains("too early")));
        }
    }
}
