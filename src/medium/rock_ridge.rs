//! Rock Ridge (IEEE P1282) in the system use areas of SUSP (IEEE P1281): real names, modes and links.

use super::bytes::{u8_at, u32_at};
use super::device::Device;
use super::{BLOCK, MediumError};

/// A name longer than any file system's.
const LONGEST_NAME: usize = 1024;
/// As Linux's `PATH_MAX`.
const LONGEST_TARGET: usize = 4096;
/// Continuations of one record; mkisofs writes one, seldom two.
const MOST_CONTINUATIONS: usize = 16;
/// Bytes of continuations that are read for one directory.
const CONTINUATION_BYTES: usize = 8 << 20;

/// What one record's system use area says.
#[derive(Debug, Default)]
pub(super) struct RockRidge {
    pub name: Option<Vec<u8>>,
    pub mode: Option<u32>,
    pub symlink: Option<String>,
    /// The block of a directory that was moved elsewhere; the record itself is only its place holder.
    pub child: Option<u32>,
    /// This is the place to which a deep directory was moved: not to be listed.
    pub relocated: bool,
}

/// How much continuation one directory has used, and the block that was read last: continuations of
/// neighbouring records lie side by side.
#[derive(Debug, Default)]
pub(super) struct Continuations {
    used: usize,
    last: Option<(u32, Vec<u8>)>,
}

impl Continuations {
    fn read(&mut self, device: &Device, area: Area, at: u64) -> Result<Vec<u8>, MediumError> {
        // Even an empty continuation costs a read, so none is free.
        self.used += area.length.max(64);
        if self.used > CONTINUATION_BYTES || area.offset + area.length > 2048 {
            return Err(device.damaged(at, "a Rock Ridge continuation makes no sense"));
        }
        if self.last.as_ref().is_none_or(|(block, _)| *block != area.block) {
            let bytes =
                device.read(u64::from(area.block) * BLOCK, 2048, "a Rock Ridge continuation")?;
            self.last = Some((area.block, bytes));
        }
        let block = self.last.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        Ok(block.get(area.offset..area.offset + area.length).unwrap_or(&[]).to_vec())
    }
}

/// Where more of a system use area lies.
#[derive(Clone, Copy, Debug)]
struct Area {
    block: u32,
    offset: usize,
    length: usize,
}

impl RockRidge {
    /// Reads a system use area and its continuations; `at` is the record's position, for messages.
    pub fn read(
        device: &Device,
        area: &[u8],
        at: u64,
        continuations: &mut Continuations,
    ) -> Result<Self, MediumError> {
        let mut found = Self::default();
        let mut target = Target::default();
        let mut next = found.fields(area, &mut target);
        for _ in 0..MOST_CONTINUATIONS {
            let Some(area) = next else { break };
            let bytes = continuations.read(device, area, at)?;
            next = found.fields(&bytes, &mut target);
        }
        let name = found.name.as_ref().map_or(0, Vec::len);
        if next.is_some() || name > LONGEST_NAME || target.path.len() > LONGEST_TARGET {
            return Err(device.damaged(at, "a Rock Ridge entry is endless"));
        }
        found.symlink = target.finish();
        Ok(found)
    }

    /// Whether the mode is that of a device, pipe or socket.
    pub fn is_special(&self) -> bool {
        self.mode.is_some_and(|mode| {
            matches!(mode & 0o170_000, 0o020_000 | 0o060_000 | 0o010_000 | 0o140_000)
        })
    }

    /// Takes in the fields of one area; returns where it goes on. Fields are signature (2), length (1),
    /// version (1), data; whatever does not fit ends the area, as padding does.
    fn fields(&mut self, mut area: &[u8], target: &mut Target) -> Option<Area> {
        let mut next = None;
        while let Some(length) =
            area.get(2).map(|&length| usize::from(length)).filter(|&length| length >= 4)
        {
            let Some(field) = area.get(..length) else { break };
            let data = &field[4..];
            match &field[..2] {
                b"NM" => self.add_name(data),
                b"PX" if data.len() >= 4 => self.mode = Some(u32_at(data, 0)),
                b"SL" => target.add(data),
                b"CL" if data.len() >= 4 => self.child = Some(u32_at(data, 0)),
                b"RE" => self.relocated = true,
                b"CE" if data.len() >= 24 => next = Some(continuation(data)),
                b"ST" => break,
                _ => {}
            }
            area = &area[length..];
        }
        next
    }

    fn add_name(&mut self, data: &[u8]) {
        const CURRENT: u8 = 0x02;
        const PARENT: u8 = 0x04;
        let flags = u8_at(data, 0);
        if flags & (CURRENT | PARENT) == 0 {
            self.name.get_or_insert_default().extend_from_slice(data.get(1..).unwrap_or(&[]));
        }
    }
}

fn continuation(data: &[u8]) -> Area {
    // Numbers stand in both byte orders; the little-endian one comes first. A value that does not fit in
    // a block is refused where it is used.
    let limited = |at| usize::try_from(u32_at(data, at)).unwrap_or(usize::MAX).min(1 << 16);
    Area { block: u32_at(data, 0), offset: limited(8), length: limited(16) }
}

/// A symbolic link's target, put together from its components.
#[derive(Debug, Default)]
struct Target {
    path: String,
    seen: bool,
    /// Whether the component before was complete, so that a `/` comes next.
    complete: bool,
}

impl Target {
    fn add(&mut self, data: &[u8]) {
        self.seen = true;
        let mut components = data.get(1..).unwrap_or(&[]);
        while let [flags, length, rest @ ..] = components {
            let Some(text) = rest.get(..usize::from(*length)) else { break };
            if self.complete && !self.path.ends_with('/') {
                self.path.push('/');
            }
            match flags & 0x0e {
                0x02 => self.path.push('.'),
                0x04 => self.path.push_str(".."),
                0x08 => self.path.push('/'),
                _ => self.path.push_str(&String::from_utf8_lossy(text)),
            }
            self.complete = flags & 0x01 == 0;
            components = &rest[text.len()..];
        }
    }

    fn finish(self) -> Option<String> {
        self.seen.then_some(self.path)
    }
}
