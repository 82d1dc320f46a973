//! dnsmasq's configuration (its manual, dnsmasq(8)).

use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::{Dhcp, Loader, Mode, Reservation};

/// Where things are that the configuration names.
#[derive(Clone, Debug)]
pub struct Places {
    /// The folder that TFTP gives files of.
    pub tftp: PathBuf,
    /// What BIOS is given of it.
    pub bios: String,
    /// What UEFI is given of it.
    pub uefi: String,
    /// Where dnsmasq keeps who has which address.
    pub leases: PathBuf,
    /// The folder in which the nodes' addresses are, in files that are read whenever they change; nothing where they are in the configuration.
    pub hosts: Option<PathBuf>,
}

/// Firmware by what it says it is (RFC 4578, section 2.1, with its erratum: UEFI for x86-64 says 7, and seldom 9).
const FIRMWARE: [(&str, u8); 3] = [("bios", 0), ("uefi", 7), ("uefi", 9)];
/// What dnsmasq has for the same in a menu of PXE's.
const SERVICES: [(&str, &str); 3] = [("bios", "x86PC"), ("uefi", "BC_EFI"), ("uefi", "X86-64_EFI")];
/// Who is sent files at once: a lab that boots at the same moment. dnsmasq's own limit is 50.
const TRANSFERS: u32 = 250;

impl Dhcp {
    /// The configuration, whole: nothing else needs to be read.
    #[must_use]
    pub fn configuration(&self, places: &Places) -> String {
        let Self { lab, address, url, network, .. } = self;
        let mut text = format!(
            "# dnsmasq for the lab {lab}: leads machines that boot from the network to {url}.
# DHCP and TFTP at this address, and no DNS.
port=0
listen-address={address}
bind-interfaces
no-hosts
no-resolv
dhcp-leasefile={leases}
enable-tftp
tftp-root={tftp}
tftp-max={TRANSFERS}
# iPXE says that it is iPXE, and is led to the server (whose address it must be told, or it takes no word of a server that gives none);
# other firmware is given a boot loader first.
dhcp-match=set:ipxe,175
dhcp-boot=tag:ipxe,{boot},,{address}
",
            leases = quoted(&places.leases),
            tftp = quoted(&places.tftp),
            boot = in_quotes(&format!("{url}/boot.ipxe")),
        );
        match self.mode {
            Mode::Proxy => {
                let (first, mask) = (network.network(), network.netmask());
                let _ = writeln!(
                    text,
                    "# Addresses come from the DHCP server that is there already.\ndhcp-range={first},proxy,{mask}"
                );
                for (firmware, service) in SERVICES {
                    let file = places.of(firmware);
                    let _ = writeln!(text, "pxe-service=tag:!ipxe,{service},trainyard,{file}");
                }
            }
            Mode::Full => self.full(places, &mut text),
        }
        text
    }

    fn full(&self, places: &Places, text: &mut String) {
        for (firmware, number) in FIRMWARE {
            let _ = writeln!(text, "dhcp-match=set:{firmware},option:client-arch,{number}");
        }
        for firmware in ["bios", "uefi"] {
            let file = in_quotes(places.of(firmware));
            let _ = writeln!(text, "dhcp-boot=tag:!ipxe,tag:{firmware},{file}");
        }
        if self.loader == Loader::Grub {
            // Option 210 (RFC 5071): where PXELINUX looks for its configuration.
            let prefix = in_quotes(&format!("{}/pxelinux/", self.url));
            let _ = writeln!(text, "dhcp-option-force=tag:!ipxe,tag:bios,210,{prefix}");
        }
        let (first, mask) = (self.network.network(), self.network.netmask());
        let _ = writeln!(
            text,
            "# Addresses for the lab's machines.\ndhcp-authoritative\ndhcp-range={first},static,{mask},1h"
        );
        let mut addresses = self.nodes.len();
        if let Some((first, last)) = self.range {
            let _ = writeln!(text, "# And for others.\ndhcp-range={first},{last},{mask},1h");
            addresses += usize::try_from(u32::from(last) - u32::from(first)).unwrap_or(usize::MAX);
        }
        // dnsmasq's own limit is 1000.
        let _ = writeln!(text, "dhcp-lease-max={}", addresses.max(1000));
        // Without a value none is told; dnsmasq would name itself.
        let router = self.gateway.map(|it| format!(",{it}")).unwrap_or_default();
        let dns: String = self.dns.iter().map(|it: &Ipv4Addr| format!(",{it}")).collect();
        let _ =
            writeln!(text, "dhcp-option=option:router{router}\ndhcp-option=option:dns-server{dns}");
        if let Some(hosts) = &places.hosts {
            let _ = writeln!(text, "dhcp-hostsdir={}", quoted(hosts));
            return;
        }
        for node in &self.nodes {
            let _ = writeln!(text, "# {}\ndhcp-host={node}", node.node);
        }
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.macs.iter().try_for_each(|mac| write!(f, "{mac},"))?;
        write!(f, "{}", self.address)
    }
}

impl Places {
    fn of(&self, firmware: &str) -> &str {
        if firmware == "bios" { &self.bios } else { &self.uefi }
    }
}

fn quoted(path: &Path) -> String {
    in_quotes(&path.display().to_string())
}

/// A text as dnsmasq reads it between quotes: a comma and `#` mean nothing there, and a backslash takes the next letter as it is.
fn in_quotes(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{text}\"")
}
