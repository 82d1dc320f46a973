//! What a damaged or hostile image may not do: panic, run for ever, or lead out of its tree.

use std::io::Read;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::build::{Image, record};
use super::*;
use crate::medium::packages::PackageData;
use crate::medium::tree::{DiscInfo, TreeInfo};

fn error(image: &Image) -> String {
    image.open().unwrap_err().to_string()
}

#[test]
fn what_is_no_iso_is_named() {
    for (bytes, expected) in [
        (&b""[..], "the file is empty"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"\xfd7zXZ\x00rest", "xz"),
        (b"PK\x03\x04rest", "zip"),
        (b"QFI\xfbrest", "qcow2"),
        (b"\n<!DOCTYPE HTML><p>404", "web page"),
        (b"short", "5 bytes are too few"),
    ] {
        let error = Medium::from_bytes("x.iso", bytes.to_vec()).unwrap_err();
        assert!(matches!(error, MediumError::NotIso9660 { .. }));
        let text = error.to_string();
        assert!(
            text.starts_with("`x.iso` is not an ISO 9660 image: ") && text.contains(expected),
            "{text}"
        );
    }
    let mut disk = vec![0; 100_000];
    assert!(error(&Image(disk.clone())).contains("no `CD001` at byte 32769"));
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    assert!(error(&Image(disk)).contains("disk image"));
}

#[test]
fn a_truncated_image_is_told_from_a_damaged_one() {
    let mut image = Image::plain();
    image.0.truncate(20 * 2048 + 7);
    let expected = "`test.iso` is truncated: its volume descriptor says 49152 bytes, the file has 40967 (8185 are missing); \
                    download it again and compare its checksum";
    assert_eq!(error(&image), expected);
}

#[test]
fn a_folder_and_a_missing_file_are_io_errors() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("none.iso")] {
        let error = Medium::open(&path).unwrap_err();
        assert!(matches!(error, MediumError::Io { .. }));
        assert!(error.to_string().starts_with(&format!("cannot read `{}`: ", path.display())));
    }
}

#[test]
fn damage_is_found_where_it_is() {
    let mut image = Image::plain();
    image.put_at(16 * 2048 + 128, &[0, 4]);
    assert!(error(&image).contains("its blocks are 1024 bytes long, not 2048 (at byte 32896)"));

    let mut image = Image::plain();
    image.put_at(18 * 2048, &[20]);
    let found = image.open().unwrap().list("/").unwrap_err().to_string();
    assert!(found.contains("a directory record makes no sense (at byte 36864)"), "{found}");

    // A file that lies outside.
    let mut image = Image::plain();
    let mut root = Image::dots(18, 2048);
    root.extend(record(b"OUT.;1", 23, 5000, 0, b""));
    image.put(18, &root);
    let found = image.open().unwrap().read("out", 10_000).unwrap_err().to_string();
    assert!(found.contains("`out` lies beyond the end"), "{found}");
    let found = image.open().unwrap().read("out", 100).unwrap_err();
    assert!(matches!(found, MediumError::TooLarge { size: 5000, limit: 100, .. }));
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["..", ".", "a/b", "a\0b", ""] {
        let mut image = Image::plain();
        let mut root = record(&[0], 18, 2048, 2, b"SP\x07\x01\xbe\xef\x00");
        root.extend(record(&[1], 18, 2048, 2, b""));
        let length = u8::try_from(5 + name.len()).unwrap();
        let field = [&[b'N', b'M', length, 1, 0], name.as_bytes()].concat();
        root.extend(record(b"X.;1", 21, 5, 0, &field));
        image.put(18, &root);
        let found = image.open().unwrap().list("/").unwrap_err().to_string();
        assert!(found.contains("is no file name"), "{found}");
    }
}

#[test]
fn loops_end() {
    // A directory that holds itself, and a continuation that goes on with itself.
    let mut image = Image::plain();
    let mut sub = Image::dots(19, 2048);
    sub.extend(record(b"SELF", 19, 2048, 2, b""));
    sub.extend(record(b"ROOT", 18, 2048, 2, b""));
    image.put(19, &sub);
    let paths: Vec<_> =
        image.open().unwrap().walk().unwrap().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/sub", "/readme.txt", "/sub/self", "/sub/root"]);
    assert!(image.open().unwrap().entry(&format!("sub/{}", "self/".repeat(50))).unwrap().is_some());

    let mut image = Image::plain();
    let field = ce(22, 0, 28);
    let mut root = record(&[0], 18, 2048, 2, b"SP\x07\x01\xbe\xef\x00");
    root.extend(record(b"X.;1", 21, 5, 0, &field));
    image.put(18, &root);
    image.put(22, &field);
    let found = image.open().unwrap().list("/").unwrap_err().to_string();
    assert!(found.contains("endless"), "{found}");
}

#[test]
fn a_directory_of_many_continuations_ends_in_time() {
    // 8 MB of records, each of which continues 16 times: far more work than its size suggests.
    let mut image = Image::plain();
    let field = ce(22, 0, 2048);
    let one = record(b"X", 21, 5, 0, &field);
    let mut root = record(&[0], 24, 8 << 20, 2, b"SP\x07\x01\xbe\xef\x00");
    while root.len() % 2048 + one.len() <= 2048 {
        root.extend(&one);
    }
    root.resize(2048, 0);
    image.put(22, &[ce(22, 0, 2048), vec![0; 2020]].concat());
    image.0.extend(root.repeat(4096));
    image.put_at(16 * 2048 + 80, &(24_u32 + 4096).to_le_bytes());
    image.put_at(16 * 2048 + 156, &record(&[0], 24, 8 << 20, 2, b""));
    let start = Instant::now();
    assert!(image.open().unwrap().list("/").is_err());
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_path_that_leads_in_circles_ends_in_time() {
    // A directory of 8 MiB that holds itself, and a path as a medium's own files may name it.
    let mut image = Image::plain();
    let own = record(b"X", 24, 8 << 20, 2, b"");
    image.0.extend(vec![0; 8 << 20]);
    image.put(24, &[record(&[0], 24, 8 << 20, 2, b""), own].concat());
    image.put_at(16 * 2048 + 80, &(24_u32 + 4096).to_le_bytes());
    image.put_at(16 * 2048 + 156, &record(&[0], 24, 8 << 20, 2, b""));
    let medium = image.open().unwrap();
    assert!(medium.entry("x/x/x").unwrap().is_some());
    let start = Instant::now();
    let found = medium.entry(&"x/".repeat(100_000)).unwrap_err().to_string();
    assert!(found.contains("more directories than any medium has"), "{found}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_file_is_no_larger_than_the_image() {
    let in_extents = |count: usize| {
        let mut root = Vec::new();
        for n in 0..=count {
            let flags = if n < count { 0x80 } else { 0 };
            let record = record(b"BIG.;1", 21, 2048, flags, b"");
            // None crosses a block's end.
            if root.len() % 2048 + record.len() > 2048 {
                root.resize(root.len().next_multiple_of(2048), 0);
            }
            root.extend(record);
        }
        root.resize(root.len().next_multiple_of(2048), 0);
        let mut image = Image::plain();
        let length = u32::try_from(root.len()).unwrap();
        image.put_at(16 * 2048 + 156, &record(&[0], 24, length, 2, b""));
        image.0.extend(root);
        image.open().unwrap()
    };
    let medium = in_extents(100);
    let entry = medium.entry("big").unwrap().unwrap();
    assert_eq!(entry.size(), 101 * 2048);
    let found = medium.reader(&entry).unwrap_err().to_string();
    assert!(found.contains("`big` is larger than the whole file"), "{found}");
    let found = in_extents(2000).list("/").unwrap_err().to_string();
    assert!(found.contains("a file has more than 1024 extents"), "{found}");
}

fn everything(bytes: Vec<u8>) {
    let Ok(medium) = Medium::from_bytes("x.iso", bytes) else { return };
    let _ = medium.el_torito();
    let _ = medium.system_area();
    let _ = TreeInfo::read(&medium);
    let _ = DiscInfo::read(&medium);
    let _ = PackageData::read(&medium, "");
    for (path, entry) in medium.walk().unwrap_or_default() {
        assert!(!path.contains("/../") && !path.ends_with("/.."));
        let _ = medium.entry(&path);
        if let Ok(mut reader) = medium.reader(&entry) {
            let mut some = [0; 100];
            let _ = reader.seek(SeekFrom::End(-50));
            let _ = reader.read(&mut some);
        }
    }
}

/// Few bytes wrong in a real structure reach deeper than random bytes do.
fn damage() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let interesting = prop_oneof![
        (16_usize * 2048..16 * 2048 + 200),
        (18_usize * 2048..18 * 2048 + 300),
        (19_usize * 2048..19 * 2048 + 200),
        (20_usize * 2048..20 * 2048 + 300),
        0_usize..1600,
        0_usize..24 * 2048,
    ];
    prop::collection::vec((interesting, any::<u8>()), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_images_never_panic(damage in damage(), boot: bool) {
        let mut image = Image::plain();
        image.isohybrid(21);
        image.gpt(4, 8);
        if boot {
            image.boot_record(20);
            image.put(20, &[&[1; 1][..], &[0; 29], &[0x55, 0xaa], &build::boot_entry(0x88, 4, 21)].concat());
        }
        for (at, byte) in damage {
            image.0[at] = byte;
        }
        everything(image.0);
    }

    #[test]
    fn damaged_rock_ridge_never_panics(area in prop::collection::vec(any::<u8>(), 0..150), more in prop::collection::vec(any::<u8>(), 0..2048)) {
        let mut image = Image::plain();
        let mut root = record(&[0], 18, 2048, 2, b"SP\x07\x01\xbe\xef\x00");
        root.extend(record(b"X.;1", 21, 5, 0, &[ce(22, 0, 2048), area].concat()));
        image.put(18, &root);
        image.put(22, &more);
        everything(image.0);
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let mut image = vec![0; 16 * 2048];
        image.extend(b"\x01CD001\x01");
        image.extend(bytes);
        everything(image);
    }
}
