//! Media and what lies on them, for any bytes at all: the reader, what is told of a medium, the EFI boot image and the boot menus.
//! `targets/medium.rs` gives it to libFuzzer, `tests/corpus` replays what that found.
//!
//! The first byte of an input says what the rest is: `I` an ISO image, `F` a FAT image, `S` an isolinux.cfg, `G` a grub.cfg, `P` the
//! package list and the groups of a medium. Images are [folded](fold), so that an input is short and a byte more moves one block only.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::time::Duration;

use trainyard::digest::Digest;
use trainyard::iso::{contents, diff_media, efiboot, inspect_medium};
use trainyard::medium::packages::PackageData;
use trainyard::medium::tree::{DiscInfo, TreeInfo};
use trainyard::medium::{Entry, Medium};
use trainyard::render::boot_menu::{
    BootEntry, BootMenuError, Menu, Serial, UnattendedEntry, grub, isolinux, restore,
};

/// What stands for zeros to the end of a block, and between two documents.
pub const ZEROS: &[u8] = b"#~#";
/// Bytes of a block of a medium.
const BLOCK: usize = 2048;
/// Where the volume descriptors begin; of the blocks before them an input has the first only.
const DESCRIPTORS: usize = 16;
/// Bytes of the longest ISO image, and of the longest FAT image. FAT16 begins with 2 MiB.
const LONGEST: [usize; 2] = [1 << 20, 4 << 20];
/// Names and bytes of a medium that are looked at one by one.
const LOOKED_AT: usize = 40;
const READ: u64 = 256 << 10;

/// The menu inside the EFI boot image.
const INNER_MENU: &str = "EFI/BOOT/grub.cfg";

/// Takes an input where it belongs.
///
/// # Panics
/// Something does not hold.
pub fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind {
        b'I' => iso(unfold_iso(rest)),
        b'F' => fat(unfold_fat(rest)),
        b'S' => menu(rest, isolinux::entries, isolinux::timeout, isolinux::edit),
        b'G' => menu(rest, grub::entries, grub::timeout, grub::edit),
        b'P' => packages(rest),
        _ => {}
    }
}

/// The input that stands for an ISO image.
#[allow(dead_code, reason = "only seeds are folded")]
pub fn fold_iso(image: &[u8]) -> Vec<u8> {
    let (first, rest) = (&image[..BLOCK], &image[DESCRIPTORS * BLOCK..]);
    [b"I", &fold(first, BLOCK)[..], &fold(rest, BLOCK)].concat()
}

/// The input that stands for a FAT image.
#[allow(dead_code, reason = "only seeds are folded")]
pub fn fold_fat(image: &[u8]) -> Vec<u8> {
    [b"F", &fold(image, 512)[..]].concat()
}

/// Zeros at a block's end become [`ZEROS`].
fn fold(image: &[u8], block: usize) -> Vec<u8> {
    let mut folded = Vec::new();
    for block in image.chunks(block) {
        let length = block.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        folded.extend(&block[..length]);
        if length < block.len() {
            folded.extend(ZEROS);
        }
    }
    // An image is as long as it says.
    while folded.ends_with(ZEROS) {
        folded.truncate(folded.len() - ZEROS.len());
    }
    folded
}

fn unfold(mut folded: &[u8], block: usize, longest: usize) -> Vec<u8> {
    let mut image = Vec::new();
    while image.len() < longest {
        let Some(at) = folded.windows(ZEROS.len()).position(|window| window == ZEROS) else {
            image.extend(folded);
            break;
        };
        image.extend(&folded[..at]);
        image.resize((image.len() / block + 1) * block, 0);
        folded = &folded[at + ZEROS.len()..];
    }
    image.resize(image.len().next_multiple_of(block).min(longest), 0);
    image
}

fn long(image: &[u8], at: usize) -> usize {
    let bytes = image.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
}

fn word(image: &[u8], at: usize) -> usize {
    long(image, at) & 0xffff
}

/// An image as long as it says, so that none is refused for that alone.
fn unfold_iso(folded: &[u8]) -> Vec<u8> {
    let mut image = unfold(folded, BLOCK, LONGEST[0]);
    let rest = image.split_off(BLOCK.min(image.len()));
    image.resize(DESCRIPTORS * BLOCK, 0);
    image.extend(rest);
    let says = long(&image, DESCRIPTORS * BLOCK + 80).saturating_mul(BLOCK);
    image.resize(image.len().max(says.min(LONGEST[0])), 0);
    image
}

fn unfold_fat(folded: &[u8]) -> Vec<u8> {
    let mut image = unfold(folded, 512, LONGEST[1]);
    let sectors = if word(&image, 19) == 0 { long(&image, 32) } else { word(&image, 19) };
    let says = sectors.saturating_mul(word(&image, 11));
    image.resize(image.len().max(says.min(LONGEST[1])), 0);
    image
}

fn iso(image: Vec<u8>) {
    let Ok(medium) = Medium::from_bytes("x.iso", image) else { return };
    let _ = (medium.label(), medium.joliet_label(), medium.has_rock_ridge());
    if let Ok(catalogue) = medium.el_torito() {
        let _ = format!("{catalogue:?}");
    }
    let _ = format!("{:?}", medium.system_area());
    let _ = (TreeInfo::read(&medium), DiscInfo::read(&medium));
    if let Ok(data) = PackageData::read(&medium, "") {
        let _ = data.missing(&["@core", "@^minimal", "chrony", "*"]);
    }
    let tree = medium.walk();
    if let Ok(tree) = &tree {
        for (path, entry) in tree.iter().take(LOOKED_AT) {
            name(&medium, path, entry);
        }
    }
    if let Ok(found) = inspect_medium(&medium) {
        let told = serde_json::to_string(&found).expect("an inspection is data");
        assert!(told.len() < 4 << 20, "{} bytes are told of a medium", told.len());
    }
    if let Ok(places) = contents(&medium) {
        let in_order = places.windows(2).all(|two| two[0].end < two[1].start);
        let inside =
            |place: &Range<u64>| place.start < place.end && place.end <= medium.volume_size();
        assert!(in_order && places.iter().all(inside), "{places:?}");
    }
    if let Ok(found) = diff_media(&[medium.clone(), medium.clone()], |_| ()) {
        assert!(found.is_empty(), "a medium differs from itself: {found:?}");
    }
}

/// What a name stands for, and its content from any position. Another name may be spelt the same.
fn name(medium: &Medium, path: &str, entry: &Entry) {
    assert!(path.split('/').all(|step| step != "." && step != ".."), "{path}");
    let _ = (medium.entry(path), medium.list(path), medium.read(path, READ));
    let Ok(mut reader) = medium.reader(entry) else { return };
    let (size, mut some) = (reader.size(), Vec::new());
    let count = (&mut reader).take(READ).read_to_end(&mut some).expect("bytes in memory");
    assert_eq!(count as u64, size.min(READ), "{path} has {size} bytes");
    let from = count / 2;
    reader.seek(SeekFrom::Start(from as u64)).expect("a position");
    let mut rest = Vec::new();
    reader.take((count - from) as u64).read_to_end(&mut rest).expect("bytes in memory");
    assert!(rest == some[from..], "{path} reads otherwise from its middle");
}

/// A file of the image is replaced, or the image stays as it was.
fn fat(image: Vec<u8>) {
    let before = efiboot::read_file(&image, INNER_MENU);
    let lengths = [600, before.as_ref().map_or(0, Vec::len) + 5000];
    for length in lengths {
        let mut after = image.clone();
        match efiboot::replace_file(&mut after, INNER_MENU, &vec![b'x'; length]) {
            Ok(_) => {
                let read = efiboot::read_file(&after, INNER_MENU).expect("what was written");
                assert!(read == vec![b'x'; length], "{} bytes read back", read.len());
            }
            Err(error) => {
                assert!(after == image, "{error}, and the image has changed");
                assert!(error.to_string().len() < 1 << 20, "a long error");
            }
        }
    }
}

/// A menu to which entries were added starts the first of them, has all others as before, and gives the original back.
fn menu(
    text: &[u8],
    entries: fn(&str) -> Vec<BootEntry>,
    timeout: fn(&str) -> Option<Duration>,
    edit: fn(&str, &Menu, &str) -> Result<String, BootMenuError>,
) {
    const MARKER: &str = "trainyard";
    let text = String::from_utf8_lossy(text);
    let _ = (timeout(&text), restore(&text, MARKER));
    let before = entries(&text);
    let entry = |title: &str| UnattendedEntry {
        title: title.into(),
        extra_arguments: vec![r"inst.ks=hd:LABEL=a\x20b:/ks.cfg".into(), "a=1;b".into()],
        removed_arguments: vec!["quiet".into(), "rhgb=1".into()],
    };
    let menu = Menu {
        entries: vec![entry("Install 'controller' (erases the disk)"), entry("Install compute1")],
        timeout: Some(5),
        title: None,
        serial: None,
        password: None,
        label: None,
    };
    let edited = match edit(&text, &menu, MARKER) {
        Ok(edited) => edited,
        Err(error) => return assert!(error.to_string().len() < 1 << 20, "a long error"),
    };
    assert_eq!(restore(&edited, MARKER).as_deref(), Some(&*text), "the original comes back");
    assert_eq!(timeout(&edited), Some(Duration::from_secs(5)), "{edited}");
    let after = entries(&edited);
    let (added, kept) = after.split_at(menu.entries.len());
    for (added, wanted) in added.iter().zip(&menu.entries) {
        let is_whole = added.arguments.ends_with(&wanted.extra_arguments);
        assert!(is_whole && added.title == wanted.title, "{added:?}\n{edited}");
    }
    let defaults: Vec<bool> = after.iter().map(|entry| entry.default).collect();
    assert!(defaults[0] && !defaults[1..].contains(&true), "another entry starts:\n{edited}");
    let undecided = before.into_iter().map(|entry| BootEntry { default: false, ..entry });
    assert!(kept.iter().cloned().eq(undecided), "an entry is otherwise than before:\n{edited}");
    assert!(edit(&edited, &menu, MARKER).is_err(), "it is edited twice");

    // With all that a menu may have the same holds, as far as it can be had.
    let all = Menu {
        timeout: None,
        title: Some("Rack 3".into()),
        serial: Some(Serial { unit: 2, speed: 9600 }),
        label: Some(("CentOS 7 x86_64".into(), "RACK3".into())),
        ..menu
    };
    if let Ok(edited) = edit(&text, &all, MARKER) {
        assert_eq!(restore(&edited, MARKER).as_deref(), Some(&*text), "the original comes back");
        assert_eq!(timeout(&edited), None, "{edited}");
        assert_eq!(entries(&edited).len(), after.len(), "{edited}");
    }
}

/// Package data whose digests are right, which no fuzzer would find.
fn packages(documents: &[u8]) {
    let cut = documents.windows(ZEROS.len()).position(|window| window == ZEROS);
    let (primary, groups) = cut
        .map_or((documents, &[][..]), |cut| (&documents[..cut], &documents[cut + ZEROS.len()..]));
    let data = |kind: &str, content: &[u8]| {
        format!(
            "<data type='{kind}'><checksum type='sha256'>{}</checksum><location href='repodata/{kind}.xml'/></data>",
            Digest::of(content)
        )
    };
    let index = format!("<repomd>{}{}</repomd>", data("primary", primary), data("group", groups));
    let medium = medium(&[
        ("REPOMD.XML;1", index.as_bytes()),
        ("PRIMARY.XML;1", primary),
        ("GROUP.XML;1", groups),
    ]);
    match PackageData::read(&medium, "") {
        Ok(data) => {
            let _ = data.missing(&["@core", "@^minimal", "chrony", "a*b[c-d]?"]);
        }
        Err(error) => {
            let error = error.to_string();
            assert!(!error.contains("damaged") && error.len() < 1 << 20, "{error}");
        }
    }
}

/// A medium with these files in `repodata`.
fn medium(files: &[(&str, &[u8])]) -> Medium {
    let (root, folder, mut next) = (18, 19, 20);
    let mut image = vec![0; next * BLOCK];
    let mut listing = [record("\0", folder, BLOCK, 2), record("\x01", root, BLOCK, 2)].concat();
    for (name, content) in files {
        listing.extend(record(name, next, content.len(), 0));
        image.extend(*content);
        image.resize(image.len().next_multiple_of(BLOCK), 0);
        next = image.len() / BLOCK;
    }
    let dots = [record("\0", root, BLOCK, 2), record("\x01", root, BLOCK, 2)].concat();
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(16 * BLOCK, b"\x01CD001\x01");
    put(16 * BLOCK + 80, &u32::try_from(next).expect("a small medium").to_le_bytes());
    put(16 * BLOCK + 128, &[0, 8]);
    put(16 * BLOCK + 156, &record("\0", root, BLOCK, 2));
    put(17 * BLOCK, b"\xffCD001\x01");
    put(root * BLOCK, &[dots, record("REPODATA", folder, BLOCK, 2)].concat());
    put(folder * BLOCK, &listing);
    Medium::from_bytes("x.iso", image).expect("a medium")
}

/// A directory record (ECMA-119, section 9.1).
fn record(name: &str, block: usize, size: usize, flags: u8) -> Vec<u8> {
    let number = |number: usize| u32::try_from(number).expect("a small medium").to_le_bytes();
    let mut record = vec![0; 33 + (name.len() | 1)];
    record[0] = u8::try_from(record.len()).expect("a short name");
    record[2..6].copy_from_slice(&number(block));
    record[10..14].copy_from_slice(&number(size));
    record[25] = flags;
    record[32] = u8::try_from(name.len()).expect("a short name");
    record[33..33 + name.len()].copy_from_slice(name.as_bytes());
    record
}
