//! Puts small images together by hand, right and wrong ones.

use super::super::{BLOCK, Medium, MediumError};

/// Blocks of a test image; its file is exactly that long.
const BLOCKS: u32 = 24;

pub struct Image(pub Vec<u8>);

impl Image {
    /// A root (block 18) with a directory (19) that holds a file (22), and a file (21).
    pub fn plain() -> Self {
        let mut image = Self(vec![0; BLOCKS as usize * 2048]);
        let mut primary = descriptor(1);
        primary[8..40].fill(b' ');
        primary[8..13].copy_from_slice(b"LINUX");
        primary[40..72].fill(b' ');
        primary[40..46].copy_from_slice(b"TEST 1");
        primary[80..84].copy_from_slice(&BLOCKS.to_le_bytes());
        primary[128..130].copy_from_slice(&2048_u16.to_le_bytes());
        primary[156..190].copy_from_slice(&record(&[0], 18, 2048, 2, b""));
        image.put(16, &primary);
        image.put(17, &descriptor(255));
        let mut root = Self::dots(18, 2048);
        root.extend(record(b"SUB", 19, 2048, 2, b""));
        root.extend(record(b"README.TXT;1", 21, 5, 0, b""));
        image.put(18, &root);
        let mut sub = Self::dots(19, 2048);
        sub.extend(record(b"DEEP.;1", 22, 1, 0, b""));
        image.put(19, &sub);
        image.put(21, b"hello");
        image.put(22, b"x");
        image
    }

    pub fn dots(block: u32, size: u32) -> Vec<u8> {
        [record(&[0], block, size, 2, b""), record(&[1], 18, 2048, 2, b"")].concat()
    }

    pub fn put(&mut self, block: usize, bytes: &[u8]) {
        let start = block * 2048;
        self.0[start..start + 2048].fill(0);
        self.put_at(start, bytes);
    }

    pub fn put_at(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub fn open(&self) -> Result<Medium, MediumError> {
        Medium::from_bytes("test.iso", self.0.clone())
    }

    /// Puts El Torito's descriptor between the primary one and the end; block 20 moves nothing.
    pub fn boot_record(&mut self, catalogue: u32) {
        // The primary descriptor may stand after others.
        let primary = self.0[16 * 2048..17 * 2048].to_vec();
        let mut boot = descriptor(0);
        boot[7..30].copy_from_slice(b"EL TORITO SPECIFICATION");
        boot[0x47..0x4b].copy_from_slice(&catalogue.to_le_bytes());
        self.put(16, &boot);
        self.put(17, &primary);
    }

    pub fn joliet(&mut self, label: &str) {
        let mut joliet = descriptor(2);
        joliet[88..91].copy_from_slice(b"%/E");
        let units: Vec<u8> = label.encode_utf16().flat_map(u16::to_be_bytes).collect();
        joliet[40..40 + units.len()].copy_from_slice(&units);
        self.put(17, &joliet);
    }

    pub fn isohybrid(&mut self, loader: u64) {
        self.put_at(0, &[0x33, 0xed]);
        self.put_at(432, &(loader * BLOCK / 512).to_le_bytes());
        self.put_at(440, &0x6acc_9bba_u32.to_le_bytes());
        self.put_at(446, &[0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 96, 0, 0, 0]);
        self.put_at(462, &[0, 0, 0, 0, 0xef, 0, 0, 0]);
        self.put_at(470, &444_u32.to_le_bytes());
        self.put_at(474, &17_600_u32.to_le_bytes());
        self.put_at(510, &[0x55, 0xaa]);
    }

    pub fn gpt(&mut self, first: u64, last: u64) {
        let mut entries = vec![0; 128 * 4];
        let kind = *b"\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b";
        entries[..16].copy_from_slice(&kind);
        entries[32..40].copy_from_slice(&first.to_le_bytes());
        entries[40..48].copy_from_slice(&last.to_le_bytes());
        entries[56..62].copy_from_slice(b"E\0F\0I\0");
        let mut header = vec![0; 512];
        header[..8].copy_from_slice(b"EFI PART");
        header[12..16].copy_from_slice(&92_u32.to_le_bytes());
        header[32..40].copy_from_slice(&95_u64.to_le_bytes());
        header[72..80].copy_from_slice(&2_u64.to_le_bytes());
        header[80..84].copy_from_slice(&4_u32.to_le_bytes());
        header[84..88].copy_from_slice(&128_u32.to_le_bytes());
        header[88..92].copy_from_slice(&crc(&entries).to_le_bytes());
        let sum = crc(&header[..92]);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        self.put_at(512, &header);
        self.put_at(1024, &entries);
    }
}

/// CRC-32, bit by bit: independent of the one that the reader uses.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn descriptor(kind: u8) -> Vec<u8> {
    let mut descriptor = vec![0; 2048];
    descriptor[0] = kind;
    descriptor[1..7].copy_from_slice(b"CD001\x01");
    descriptor
}

pub fn record(identifier: &[u8], block: u32, size: u32, flags: u8, system_use: &[u8]) -> Vec<u8> {
    let length = (33 + (identifier.len() | 1) + system_use.len()).next_multiple_of(2);
    let mut record = vec![0; length];
    record[0] = u8::try_from(length).unwrap();
    record[2..6].copy_from_slice(&block.to_le_bytes());
    record[6..10].copy_from_slice(&block.to_be_bytes());
    record[10..14].copy_from_slice(&size.to_le_bytes());
    record[14..18].copy_from_slice(&size.to_be_bytes());
    record[25] = flags;
    record[32] = u8::try_from(identifier.len()).unwrap();
    record[33..33 + identifier.len()].copy_from_slice(identifier);
    let start = 33 + (identifier.len() | 1);
    record[start..start + system_use.len()].copy_from_slice(system_use);
    record
}

pub fn boot_entry(indicator: u8, sectors: u16, block: u32) -> [u8; 32] {
    let mut entry = [0; 32];
    entry[0] = indicator;
    entry[6..8].copy_from_slice(&sectors.to_le_bytes());
    entry[8..12].copy_from_slice(&block.to_le_bytes());
    entry
}

pub fn section(header: u8, platform: u8, count: u16) -> [u8; 32] {
    let mut entry = [0; 32];
    entry[..2].copy_from_slice(&[header, platform]);
    entry[2..4].copy_from_slice(&count.to_le_bytes());
    entry
}
