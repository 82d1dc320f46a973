//! Machines in QEMU boot from their network cards in such networks: firmware, dnsmasq's DHCP and TFTP, a boot loader, the server's answer, the
//! stand-in's kernel, which fetches its kickstart and says that it is installed; and then the same machine starts its disk.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Condvar, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::common::{Lab, Outcome, ROOT, judged, outcome};
use crate::network::{Dnsmasq, Network, Other, TAP, must};
use crate::serving::{MAC, Serving, lab};

/// How many machines may run at once.
static ROOM: (Mutex<u8>, Condvar) = (Mutex::new(2), Condvar::new());

fn script(name: &str) -> Command {
    Command::new(Path::new(ROOT).join("scripts/dev").join(name))
}

/// A lab with a medium and a disk that can be started.
fn bootable() -> Lab {
    let lab = lab();
    let mut medium = script("standin-iso.sh");
    medium.arg("-o").arg(lab.path("medium.iso"));
    judged(medium);
    let mut disk = script("standin/installed-disk.sh");
    disk.arg(lab.path("disk.img"));
    judged(disk);
    lab
}

/// What came of a boot.
struct Boot {
    told: Outcome,
    console: String,
}

impl Serving<'_> {
    /// Boots a machine with this card.
    fn boot(&self, way: &str, mac: &str) -> Boot {
        let log = self.lab.path("boot.log");
        let mut command = script("boot-net.sh");
        command.args([way, &format!("tap:{TAP}"), "--mac", mac]).arg("--disk");
        command.arg(self.lab.path("disk.img")).arg("--log").arg(&log);
        let mut room = ROOM.0.lock().unwrap_or_else(PoisonError::into_inner);
        while *room == 0 {
            room = ROOM.1.wait(room).unwrap_or_else(PoisonError::into_inner);
        }
        *room -= 1;
        drop(room);
        let told = outcome(self.network.inside(&command));
        *ROOM.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        ROOM.1.notify_one();
        let console = fs::read(log).unwrap_or_default();
        Boot { told, console: String::from_utf8_lossy(&console).into_owned() }
    }

    /// Its node is installed by network, from an address that begins like this.
    fn is_installed(&self, way: &str, address: &str) {
        let files = self.lab.names(".trainyard/files");
        assert_eq!(files.len(), 1, "one node is armed");
        let kickstart = fs::read(self.lab.path(&format!(".trainyard/files/{}", files[0])));
        let digest = Sha256::digest(kickstart.expect("read"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let boot = self.boot(way, MAC);
        let shown = || format!("{:?}\n{}\n{}", boot.told, boot.console, self.said());
        assert_eq!(boot.told.status, 0, "{}", shown());
        let fetched = format!("/ks sha256 {digest}\n");
        assert!(boot.told.stdout.contains(&fetched), "{fetched}{}", shown());
        let events = self.events();
        let from = format!("fetched its kickstart, from {address}");
        assert!(events.iter().any(|event| event.starts_with(&from)), "{events:?}\n{}", shown());
        assert_eq!(events.last().map(String::as_str), Some("installed"), "{}", shown());
    }

    /// It starts its disk, after something that shows who led it there.
    fn starts_its_disk(&self, way: &str, mac: &str, by: &str) {
        let boot = self.boot(way, mac);
        let shown = || format!("{:?}\n{}\n{}", boot.told, boot.console, self.said());
        let expected = format!("standin: disk by {}\n", way.to_uppercase());
        assert_eq!(boot.told.stdout, expected, "{}", shown());
        assert!(boot.console.contains(by), "{by}: {}", shown());
    }

    fn has_sent(&self, file: &str) {
        let said = self.said();
        assert!(
            said.lines()
                .any(|line| line.contains("-tftp[") && line.contains(&format!("/tftp/{file} to "))),
            "{file}: {said}"
        );
    }
}

/// Whether the boots are run that `make test` leaves out.
fn is_long() -> bool {
    std::env::var_os("TRAINYARD_LONG").is_some()
}

/// Addresses by another server, whose range begins at 10.0.0.100.
fn by_proxy(way: &str) {
    let network = Network::new();
    let _other = Other::new(&network);
    let serving = Serving::new(&network, bootable(), "medium.iso", 8080, &["--dhcp", "proxy"]);
    serving.is_installed(way, "10.0.0.1");
    assert!(serving.said().contains(&format!("PXE(lab) {MAC} proxy")), "{}", serving.said());
    assert!(!serving.said().contains("DHCPOFFER"), "{}", serving.said());
    if way == "uefi" {
        serving.has_sent("snponly.efi");
    }
    serving.starts_its_disk(way, MAC, "ipxe... ok");
}

/// Addresses by the server itself: the lab's.
fn by_full(way: &str) {
    let network = Network::new();
    let serving = Serving::new(&network, bootable(), "medium.iso", 8080, &["--dhcp", "full"]);
    serving.is_installed(way, "10.0.0.11");
    if way == "uefi" {
        serving.has_sent("snponly.efi");
    }
    serving.starts_its_disk(way, MAC, "ipxe... ok");
    let leases = serving.lab.read(".trainyard/leases");
    assert!(leases.contains(&format!(" {MAC} 10.0.0.11 ")), "{leases}");
}

/// The card's own ROM is iPXE.
#[test]
fn bios_beside_another_dhcp_server() {
    by_proxy("bios");
}

/// The firmware is given iPXE by TFTP.
#[test]
fn uefi_where_there_is_none() {
    by_full("uefi");
}

#[test]
fn bios_where_there_is_none() {
    if is_long() {
        by_full("bios");
    }
}

#[test]
fn uefi_beside_another_dhcp_server() {
    if is_long() {
        by_proxy("uefi");
    }
}

/// By the medium's own GRUB, as firmware with Secure Boot is (there is none here, and the stand-in's GRUB is not signed).
#[test]
fn uefi_by_grub() {
    if !is_long() {
        return;
    }
    let network = Network::new();
    let more = ["--dhcp", "full", "--loader", "grub", "--dhcp-range", "10.0.0.100,10.0.0.109"];
    let serving = Serving::new(&network, bootable(), "medium.iso", 80, &more);
    serving.is_installed("uefi", "10.0.0.11");
    serving.has_sent("EFI/BOOT/BOOTX64.EFI");
    serving.has_sent("EFI/BOOT/grub.cfg");
    // One that the lab does not know: the first has left a connection open that the system keeps for a minute.
    serving.starts_its_disk("uefi", "52:54:00:aa:00:99", "Welcome to GRUB");
}

/// A dnsmasq that is run by hand, by what is printed, changed as told.
fn by_hand(
    serving: &Serving<'_>,
    name: &str,
    more: &[&str],
    change: impl Fn(&str) -> String,
) -> Dnsmasq {
    let listen = if more.contains(&"grub") { "10.0.0.5:80" } else { "10.0.0.5:8080" };
    let fixed = ["serve", "--listen", listen, "--dhcp", "full", "--print-dnsmasq"];
    let text = serving.lab.done(&[&fixed[..], more].concat()).stdout;
    let leases = serving.lab.path("leases");
    let text =
        change(&text).replace("/var/lib/misc/trainyard.leases", leases.to_str().expect("text"));
    let file = serving.lab.path(name);
    fs::write(&file, text).expect("written");
    Dnsmasq::begin(
        serving.network,
        &[&format!("--conf-file={}", file.display())],
        Some(&serving.lab.path(&format!("{name}.log"))),
    )
}

/// The line by which a card's ROM is known as iPXE. Without it, QEMU's is taken for one that knows nothing but PXE, which it knows as well.
const IS_IPXE: &str = "dhcp-match=set:ipxe,175\n";

#[test]
fn bios_by_pxelinux() {
    if !is_long() {
        return;
    }
    let network = Network::new();
    let serving = Serving::new(&network, bootable(), "medium.iso", 80, &[]);
    let tftp = tempfile::tempdir().expect("a folder");
    must("chmod", &["755", tftp.path().to_str().expect("text")]);
    fs::copy("/usr/lib/PXELINUX/lpxelinux.0", tftp.path().join("lpxelinux.0")).expect("copied");
    let _dnsmasq = by_hand(&serving, "grub.conf", &["--loader", "grub"], |text| {
        assert!(text.contains(IS_IPXE));
        text.replace(IS_IPXE, "").replace("/srv/tftp", tftp.path().to_str().expect("text"))
    });
    serving.is_installed("bios", "10.0.0.11");
    serving.starts_its_disk("bios", MAC, "PXELINUX");
}

/// A ROM that is no iPXE loads one, which is then led to the server.
#[test]
fn bios_by_ipxe_that_was_loaded() {
    if !is_long() {
        return;
    }
    let network = Network::new();
    let serving = Serving::new(&network, bootable(), "medium.iso", 8080, &[]);
    let without = by_hand(&serving, "first.conf", &[], |text| {
        assert!(text.contains(IS_IPXE));
        text.replace(IS_IPXE, "")
    });
    std::thread::scope(|both| {
        // Once it has the file, it is known for what it is.
        let swap = both.spawn(|| {
            let sent = || serving.lab.read("first.conf.log").contains("undionly.kpxe to ");
            Network::wait("undionly.kpxe is sent", sent);
            drop(without);
            by_hand(&serving, "second.conf", &[], str::to_owned)
        });
        serving.is_installed("bios", "10.0.0.11");
        drop(swap.join());
    });
}
