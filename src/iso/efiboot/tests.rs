//! Images made by mkfs.vfat and mtools, and judged by mtools and fsck.vfat.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const GRUB_CFG: &str = "EFI/BOOT/grub.cfg";

fn run(program: &str, arguments: &[&str]) -> Output {
    let output =
        Command::new(program).args(arguments).env("MTOOLS_SKIP_CHECK", "1").output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&text));
    output
}

/// An image of a medium's layout: label, folders, a boot loader, a font and a grub.cfg of 1,320 bytes.
struct Image {
    folder: TempDir,
    file: PathBuf,
}

impl Image {
    fn new(kib: u32, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("efiboot.img");
        let size = kib.to_string();
        let name = file.to_str().unwrap();
        let arguments: Vec<&str> =
            ["-n", "ANACONDA", "-i", "1234abcd"].iter().chain(options).copied().collect();
        run("mkfs.vfat", &[&arguments[..], &["-C", name, &size]].concat());
        let image = Self { folder, file };
        image.mtools("mmd", &["::EFI", "::EFI/BOOT", "::EFI/BOOT/fonts"]);
        image.copy_in("BOOTX64.EFI", &pattern(100_000, 1), "::EFI/BOOT/BOOTX64.EFI");
        image.copy_in("grub.cfg", &pattern(1320, 2), "::EFI/BOOT/grub.cfg");
        image.copy_in("unicode.pf2", &pattern(30_000, 3), "::EFI/BOOT/fonts/unicode.pf2");
        image
    }

    fn mtools(&self, program: &str, arguments: &[&str]) -> Output {
        run(program, &[&["-i", self.file.to_str().unwrap()], arguments].concat())
    }

    fn copy_in(&self, name: &str, content: &[u8], target: &str) {
        let source = self.folder.path().join(name);
        fs::write(&source, content).unwrap();
        self.mtools("mcopy", &["-o", source.to_str().unwrap(), target]);
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.file).unwrap()
    }

    /// Writes the changed image back and lets the other programs judge it.
    fn judge(&self, image: &[u8], grub_cfg: &[u8]) {
        fs::write(&self.file, image).unwrap();
        let output = run("fsck.vfat", &["-n", "-v", self.file.to_str().unwrap()]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains("dirty") && !text.contains("differ"), "{text}");
        for (path, content) in [
            ("::EFI/BOOT/grub.cfg", grub_cfg.to_vec()),
            ("::EFI/BOOT/BOOTX64.EFI", pattern(100_000, 1)),
            ("::EFI/BOOT/fonts/unicode.pf2", pattern(30_000, 3)),
        ] {
            assert_eq!(self.mtools("mtype", &[path]).stdout, content, "{path}");
        }
        let listing = String::from_utf8(self.mtools("mdir", &["-/", "::"]).stdout).unwrap();
        assert!(listing.contains("Volume in drive : is ANACONDA"), "{listing}");
        assert!(listing.contains("Volume Serial Number is 1234-ABCD"), "{listing}");
    }
}

fn pattern(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 31 % 251).unwrap() ^ seed).collect()
}

#[test]
fn a_file_that_fits_stays_where_it_is() {
    for (kib, options) in [
        (1440, &[][..]),
        (9000, &[]),
        (9000, &["-F", "16", "-s", "4"]),
        (40_000, &["-F", "32", "-s", "1"]),
    ] {
        let image = Image::new(kib, options);
        let before = image.bytes();
        assert_eq!(read_file(&before, "/efi/boot/GRUB.CFG").unwrap(), pattern(1320, 2));
        // Shorter and a little longer within its last cluster of 2,048 bytes (512 bytes on FAT32).
        for length in [1320, 1000, 1536] {
            let mut after = before.clone();
            let content = pattern(length, 9);
            let replaced = replace_file(&mut after, GRUB_CFG, &content).unwrap();
            let Replaced::InPlace { sectors } = replaced else { panic!("{replaced:?}") };
            // The content, and the directory entry where the length differs. A cluster that is given back
            // also changes both tables, and on FAT32 the count of free ones.
            let room = Room::read(&before).unwrap();
            let fewer = room.clusters(1320) > room.clusters(length);
            let given_back = if fewer { 2 + usize::from(options.contains(&"32")) } else { 0 };
            let entry = usize::from(length != 1320);
            assert_eq!(sectors, length.div_ceil(SECTOR) + entry + given_back, "{kib} {length}");
            assert_eq!(sectors, changed(&before, &after));
            assert_eq!(before.len(), after.len());
            image.judge(&after, &content);
            assert_eq!(read_file(&after, GRUB_CFG).unwrap(), content);
        }
    }
}

#[test]
fn the_same_content_changes_nothing() {
    let image = Image::new(1440, &[]);
    let mut after = image.bytes();
    assert_eq!(
        replace_file(&mut after, GRUB_CFG, &pattern(1320, 2)).unwrap(),
        Replaced::InPlace { sectors: 0 }
    );
    assert_eq!(after, image.bytes());
}

#[test]
fn a_longer_file_takes_free_clusters_and_a_shorter_one_gives_them_back() {
    let image = Image::new(1440, &["-s", "1"]);
    let mut bytes = image.bytes();
    let long = pattern(5000, 4);
    let replaced = replace_file(&mut bytes, GRUB_CFG, &long).unwrap();
    assert!(matches!(replaced, Replaced::Grown { clusters: 7, sectors: 11..=16 }), "{replaced:?}");
    image.judge(&bytes, &long);
    let replaced = replace_file(&mut bytes, GRUB_CFG, b"").unwrap();
    assert!(matches!(replaced, Replaced::InPlace { .. }), "{replaced:?}");
    image.judge(&bytes, b"");
    replace_file(&mut bytes, GRUB_CFG, &long).unwrap();
    image.judge(&bytes, &long);
}

#[test]
fn a_full_image_is_made_anew() {
    for options in [&["-s", "4"][..], &["-s", "1", "-r", "112"], &["-F", "16", "-s", "1"]] {
        let image = Image::new(3000, options);
        // Leave no cluster free.
        let free = Room::read(&image.bytes()).unwrap();
        let length = usize::try_from(free.free * free.cluster).unwrap();
        image.copy_in("a long name.bin", &pattern(length, 5), "::EFI/a long name.bin");
        let mut bytes = image.bytes();
        assert_eq!(Room::read(&bytes).unwrap().free, 0);
        let content = pattern(6000, 6);
        let replaced = replace_file(&mut bytes, GRUB_CFG, &content).unwrap();
        let Replaced::Rebuilt { from, to } = replaced else { panic!("{replaced:?}") };
        assert!(
            from == 3000 * 1024 && to == bytes.len() && to > from && to % 2048 == 0,
            "{from} {to}"
        );
        assert!(to - from < 400 << 10, "{to}");
        let before = image.mtools("mdir", &["-a", "::EFI/BOOT"]).stdout;
        image.judge(&bytes, &content);
        assert_eq!(image.mtools("mtype", &["::EFI/a long name.bin"]).stdout, pattern(length, 5));
        let dates = |listing: &[u8]| -> Vec<String> {
            let text = String::from_utf8_lossy(listing).into_owned();
            text.lines()
                .filter(|line| line.contains("BOOTX64"))
                .map(|line| line[..40].to_owned())
                .collect()
        };
        assert_eq!(dates(&before), dates(&image.mtools("mdir", &["-a", "::EFI/BOOT"]).stdout));
        // The next change has room.
        let replaced = replace_file(&mut bytes, GRUB_CFG, &pattern(20_000, 7)).unwrap();
        assert!(matches!(replaced, Replaced::Grown { .. }), "{replaced:?}");
        image.judge(&bytes, &pattern(20_000, 7));
    }
}

#[test]
fn the_result_depends_on_nothing_else() {
    let image = Image::new(1440, &[]);
    let (mut one, mut two) = (image.bytes(), image.bytes());
    replace_file(&mut one, GRUB_CFG, b"menu").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    replace_file(&mut two, GRUB_CFG, b"menu").unwrap();
    assert_eq!(one, two);
}

#[test]
fn what_is_refused() {
    let image = Image::new(1440, &[]);
    let mut bytes = image.bytes();
    let error = replace_file(&mut bytes, "EFI/BOOT/grub.conf", b"x").unwrap_err().to_string();
    let expected = "the EFI boot image has no `EFI/BOOT/grub.conf`; its files are: EFI/BOOT/BOOTX64.EFI, \
                    EFI/BOOT/fonts/unicode.pf2, EFI/BOOT/grub.cfg";
    assert_eq!(error, expected);
    assert!(
        matches!(read_file(&bytes, "EFI/BOOT"), Err(EfibootError::NotFound { .. })),
        "a directory is no file"
    );
    assert_eq!(bytes, image.bytes());
    for bad in [Vec::new(), vec![0; 100_000], b"short".to_vec()] {
        let error = read_file(&bad, GRUB_CFG).unwrap_err().to_string();
        assert!(
            error.starts_with("the EFI boot image is damaged: it has no boot sector; "),
            "{error}"
        );
    }
    bytes.truncate(700_000);
    let error = read_file(&bytes, GRUB_CFG).unwrap_err().to_string();
    assert!(error.contains("it says 1474560 bytes and has 700000"), "{error}");
}

#[test]
fn more_than_an_image_for_booting_has() {
    let image = Image::new(3000, &["-r", "1120"]);
    image.copy_in("large", &pattern((1 << 20) + 1, 1), "::large");
    let mut bytes = image.bytes();
    let error = read_file(&bytes, "LARGE").unwrap_err().to_string();
    assert_eq!(error, "`large` in the EFI boot image has 1048577 bytes, more than 1048576");
    let root = first_data_byte(&bytes) - 1120 * 32;
    // Empty files.
    for (n, entry) in bytes[root..].chunks_exact_mut(32).take(1120).enumerate() {
        if entry[0] == 0 {
            entry.fill(0);
            entry[..11].copy_from_slice(format!("{n:<11}").as_bytes());
        }
    }
    let error = read_file(&bytes, GRUB_CFG).unwrap_err().to_string();
    assert!(error.contains("it has more than 1000 files"), "{error}");
}

#[test]
fn a_ring_of_clusters_is_found() {
    let image = Image::new(1440, &["-s", "1"]);
    let mut bytes = image.bytes();
    // EFI/ lies in cluster 2; FAT12's entry for it shares bytes 3 and 4 of the table with cluster 3's.
    bytes[512 + 3] = 2;
    bytes[512 + 4] &= 0xf0;
    let data = first_data_byte(&bytes);
    assert_eq!(&bytes[data..data + 11], b".          ");
    let error = read_file(&bytes, GRUB_CFG).unwrap_err().to_string();
    assert!(error.contains("cluster 2 belongs to two chains, or to a ring"), "{error}");
}

fn first_data_byte(image: &[u8]) -> usize {
    let word = |at: usize| usize::from(u16::from_le_bytes([image[at], image[at + 1]]));
    (word(14) + usize::from(image[16]) * word(22)) * 512 + word(17) * 32
}

fn damaged(damage: &[(usize, u8)], base: &[u8]) {
    let mut image = base.to_vec();
    for &(at, byte) in damage {
        image[at] = byte;
    }
    let _ = read_file(&image, GRUB_CFG);
    let before = image.clone();
    if replace_file(&mut image, GRUB_CFG, &[b'x'; 4000]).is_ok() {
        assert_eq!(read_file(&image, GRUB_CFG).unwrap(), [b'x'; 4000]);
    } else {
        assert_eq!(image, before, "a failed change leaves the image as it was");
    }
}

#[test]
fn damaged_images_end_in_an_error() {
    let base = small();
    let data = first_data_byte(&base);
    let places =
        prop_oneof![0_usize..64, 512_usize..600, data - 7168..data - 6900, data..data + 1600];
    let config =
        ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&prop::collection::vec((places, any::<u8>()), 1..8), |damage| {
            damaged(&damage, &base);
            Ok(())
        })
        .unwrap();
}

/// A small image, so that many damaged ones can be tried.
fn small() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.img");
    let name = file.to_str().unwrap();
    run("mkfs.vfat", &["-s", "1", "-C", name, "64"]);
    run("mmd", &["-i", name, "::EFI", "::EFI/BOOT"]);
    let menu = folder.path().join("grub.cfg");
    fs::write(&menu, pattern(1320, 2)).unwrap();
    run("mcopy", &["-i", name, menu.to_str().unwrap(), "::EFI/BOOT/grub.cfg"]);
    read(Path::new(name))
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}
