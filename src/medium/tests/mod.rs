mod build;
mod hostile;
mod real;

use std::io::{Read, Seek, SeekFrom};

use super::*;
use build::{Image, record};

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(Entry::name).collect()
}

#[test]
fn plain_iso_names_are_lower_case_without_version() {
    let medium = Image::plain().open().unwrap();
    assert_eq!(medium.label(), "TEST 1");
    assert_eq!(medium.volume_size(), 24 * BLOCK);
    assert!(!medium.has_rock_ridge());
    assert_eq!(names(&medium.list("/").unwrap()), ["sub", "readme.txt"]);
    assert_eq!(medium.read("README.TXT", 100).unwrap(), b"hello");
    assert_eq!(
        medium.read("/sub/../readme.txt", 100).unwrap_err().to_string(),
        not_found("/sub/../readme.txt")
    );
    assert_eq!(names(&medium.list("SUB").unwrap()), ["deep"]);
}

fn not_found(path: &str) -> String {
    format!("`test.iso` has no `{path}`; is it an installation medium of the expected kind?")
}

#[test]
fn a_file_in_several_extents_is_one_file() {
    let mut image = Image::plain();
    let mut root = Image::dots(18, 2048);
    root.extend(record(b"BIG.BIN;1", 21, 2048, 0x80, b""));
    root.extend(record(b"BIG.BIN;1", 23, 3, 0, b""));
    image.put(18, &root);
    image.put(21, &[b'a'; 2048]);
    image.put(23, b"end");
    let medium = image.open().unwrap();
    let entry = medium.entry("big.bin").unwrap().unwrap();
    assert_eq!(entry.size(), 2051);
    let mut reader = medium.reader(&entry).unwrap();
    reader.seek(SeekFrom::Start(2046)).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "aaend");
    assert_eq!(reader.seek(SeekFrom::End(-2)).unwrap(), 2049);
    text.clear();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "nd");
    assert!(reader.seek(SeekFrom::Current(-3000)).is_err());
    assert_eq!(reader.seek(SeekFrom::Start(9999)).unwrap(), 9999);
    assert_eq!(reader.read(&mut [0; 4]).unwrap(), 0);
}

#[test]
fn rock_ridge_names_links_and_relocation() {
    let mut image = Image::plain();
    let mut dot = record(&[0], 18, 2048, 2, b"SP\x07\x01\xbe\xef\x00");
    dot.extend(record(&[1], 18, 2048, 2, b""));
    // The name goes on in a continuation at block 22, byte 10.
    let continuation = [&b"NM\x0b\x01\x01Long n"[..], &ce(22, 10, 13)].concat();
    dot.extend(record(b"LONG.;1", 21, 5, 0, &continuation));
    let symlink = b"NM\x09\x01\x00linkSL\x0e\x01\x00\x08\x00\x00\x03etc\x04\x00";
    dot.extend(record(b"LINK.;1", 0, 0, 0, symlink));
    let child = [&b"NM\x08\x01\x00far"[..], b"CL\x0c\x01", &19_u32.to_le_bytes(), &[0; 4]].concat();
    dot.extend(record(b"FAR.;1", 0, 0, 0, &child));
    dot.extend(record(b"MOVED", 19, 2048, 2, b"RE\x04\x01"));
    let device =
        [&b"NM\x08\x01\x00nul"[..], b"PX\x0c\x01", &0o020_666_u32.to_le_bytes(), &[0; 4]].concat();
    dot.extend(record(b"NUL.;1", 0, 0, 0, &device));
    image.put(18, &dot);
    image.put(22, &[&[0xff; 10][..], b"NM\x0d\x01\x00ame.txt!"].concat());
    let medium = image.open().unwrap();
    assert!(medium.has_rock_ridge());
    let entries = medium.list("").unwrap();
    assert_eq!(names(&entries), ["Long name.txt!", "link", "far", "nul"]);
    assert_eq!(entries[1].kind(), &EntryKind::Symlink("/etc/..".into()));
    assert_eq!(entries[3].kind(), &EntryKind::Special);
    assert_eq!(entries[3].mode(), Some(0o020_666));
    assert_eq!(names(&medium.list("far").unwrap()), ["deep"]);
    assert!(medium.entry("LONG NAME.TXT!").unwrap().is_none(), "Rock Ridge names keep their case");
    assert!(matches!(
        medium.read("link", 10),
        Err(MediumError::WrongKind { found: "a symbolic link", .. })
    ));
    let paths: Vec<String> = medium.walk().unwrap().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/Long name.txt!", "/link", "/far", "/nul", "/far/deep"]);
}

fn ce(block: u32, offset: u32, length: u32) -> Vec<u8> {
    let mut field = b"CE\x1c\x01".to_vec();
    for number in [block, offset, length] {
        field.extend(number.to_le_bytes());
        field.extend(number.to_be_bytes());
    }
    field
}

#[test]
fn the_boot_catalogue_with_hidden_and_named_images() {
    let mut image = Image::plain();
    image.boot_record(20);
    let mut catalogue = vec![0; 2048];
    catalogue[..2].copy_from_slice(&[1, 0]);
    catalogue[28..32].copy_from_slice(&[0xaa, 0x55, 0x55, 0xaa]);
    catalogue[32..64].copy_from_slice(&build::boot_entry(0x88, 4, 21));
    catalogue[64..96].copy_from_slice(&build::section(0x91, 0xef, 2));
    catalogue[96..128].copy_from_slice(&build::boot_entry(0x88, 17_600, 23));
    catalogue[128] = 0x44;
    catalogue[160..192].copy_from_slice(&build::boot_entry(0x00, 1, 24));
    image.put(20, &catalogue);
    let found = image.open().unwrap().el_torito().unwrap().unwrap();
    assert_eq!((found.block, found.checksum_valid, found.images.len()), (20, true, 3));
    let bios = &found.images[0];
    assert_eq!(
        (bios.platform, bios.bootable, bios.emulation),
        (Platform::Bios, true, Emulation::None)
    );
    assert_eq!((bios.block, bios.load_sectors, bios.path.as_deref()), (21, 4, Some("/readme.txt")));
    let uefi: Vec<_> = found.bootable(Platform::Uefi).collect();
    assert_eq!(uefi.len(), 1);
    assert_eq!((uefi[0].block, uefi[0].load_sectors, &uefi[0].path), (23, 17_600, &None));
}

#[test]
fn partition_tables() {
    let mut image = Image::plain();
    assert_eq!(image.open().unwrap().system_area().unwrap(), SystemArea { mbr: None, gpt: None });
    image.isohybrid(21);
    image.put_at(21 * 2048 + 64, &[0xfb, 0xc0, 0x78, 0x70]);
    image.gpt(444, 18_043);
    let area = image.open().unwrap().system_area().unwrap();
    let mbr = area.mbr.unwrap();
    assert_eq!(mbr.disk_id, 0x6acc_9bba);
    assert!(mbr.isohybrid);
    let expected = [
        MbrPartition { number: 1, active: true, kind: 0, start: 0, sectors: 96 },
        MbrPartition { number: 2, active: false, kind: 0xef, start: 444, sectors: 17_600 },
    ];
    assert_eq!(mbr.partitions, expected);
    let gpt = area.gpt.unwrap();
    assert!(gpt.header_valid && gpt.entries_valid && !gpt.backup_found);
    assert_eq!(gpt.partitions.len(), 1);
    assert_eq!(gpt.partitions[0].kind, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    assert_eq!(
        (gpt.partitions[0].name.as_str(), gpt.partitions[0].first, gpt.partitions[0].last),
        ("EFI", 444, 18_043)
    );

    image.put_at(512 + 24, &[9]);
    image.put_at(1024 + 32, &[9]);
    image.put_at(21 * 2048 + 64, &[0]);
    let area = image.open().unwrap().system_area().unwrap();
    assert!(!area.mbr.unwrap().isohybrid);
    let gpt = area.gpt.unwrap();
    assert!(!gpt.header_valid && !gpt.entries_valid);
}

#[test]
fn readers_may_go_to_other_threads() {
    fn assert_sendable<T: Send + Sync + Clone + 'static>() {}
    assert_sendable::<Medium>();
    assert_sendable::<FileReader>();
}

#[test]
fn joliet_and_identifiers() {
    let mut image = Image::plain();
    image.joliet("Other");
    let medium = image.open().unwrap();
    assert_eq!(medium.joliet_label(), Some("Other"));
    assert_eq!(medium.system_id(), "LINUX");
    assert_eq!(medium.application_id(), "");
}
