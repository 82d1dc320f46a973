//! dnsmasq as the server's child: begun, watched, and never left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{ROOT, outcome};
use crate::network::{Network, Other, SERVER, must};
use crate::serving::{Serving, lab};

/// The stand-in medium, which set-up makes.
fn medium() -> String {
    let path = format!("{ROOT}/target/standin/small.iso");
    assert!(Path::new(&path).exists(), "{path} is missing: `make check` makes it");
    path
}

fn serving<'n>(network: &'n Network, how: &str) -> Serving<'n> {
    Serving::new(network, lab(), &medium(), 8080, &["--dhcp", how])
}

/// The folder of the dnsmasq that runs.
fn folder(id: &str) -> PathBuf {
    let words = fs::read_to_string(format!("/proc/{id}/cmdline")).expect("it runs");
    let file = words.split('\0').find_map(|word| word.strip_prefix("--conf-file="));
    Path::new(file.expect("a file")).parent().expect("a folder").to_owned()
}

#[test]
fn it_ends_with_the_server_however_that_ends() {
    let network = Network::new();
    for (signal, code) in [("-INT", 130), ("-TERM", 130), ("-KILL", -1)] {
        let mut serving = serving(&network, "full");
        let ids = network.running("dnsmasq");
        assert_eq!(ids.len(), 1, "{ids:?}");
        let folder = folder(&ids[0]);
        assert!(folder.join("tftp/undionly.kpxe").is_file());
        must("kill", &[signal, &serving.program.id().to_string()]);
        assert_eq!(serving.ended(), code, "{}", serving.said());
        Network::wait("dnsmasq ends", || {
            ["dnsmasq", "sh"].iter().all(|name| network.running(name).is_empty())
        });
        assert!(code == -1 || !folder.exists(), "{signal}");
        // Nobody is there to remove it after the last.
        let _ = fs::remove_dir_all(folder);
    }
}

#[test]
fn what_it_gives_nobody_else_reads_or_writes() {
    use std::os::unix::fs::MetadataExt as _;
    let network = Network::new();
    let serving = serving(&network, "full");
    let id = &network.running("dnsmasq")[0];
    let owner = fs::metadata(format!("/proc/{id}")).expect("it runs").uid();
    assert_ne!(owner, 0, "it is root no more");
    let folder = folder(id);
    let mut files: Vec<_> =
        fs::read_dir(folder.join("tftp")).expect("a folder").flatten().collect();
    files.sort_by_key(fs::DirEntry::file_name);
    let names: Vec<_> = files.iter().map(fs::DirEntry::file_name).collect();
    assert_eq!(names, ["snponly.efi", "undionly.kpxe"]);
    for file in files {
        let there = file.metadata().expect("there");
        assert_eq!((there.mode() & 0o777, there.uid()), (0o644, 0), "{file:?}");
    }
    assert!(serving.lab.path(".trainyard/leases").is_file());
    // By TFTP it gives these, and takes none.
    let tftp = |words: &[&str], path: &str| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "20", "--path-as-is", "--output", "got"]).args(words);
        curl.arg(format!("tftp://{SERVER}/{path}")).current_dir(serving.lab.path(""));
        outcome(network.inside(&curl)).status
    };
    assert_eq!(tftp(&[], "undionly.kpxe"), 0);
    let got = fs::read(serving.lab.path("got")).expect("read");
    assert_eq!(got, fs::read("/usr/lib/ipxe/undionly.kpxe").expect("read"));
    for path in [
        "../dnsmasq.conf",
        "%2e%2e/dnsmasq.conf",
        "/etc/passwd",
        "x/../../dnsmasq.conf",
        "undionly.kpxe/../../dnsmasq.conf",
    ] {
        assert_ne!(tftp(&[], path), 0, "{path}");
    }
    assert_ne!(tftp(&["--upload-file", "lab.yaml"], "new"), 0);
    assert!(!folder.join("tftp/new").exists());
}

#[test]
fn one_that_ends_is_told_of_and_begun_once_more() {
    let network = Network::new();
    let mut serving = serving(&network, "proxy");
    let first = network.running("dnsmasq");
    must("kill", &["-9", &first[0]]);
    Network::wait("another one runs", || {
        let said = serving.said();
        let again = said.split_once("\nit is begun once more\n");
        again.is_some_and(|(_, after)| after.contains("started, version"))
    });
    assert_ne!(network.running("dnsmasq"), first);
    let said = serving.said();
    assert!(said.contains("ended with signal: 9; its last lines:\n"), "{said}");
    // What cannot begin ends the server.
    let second = network.running("dnsmasq");
    let file = folder(&second[0]).join("dnsmasq.conf");
    fs::write(&file, "no-such-thing\n").expect("written");
    must("kill", &[&second[0]]);
    assert_eq!(serving.ended(), 6, "{}", serving.said());
    let said = serving.said();
    let last = said.rsplit("error: ").next().expect("an error");
    assert!(
        last.contains("ended with exit status: 1") && last.contains("bad option at line 1"),
        "{said}"
    );
}

/// What it says when it does not begin to serve.
fn refused(network: &Network, by: &[&str], more: &[&str]) -> (i32, String) {
    let lab = lab();
    let (image, listen) = (medium(), format!("{SERVER}:8080"));
    let fixed = ["serve", "--image", &image, "--listen", &listen];
    let command = lab.command(&[&fixed[..], more].concat());
    // The program, or what begins it. One that is not refused would serve for ever.
    let mut begun = std::process::Command::new("timeout");
    begun.args(["60", "env"]).args(by).arg(command.get_program()).args(command.get_args());
    begun.current_dir(lab.path(""));
    let inside = network.inside(&begun);
    let told = outcome(inside);
    assert!(network.running("dnsmasq").is_empty());
    (told.status, told.stderr)
}

#[test]
fn where_it_cannot_be_the_reason_is_told() {
    let network = Network::new();
    let (code, said) = refused(&network, &["PATH=/nowhere"], &["--dhcp", "full"]);
    let missing = "error: `dnsmasq` is needed for `--dhcp`, and is not on the PATH: install it (Debian: the package `dnsmasq-base`; Fedora: `dnsmasq`)";
    assert!(code == 4 && said.contains(missing), "{code}: {said}");

    let powerless =
        ["setpriv", "--bounding-set=-net_bind_service,-net_admin,-net_raw", "--inh-caps=-all"];
    let (code, said) = refused(&network, &powerless, &["--dhcp", "full"]);
    assert!(
        code == 6 && said.contains("\nDHCP needs the rights of root, or CAP_NET_BIND_SERVICE"),
        "{code}: {said}"
    );

    let _other = Other::new(&network);
    let (code, said) = refused(&network, &[], &["--dhcp", "full"]);
    let another = "error: a DHCP server answers on this network already, at 10.0.0.1:67: `--dhcp proxy` leaves the addresses to it";
    assert!(code == 8 && said.contains(another), "{code}: {said}");
    // Beside it there is room for a proxy.
    drop(serving(&network, "proxy"));
}

/// dnsmasq is not begun anew for it: others may be in the middle of their installation.
#[test]
fn a_node_that_is_new_in_the_lab_is_given_its_address_when_it_is_armed() {
    const MAC: &str = "52:54:00:aa:00:31";
    let network = Network::new();
    let serving = serving(&network, "full");
    let dnsmasq = network.running("dnsmasq");
    let machine = network.machine();
    machine.ip(&["link", "set", "eth0", "address", MAC]);
    let lab = &serving.lab;
    fs::write(lab.path("lease.sh"), "#!/bin/sh\n[ \"$1\" != bound ] || echo \"has $ip\"\n")
        .expect("written");
    must("chmod", &["+x", lab.path("lease.sh").to_str().expect("text")]);
    let ask = || {
        let mut udhcpc = Command::new(format!("{ROOT}/target/standin/busybox"));
        udhcpc.args(["udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "3", "-T", "1", "-s"]);
        udhcpc.arg(lab.path("lease.sh"));
        outcome(machine.inside(&udhcpc)).stdout
    };
    assert_eq!(ask(), "", "nobody knows it");
    let more = format!(
        "  compute:\n    role: compute\n    interfaces:\n      enp0s3: {{network: management, address: 10.0.0.31, mac: {MAC}}}\n"
    );
    fs::write(lab.path("lab.yaml"), lab.read("lab.yaml") + &more).expect("written");
    lab.know_nodes();
    let armed = outcome(network.inside(&lab.command(&["node", "arm", "compute"])));
    assert_eq!(armed.status, 0, "{armed:?}");
    assert_eq!(ask(), "has 10.0.0.31\n", "{}", serving.said());
    assert_eq!(network.running("dnsmasq"), dnsmasq);
}
