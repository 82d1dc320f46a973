//! What leads machines to the server: dnsmasq's configuration, as dnsmasq itself reads it, and what GRUB and PXELINUX ask. (tests/dhcp runs it.)

use std::fs;

use crate::client::ask;
use crate::common::{Lab, judge, judged};
use crate::running::Serving;

/// One node with two cards below its address and one elsewhere, and one that is known by its serial number.
fn lab() -> Lab {
    Lab::new(
        r"
networks:
  management: {cidr: 10.0.0.0/24, gateway: 10.0.0.1, dns: [10.0.0.2, 10.0.0.3]}
nodes:
  controller:
    role: controller
    interfaces:
      bond0: {network: management, address: 10.0.0.11, bond: {members: [enp0s3, enp0s8]}}
      enp0s3: {mac: 52:54:00:aa:00:11}
      enp0s8: {mac: 52:54:00:aa:00:12}
      enp0s9: {network: provider, mac: 52:54:00:aa:00:13}
  compute:
    role: compute
    address: 10.0.0.31
    machine: {serial: SN1}
",
    )
}

/// The configuration that is printed, once dnsmasq has read it.
fn printed(lab: &Lab, more: &[&str]) -> String {
    let fixed = ["serve", "--listen", "10.0.0.5:80", "--print-dnsmasq"];
    let text = lab.done(&[&fixed[..], more].concat()).stdout;
    let file = lab.path("dnsmasq.conf");
    fs::write(&file, &text).expect("written");
    let mut dnsmasq = judge("dnsmasq");
    dnsmasq.args(["--test".to_owned(), format!("--conf-file={}", file.display())]);
    judged(dnsmasq);
    text
}

/// It has all of these lines, and none that begins like those.
fn has(text: &str, lines: &[&str], without: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|it| it == *line), "{line}: {text}");
    }
    for begin in without {
        assert!(!text.lines().any(|it| it.starts_with(begin)), "{begin}: {text}");
    }
}

const COMMON: [&str; 7] = [
    "port=0",
    "listen-address=10.0.0.5",
    "bind-interfaces",
    "enable-tftp",
    "tftp-root=\"/usr/lib/ipxe\"",
    "dhcp-match=set:ipxe,175",
    "dhcp-boot=tag:ipxe,\"http://10.0.0.5:80/boot.ipxe\",,10.0.0.5",
];

#[test]
fn beside_another_server_no_address_is_given() {
    let text = printed(&lab(), &["--dhcp", "proxy"]);
    has(&text, &COMMON, &["dhcp-host", "dhcp-option", "dhcp-authoritative"]);
    let own = [
        "dhcp-range=10.0.0.0,proxy,255.255.255.0",
        "pxe-service=tag:!ipxe,x86PC,trainyard,undionly.kpxe",
        "pxe-service=tag:!ipxe,BC_EFI,trainyard,snponly.efi",
        "pxe-service=tag:!ipxe,X86-64_EFI,trainyard,snponly.efi",
    ];
    has(&text, &own, &[]);
    assert_eq!(text.matches("dhcp-range").count(), 1, "{text}");
}

#[test]
fn where_there_is_none_the_labs_addresses_are_given_to_its_machines() {
    let lab = lab();
    let text = printed(&lab, &["--dhcp", "full"]);
    has(&text, &COMMON, &["pxe-service"]);
    let own = [
        "dhcp-range=10.0.0.0,static,255.255.255.0,1h",
        "dhcp-match=set:bios,option:client-arch,0",
        "dhcp-match=set:uefi,option:client-arch,7",
        "dhcp-match=set:uefi,option:client-arch,9",
        "dhcp-boot=tag:!ipxe,tag:bios,\"undionly.kpxe\"",
        "dhcp-boot=tag:!ipxe,tag:uefi,\"snponly.efi\"",
        "dhcp-option=option:router,10.0.0.1",
        "dhcp-option=option:dns-server,10.0.0.2,10.0.0.3",
        // Either card of the bond boots; the one of another network has no business here.
        "dhcp-host=52:54:00:aa:00:11,52:54:00:aa:00:12,10.0.0.11",
    ];
    has(&text, &own, &["dhcp-range=10.0.0.100"]);
    assert!(!text.contains("52:54:00:aa:00:13"), "{text}");
    assert_eq!(text.matches("dhcp-host").count(), 2, "{text}");
    let text = printed(&lab, &["--dhcp", "full", "--dhcp-range", "10.0.0.100,10.0.0.199"]);
    let both = [own[0], "dhcp-range=10.0.0.100,10.0.0.199,255.255.255.0,1h"];
    has(&text, &both, &[]);
}

#[test]
fn firmware_without_ipxe_is_led_to_grub_and_pxelinux() {
    let text = printed(&lab(), &["--dhcp", "full", "--loader", "grub"]);
    let own = [
        "dhcp-boot=tag:!ipxe,tag:bios,\"lpxelinux.0\"",
        "dhcp-boot=tag:!ipxe,tag:uefi,\"EFI/BOOT/BOOTX64.EFI\"",
        "dhcp-option-force=tag:!ipxe,tag:bios,210,\"http://10.0.0.5:80/pxelinux/\"",
        COMMON[6],
    ];
    has(&text, &own, &[]);
}

#[test]
fn a_folder_of_any_name_is_read_as_it_is() {
    let lab = lab();
    let folder = lab.path("a \"b\", #c\\d");
    fs::create_dir(&folder).expect("made");
    for file in ["undionly.kpxe", "snponly.efi"] {
        fs::write(folder.join(file), "").expect("written");
    }
    let folder = folder.to_str().expect("text");
    let text = printed(&lab, &["--dhcp", "proxy", "--ipxe", folder]);
    assert!(text.contains("/a \\\"b\\\", #c\\\\d\"\n"), "{text}");
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let lab = lab();
    let refused = |listen: &str, more: &[&str]| {
        let fixed = ["serve", "--listen", listen, "--dhcp"];
        let told = lab.run(&[&fixed[..], more].concat());
        (told.status, told.stderr)
    };
    let (here, port) = ("10.0.0.5:80", "10.0.0.5:8080");
    let nowhere = "`--dhcp` needs a server that listens at one address of this machine in the nodes' network, and ";
    for (listen, more, code, why) in [
        ("127.0.0.1:80", &["full"][..], 2, format!("{nowhere}127.0.0.1 is none: `--listen` says which")),
        ("[::1]:80", &["proxy"], 2, format!("{nowhere}::1 is none: `--listen` says which")),
        ("0.0.0.0:80", &["proxy", "--url", "http://10.0.0.5"], 2, format!("{nowhere}0.0.0.0 is none: `--listen` says which")),
        ("10.0.1.5:80", &["full"], 2, "the server listens at 10.0.1.5, outside of the management network 10.0.0.0/24: dnsmasq gives the nodes' addresses only where they are; `--listen` says where".into()),
        (here, &["full", "--dhcp-range", "10.0.0.9,10.0.0.8"], 2, "`--dhcp-range 10.0.0.9,10.0.0.8`: the first comes after the last".into()),
        (here, &["full", "--dhcp-range", "10.0.0.9,10.0.0.255"], 2, "`--dhcp-range 10.0.0.9,10.0.0.255`: both must be addresses in the management network 10.0.0.0/24".into()),
        (here, &["proxy", "--dhcp-range", "10.0.0.8,10.0.0.9"], 2, "`--dhcp-range 10.0.0.8,10.0.0.9`: beside another DHCP server dnsmasq gives no addresses".into()),
        (here, &["none", "--dhcp-range", "10.0.0.8,10.0.0.9"], 2, "`--dhcp-range`, `--ipxe`, `--loader grub` and `--print-dnsmasq` need `--dhcp proxy` or `--dhcp full` beside them".into()),
        (here, &["none", "--print-dnsmasq"], 2, "`--dhcp-range`, `--ipxe`, `--loader grub` and `--print-dnsmasq` need `--dhcp proxy` or `--dhcp full` beside them".into()),
        (here, &["full", "--dhcp-range", "10.0.0.8"], 2, "two addresses with a comma between them, such as 10.0.0.100,10.0.0.199".into()),
        (here, &["proxy", "--loader", "grub"], 2, "`--loader grub` needs `--dhcp full`: GRUB and PXELINUX ask where the server that gave them their address says".into()),
        (port, &["full", "--loader", "grub"], 2, "`--loader grub` needs a server at port 80, the only one that the medium's GRUB is known to ask: `--listen 10.0.0.5:80`".into()),
        (here, &["full", "--ipxe", "/nowhere"], 4, "`undionly.kpxe` is needed to give iPXE to machines with BIOS, and is in none of `/nowhere`: install it (Debian: the package `ipxe`; Fedora: `ipxe-bootimgs-x86`), or say where it is (`--ipxe DIR`)".into()),
    ] {
        let (status, said) = refused(listen, more);
        assert!(status == code && said.contains(&why), "{listen} {more:?}: {status}: {said}\n{why}");
    }
}

/// What GRUB asks with, and PXELINUX by a card and by UUID.
fn asked(serving: &Serving, mac: &str) -> [String; 2] {
    let hyphened = mac.replace(':', "-");
    [format!("/grub/{mac}"), format!("/pxelinux/pxelinux.cfg/01-{hyphened}")]
        .map(|path| serving.get(&path).text())
}

#[test]
fn grub_and_pxelinux_are_told_what_ipxe_is_told() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let mac = serving.mac("compute");
    let url = format!("http://{}", serving.address);
    let ks = format!(
        " inst.ks={url}{} inst.ks.sendmac inst.ks.sendsn ",
        serving.kickstart_path("compute")
    );
    let [grub, pxelinux] = asked(&serving, &mac);
    let card = format!(" BOOTIF=01-{} ip=dhcp", mac.replace(':', "-"));
    assert!(grub.contains(&ks) && grub.contains(&card), "{grub}");
    let kernel = format!("linuxefi '('http,{}')'/n/", serving.address);
    assert!(grub.contains(&kernel), "{kernel}: {grub}");
    assert!(
        grub.contains("/tree/images/pxeboot/initrd.img\n") && grub.ends_with("\nboot\n"),
        "{grub}"
    );
    assert!(pxelinux.contains(&ks) && pxelinux.contains("\n  ipappend 2\n"), "{pxelinux}");
    assert!(pxelinux.contains(&format!("\n  kernel {url}/n/")), "{pxelinux}");
    assert!(pxelinux.contains(&format!("\n  initrd {url}/n/")), "{pxelinux}");
    // Once it is installed, and for machines that the lab does not know, there is the disk.
    let kickstart = serving.get_as(&mac, &serving.kickstart_path("compute")).text();
    serving.tell(&Serving::report_path(&kickstart), "what=installed");
    for mac in [mac.as_str(), "52:54:00:00:00:01"] {
        let [grub, pxelinux] = asked(&serving, mac);
        assert!(
            grub.contains("chainloader /EFI/centos/shimx64.efi") && grub.ends_with("exit 1\n"),
            "{grub}"
        );
        assert!(pxelinux.contains("localboot -1") && !pxelinux.contains("kernel"), "{pxelinux}");
    }
    let first = serving.get("/grub.cfg").text();
    assert!(first.contains("/grub/$net_default_mac\n"), "{first}");
    for script in [grub, first] {
        fs::write(serving.lab.path("grub.cfg"), script).expect("written");
        let mut check = judge("grub-script-check");
        check.arg(serving.lab.path("grub.cfg"));
        judged(check);
    }
}

#[test]
fn pxelinux_goes_on_until_its_machine_is_known() {
    let serving = Serving::new();
    serving.wait_for("compute", "armed");
    let get = |name: &str| serving.get(&format!("/pxelinux/pxelinux.cfg/{name}"));
    for unknown in ["4c4c4544-0051-3510-8052-b4c04f4d3233", "0A00000B", "0A", "01-zz", "..%2f.."] {
        assert_eq!(get(unknown).status, 404, "{unknown}");
    }
    assert!(get("default").text().contains("localboot -1"));
    assert_eq!(serving.get("/pxelinux/ldlinux.c32").status, 200);
    assert_eq!(serving.state("compute"), "armed", "nobody has booted");
}

/// Who only looks, and who may have no kickstart, changes nothing and learns nothing.
#[test]
fn strangers_are_led_to_their_disks() {
    let mut serving = Serving::new();
    serving.wait_for("compute", "armed");
    let mac = serving.mac("compute");
    for path in
        [format!("/grub/{mac}"), format!("/pxelinux/pxelinux.cfg/01-{}", mac.replace(':', "-"))]
    {
        assert_eq!(ask(serving.address, "HEAD", &path, &[], "").status, 200);
    }
    assert_eq!(serving.node("compute")["step"], "", "nobody has asked");
    serving.kill();
    serving.again(&["--allow", "10.0.0.0/24"]);
    for said in asked(&serving, &mac) {
        assert!(!said.contains("inst.ks"), "{said}");
    }
}
