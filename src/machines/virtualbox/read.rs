//! Reads what VBoxManage prints: `--machinereadable`, and what it lists. The forms are those of its source (`VBoxManageInfo.cpp`,
//! `VBoxManageList.cpp`, `VBoxManageDisk.cpp`, `VBoxManageNATNetwork.cpp`), which are the same in 6.1, 7.0, 7.1 and 7.2.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// A version: `7.0.20r163906` is 7, 0, 20.
pub type Version = [u32; 3];

/// The version that `--version` says. Warnings about the kernel's module stand before it.
#[must_use]
pub fn version(said: &str) -> Option<Version> {
    let line = said.lines().rev().find(|line| line.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut numbers = line.split(['.', 'r', '_', '-']).map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some([next()?, next()?, next().unwrap_or(0)])
}

/// `key=value` lines. Keys and values may stand in double quotes, inside which `\` escapes `"` and itself.
#[must_use]
pub fn pairs(said: &str) -> BTreeMap<String, String> {
    said.lines().filter_map(pair).collect()
}

fn pair(line: &str) -> Option<(String, String)> {
    let line = line.trim_end_matches('\r');
    let (key, value) = if line.starts_with('"') {
        let (key, rest) = quoted(line)?;
        (key, rest.strip_prefix('=')?)
    } else {
        let (key, value) = line.split_once('=')?;
        (key.to_owned(), value)
    };
    let value = quoted(value).map_or_else(|| value.to_owned(), |(value, _)| value);
    Some((key, value))
}

/// The text in double quotes that a text begins with, and the rest.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut inside = String::new();
    let mut signs = text.strip_prefix('"')?.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Some((inside, &text[at + 2..])),
            '\\' => inside.extend(signs.next().map(|(_, sign)| sign)),
            _ => inside.push(sign),
        }
    }
    None
}

/// The machines of `list vms`, by their UUIDs: `"name" {uuid}`.
#[must_use]
pub fn machines(said: &str) -> Vec<(String, String)> {
    let machine = |line: &str| {
        let (name, uuid) = line.trim_end().strip_suffix('}')?.rsplit_once(" {")?;
        Some((uuid.to_owned(), name.strip_prefix('"')?.strip_suffix('"')?.to_owned()))
    };
    said.lines().filter_map(machine).collect()
}

/// Records of `Key:   value` lines; each begins with the key `first`. What a line has below it, indented, belongs to its key.
fn records(said: &str, first: &str) -> Vec<BTreeMap<String, Vec<String>>> {
    let mut records: Vec<BTreeMap<String, Vec<String>>> = Vec::new();
    let mut last = String::new();
    for line in said.lines().map(|line| line.trim_end_matches('\r')) {
        if line.starts_with(' ') {
            if let Some(record) = records.last_mut() {
                record.entry(last.clone()).or_default().push(line.trim().to_owned());
            }
            continue;
        }
        let (key, value) = line.split_once(':').unwrap_or((line.trim(), ""));
        if key == first {
            records.push(BTreeMap::new());
        }
        if let Some(record) = records.last_mut().filter(|_| !key.is_empty()) {
            key.clone_into(&mut last);
            let values = record.entry(last.clone()).or_default();
            values.extend(Some(value.trim()).filter(|value| !value.is_empty()).map(str::to_owned));
        }
    }
    records
}

fn one<'r>(record: &'r BTreeMap<String, Vec<String>>, key: &str) -> &'r str {
    record.get(key).and_then(|values| values.first()).map_or("", String::as_str)
}

/// A medium that VirtualBox knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    /// Its UUID.
    pub uuid: String,
    /// Its file.
    pub path: PathBuf,
    /// The UUIDs of the machines that it is attached to.
    pub users: Vec<String>,
}

/// The media of `list --long hdds` or `list --long dvds`; what was made from others stands after them.
#[must_use]
pub fn media(said: &str) -> Vec<Medium> {
    let medium = |record: &BTreeMap<String, Vec<String>>| {
        let users = record.get("In use by VMs").into_iter().flatten();
        let uuid_of = |user: &String| {
            let (_, after) = user.split_once(" (UUID: ")?;
            Some(after.split_once(')')?.0.to_owned())
        };
        Medium {
            uuid: one(record, "UUID").to_owned(),
            path: PathBuf::from(one(record, "Location")),
            users: users.filter_map(uuid_of).collect(),
        }
    };
    records(said, "UUID").iter().map(medium).collect()
}

/// A NAT network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatNetwork {
    /// Its name.
    pub name: String,
    /// Its subnet, in CIDR form.
    pub subnet: String,
    /// Whether it has a DHCP server.
    pub dhcp: bool,
    /// Whether it may run.
    pub enabled: bool,
    /// Its forwarded ports, each as it was given.
    pub forwards: Vec<String>,
}

/// The NAT networks of `list --long natnetworks`. Names and values are those of 6.1 and newer ones.
#[must_use]
pub fn nat_networks(said: &str) -> Vec<NatNetwork> {
    // 6.1 calls the name `NetworkName`; nothing else is called otherwise.
    let said = said.replace("NetworkName:", "Name:");
    let network = |record: &BTreeMap<String, Vec<String>>| NatNetwork {
        name: one(record, "Name").to_owned(),
        subnet: one(record, "Network").to_owned(),
        dhcp: is_yes(one(record, "DHCP Server")) || is_yes(one(record, "DHCP Enabled")),
        enabled: is_yes(one(record, "Enabled")),
        forwards: record.get("Port-forwarding (ipv4)").cloned().unwrap_or_default(),
    };
    records(&said, "Name").iter().map(network).collect()
}

fn is_yes(text: &str) -> bool {
    text.eq_ignore_ascii_case("yes")
}

/// An interface of the host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, `en0: Ethernet` on macOS.
    pub name: String,
    /// Its address, where it has one.
    pub address: Option<Ipv4Addr>,
    /// Its mask.
    pub mask: Option<Ipv4Addr>,
    /// Whether it is a wireless one, as far as VirtualBox knows.
    pub wireless: bool,
    /// Whether it is up.
    pub up: bool,
}

/// The interfaces of `list bridgedifs` or `list hostonlyifs`.
#[must_use]
pub fn interfaces(said: &str) -> Vec<Interface> {
    let interface = |record: &BTreeMap<String, Vec<String>>| {
        let address =
            |key| one(record, key).parse().ok().filter(|it: &Ipv4Addr| !it.is_unspecified());
        Interface {
            name: one(record, "Name").to_owned(),
            address: address("IPAddress"),
            mask: address("NetworkMask"),
            wireless: is_yes(one(record, "Wireless")),
            up: one(record, "Status") == "Up",
        }
    };
    records(said, "Name").iter().map(interface).collect()
}

/// The names of `list hostonlynets`, which only macOS has.
#[must_use]
pub fn host_only_networks(said: &str) -> Vec<String> {
    records(said, "Name").iter().map(|record| one(record, "Name").to_owned()).collect()
}

/// The pairs of `getextradata … enumerate`: `Key: KEY, Value: VALUE`.
#[must_use]
pub fn extra_data(said: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (key, value) = line.strip_prefix("Key: ")?.split_once(", Value: ")?;
        Some((key.to_owned(), value.trim_end().to_owned()))
    };
    said.lines().filter_map(pair).collect()
}

/// What `list hostinfo` says of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Whether its processors virtualise; nothing where it does not say.
    pub virtualises: Option<bool>,
    /// Whether a machine can have machines of its own.
    pub nests: bool,
    /// Memory that is free, in MiB.
    pub free_mib: Option<u64>,
    /// All memory, in MiB.
    pub all_mib: Option<u64>,
}

/// What `list hostinfo` says.
#[must_use]
pub fn host(said: &str) -> Host {
    let field = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()
    };
    let number = |name| field(name).and_then(|text| text.parse().ok());
    Host {
        virtualises: field("Processor supports HW virtualization").map(is_yes),
        nests: field("Processor supports nested HW virtualization").is_some_and(is_yes),
        free_mib: number("Memory available"),
        all_mib: number("Memory size"),
    }
}

/// The snapshots of `snapshot … list --machinereadable`: their UUIDs and names, the first ones first. Nothing is escaped in them.
#[must_use]
pub fn snapshots(said: &str) -> Vec<(String, String)> {
    let of = |kind: &str, line: &str| {
        let (key, value) = line.trim_end().split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        Some((key.strip_prefix(kind)?.to_owned(), value.to_owned()))
    };
    let uuids: BTreeMap<String, String> =
        said.lines().filter_map(|line| of("SnapshotUUID", line)).collect();
    let names = said.lines().filter_map(|line| of("SnapshotName", line));
    names.filter_map(|(at, name)| Some((uuids.get(&at)?.clone(), name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_beneath_warnings() {
        assert_eq!(version("7.0.20r163906\n"), Some([7, 0, 20]));
        let warned = "WARNING: The vboxdrv kernel module is not loaded.\n         sudo /sbin/vboxconfig\n6.1.50_Ubuntur161033\n";
        assert_eq!(version(warned), Some([6, 1, 50]));
        assert_eq!(version("7.2.2_BETA1r1\n"), Some([7, 2, 2]));
        assert_eq!(version("nothing"), None);
    }

    #[test]
    fn quotes_and_backslashes_are_taken_off_keys_and_values() {
        let said = "name=\"a \\\"b\\\"\"\r\nCfgFile=\"C:\\\\Labs\\\\a.vbox\"\nmemory=4096\n\"SATA-0-0\"=\"/labs/a=b.vdi\"\nbroken\n";
        let pairs = pairs(said);
        assert_eq!(pairs["name"], "a \"b\"");
        assert_eq!(pairs["CfgFile"], "C:\\Labs\\a.vbox");
        assert_eq!(pairs["memory"], "4096");
        assert_eq!(pairs["SATA-0-0"], "/labs/a=b.vdi");
        assert_eq!(pairs.len(), 4);
    }

    #[test]
    fn machines_are_listed_by_their_uuids_whatever_their_names() {
        let said = "\"train {x} \"y\"\" {11}\n\"<inaccessible>\" {22}\nOutput of something\n";
        let machines = machines(said);
        assert_eq!(machines[0], ("11".into(), "train {x} \"y\"".into()));
        assert_eq!(machines[1], ("22".into(), "<inaccessible>".into()));
        assert_eq!(machines.len(), 2);
    }

    #[test]
    fn media_name_their_users() {
        let said = "UUID:           aa\nParent UUID:    base\nState:          created\nType:           normal (base)\nLocation:       /l/a b.vdi\nStorage format: VDI\nProperty:       AllocationBlockSize=1048576\nIn use by VMs:  one (UUID: 11) [first (UUID: 99)]\n                two (UUID: 22)\n\nUUID:           bb\nLocation:       /l/c.vdi\n\n";
        let media = media(said);
        assert_eq!(media[0].path, PathBuf::from("/l/a b.vdi"));
        assert_eq!(media[0].users, ["11", "22"]);
        assert!(media[1].uuid == "bb" && media[1].users.is_empty());
    }

    #[test]
    fn nat_networks_are_read_with_their_forwards() {
        let said = "Name:         train-management\nEnabled:      Yes\nNetwork:      10.0.0.0/24\nGateway:      10.0.0.1\nDHCP Server:  No\nIPv6:         No\nPort-forwarding (ipv4)\n        a-ssh:tcp:[127.0.0.1]:2211:[10.0.0.11]:22\n        b-ssh:tcp:[127.0.0.1]:2231:[10.0.0.31]:22\nloopback mappings (ipv4)\n        127.0.0.1=2\n\nNetworkName:  old\nNetwork:      10.9.0.0/24\nDHCP Enabled: Yes\nEnabled:      No\n\n";
        let networks = nat_networks(said);
        assert_eq!(networks[0].name, "train-management");
        assert!(networks[0].enabled && !networks[0].dhcp);
        assert_eq!(networks[0].forwards.len(), 2);
        assert_eq!(networks[0].forwards[1], "b-ssh:tcp:[127.0.0.1]:2231:[10.0.0.31]:22");
        assert!(networks[1].name == "old" && networks[1].dhcp && !networks[1].enabled);
    }

    #[test]
    fn interfaces_and_the_host_are_read() {
        let said = "Name:            en0: Wi-Fi\nIPAddress:       10.1.2.3\nNetworkMask:     255.255.255.0\nWireless:        Yes\nStatus:          Up\nVBoxNetworkName: HostInterfaceNetworking-en0\n\nName:            eth0\nIPAddress:       0.0.0.0\nStatus:          Down\n\n";
        let found = interfaces(said);
        assert_eq!(found[0].name, "en0: Wi-Fi");
        assert!(found[0].wireless && found[0].up && found[0].address.is_some());
        assert!(!found[1].wireless && !found[1].up && found[1].address.is_none());
        let host = host(
            "Host Information:\n\nProcessor supports HW virtualization: yes\nProcessor supports nested HW virtualization: no\nMemory size: 32000 MByte\nMemory available: 9000 MByte\n",
        );
        let wanted = Host {
            virtualises: Some(true),
            nests: false,
            free_mib: Some(9000),
            all_mib: Some(32000),
        };
        assert_eq!(host, wanted);
        let mac = "Name:            a\nGUID:            1\n\nState:           Enabled\n\nName:            b\n\n";
        assert_eq!(host_only_networks(mac), ["a", "b"]);
    }

    #[test]
    fn extra_data_and_snapshots_are_read() {
        let data =
            extra_data("Key: trainyard/natnetwork/a, Value: x, Value: y\nKey: GUI/x, Value: 1\n");
        assert_eq!(data["trainyard/natnetwork/a"], "x, Value: y");
        let said = "SnapshotName=\"one\"\nSnapshotUUID=\"11\"\nSnapshotName-1=\"two \"x\"\"\nSnapshotUUID-1=\"22\"\nCurrentSnapshotName=\"two\"\n";
        assert_eq!(
            snapshots(said),
            [("11".into(), "one".into()), ("22".into(), "two \"x\"".into())]
        );
    }
}
