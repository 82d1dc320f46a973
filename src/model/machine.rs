//! Which machine the lab means.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::spec::{MachineSpec, SettingsSpec, Spanned};

use super::disk::printable;
use super::net::Mac;
use super::settle::{Resolver, Wrong};

/// What the lab says of a machine's identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its serial number.
    pub serial: Option<String>,
    /// Its UUID.
    pub uuid: Option<Uuid>,
}

pub(super) fn resolve(spec: Option<&Spanned<MachineSpec>>, r: &mut Resolver) -> Machine {
    let spec = spec.map(|s| &s.value);
    let serial = r.settle("machine.serial", spec.and_then(|s| s.serial.as_ref()), serial);
    let uuid = r.settle("machine.uuid", spec.and_then(|s| s.uuid.as_ref()), uuid);
    Machine { serial, uuid }
}

/// What makers write in the place of a serial number, in lower case.
const NO_SERIALS: [&str; 22] = [
    "0123456789",
    "123456789",
    "1234567890",
    "chassis serial number",
    "default",
    "default string",
    "empty",
    "invalid",
    "n/a",
    "na",
    "no asset information",
    "none",
    "not applicable",
    "not available",
    "not specified",
    "null",
    "o.e.m.",
    "oem",
    "serial number",
    "system serial number",
    "to be filled by o.e.m.",
    "unknown",
];

/// The same for a UUID: those of boards whose maker set none.
const NO_UUIDS: [&str; 3] = [
    "03000200-0400-0500-0006-000700080009",
    "11111111-2222-3333-4444-555555555555",
    "12345678-1234-5678-90ab-cddeefaabbcc",
];

fn serial(text: &str) -> Result<String, Wrong> {
    let found = printable(text)?;
    let lower = text.to_ascii_lowercase();
    let is_filled =
        ["0", "f", "x", ".", "-", "*"].iter().any(|sign| lower.replace(sign, "").is_empty());
    if is_filled || NO_SERIALS.contains(&&*lower) {
        return Err(Wrong::new(
            "identifies no machine: makers write it where none was set",
            "leave it out, and name the machine's `uuid`, or the `mac` of an interface",
        ));
    }
    Ok(found)
}

fn uuid(text: &str) -> Result<Uuid, Wrong> {
    let found = Uuid::from_str(text)?;
    let is_one = |known: &str| known.parse() == Ok(found) || known.parse() == Ok(found.swapped());
    if NO_UUIDS.into_iter().any(is_one) {
        return Err(Wrong::new(
            "identifies no machine: many boards have it, whose maker set none",
            "leave it out, and name the machine's `serial`, or the `mac` of an interface",
        ));
    }
    Ok(found)
}

/// The hardware addresses that the lab file itself names. (Derived ones are made up for virtual machines.)
pub(super) fn named_macs(settings: &SettingsSpec) -> Vec<Mac> {
    let interfaces = settings.interfaces.iter().flat_map(|i| &i.value.0);
    interfaces.filter_map(|i| i.value.mac.as_ref()?.value.parse().ok()).collect()
}

/// A machine's UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// The same with the bytes of its first three fields turned round: SMBIOS 2.6 said that they are little-endian,
    /// and before, programs showed them as they lie.
    #[must_use]
    pub fn swapped(self) -> Self {
        let mut bytes = self.0;
        bytes[0..4].reverse();
        bytes[4..6].reverse();
        bytes[6..8].reverse();
        Self(bytes)
    }
}

impl FromStr for Uuid {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ALLOWED: &str =
            "32 hexadecimal digits in five groups, such as `4c4c4544-0042-3510-8054-b7c04f533132`";
        let lengths: Vec<_> = text.split('-').map(str::len).collect();
        if lengths != [8, 4, 4, 4, 12] || !text.is_ascii() {
            return Err(ALLOWED);
        }
        let digits = text.replace('-', "");
        let mut bytes = [0; 16];
        for (i, byte) in bytes.iter_mut().enumerate() {
            let pair = &digits[2 * i..2 * i + 2];
            if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(ALLOWED);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| ALLOWED)?;
        }
        if bytes == [0; 16] || bytes == [0xff; 16] {
            return Err(
                "one machine's UUID: many have only zeros, or only ones, where none was set",
            );
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let dash = if [4, 6, 8, 10].contains(&i) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makers_write_is_no_serial_number() {
        for bad in [
            "chassis serial number",
            "default string",
            "no asset information",
            "None",
            "not applicable",
            "not available",
            "not specified",
            "system serial number",
            "to be filled by o.e.m.",
            "0",
            "123456789",
            "XXXXXXXX",
            "..........",
        ] {
            assert!(serial(bad).is_err(), "{bad}");
        }
        for good in ["CZJ0123456", "VMware-56 4d 0f", "1", "00-F"] {
            assert!(serial(good).is_ok(), "{good}");
        }
        assert!(uuid("00020003-0004-0005-0006-000700080009").is_err(), "turned round");
    }

    #[test]
    fn uuids_are_read_and_turned_round() {
        let uuid: Uuid = "4C4C4544-0042-3510-8054-b7c04f533132".parse().expect("a UUID");
        assert_eq!(uuid.to_string(), "4c4c4544-0042-3510-8054-b7c04f533132");
        assert_eq!(uuid.swapped().to_string(), "44454c4c-4200-1035-8054-b7c04f533132");
        assert_eq!(uuid.swapped().swapped(), uuid);
        for bad in [
            "",
            "4c4c4544",
            "4c4c4544004235108054b7c04f533132",
            "4c4c4544-0042-3510-8054-b7c04f53313g",
            "4c4c4544-0042-3510-8054-b7c04f5331é",
            "+c4c4544-0042-3510-8054-b7c04f533132",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert!(bad.parse::<Uuid>().is_err(), "{bad}");
        }
    }
}
