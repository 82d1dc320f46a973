//! What the kickstart says to the installer.

use std::fs;

use super::common::everything::networks;
use super::common::{Lab, judge, judged};

fn network_lines(lab: &Lab, node: &str) -> Vec<String> {
    lab.done(&["render", "-o", "out"]);
    let kickstart = lab.path(&format!("out/{node}/ks.cfg"));
    let mut command = judge("ksvalidator");
    command.args(["-v", "RHEL7"]).arg(&kickstart);
    judged(command);
    let text = fs::read_to_string(kickstart).expect("text");
    let line = |line: &str| {
        let line = line.strip_prefix("network ").or(line.strip_prefix("# So are those"))?;
        Some(line.trim_end_matches(" --onboot=yes --activate").to_owned())
    };
    text.lines().filter_map(line).collect()
}

#[test]
fn the_installer_gets_what_it_can_do() {
    assert_eq!(
        network_lines(&networks(), "controller"),
        [
            " that this installer cannot make, or not with the others: br0.",
            "--device=52:54:00:00:00:01 --bootproto=static --ip=10.0.0.11 --netmask=255.255.255.0 --gateway=10.0.0.1 --nameserver=10.0.0.2,10.0.0.3,fd00::2 --ipv6=fd00::11/64 --ipv6gateway=fd00::1 --onboot=yes --activate --hostname=controller",
            "--device=bond0 --bondslaves=enp0s8,enp0s9 --bondopts=mode=active-backup,primary=enp0s9,miimon=200 --bootproto=static --ip=10.2.0.11 --netmask=255.255.255.0 --nodefroute --nodns",
            "--device=bond1 --bondslaves=enp0s10,enp0s16 --bondopts=mode=balance-xor,arp_interval=1000,arp_ip_target=10.1.0.1 --vlanid=300 --interfacename=fast --bootproto=static --ip=10.1.0.11 --netmask=255.255.255.0 --nodefroute --nodns --noipv6 --mtu=9000",
            "--device=enp0s18 --bootproto=dhcp --nodefroute --nodns --ipv6=dhcp",
            "--device=br1 --bridgeslaves=enp0s19 --bridgeopts=stp=no --bootproto=static --ip=10.5.0.11 --netmask=255.255.255.0 --nodefroute --nodns",
        ]
    );
    // An option with a comma needs another separator, and that one quotes.
    let lab = Lab::new(
        "interfaces: {bond0: {network: management, bond: {members: [a, b], options: 'arp_interval=500 arp_ip_target=10.0.0.1,10.0.0.2'}}}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    let line = &network_lines(&lab, "controller")[0];
    assert!(
        line.contains(
            " --bondopts='mode=active-backup;arp_interval=500;arp_ip_target=10.0.0.1,10.0.0.2' "
        ),
        "{line}"
    );
}

#[test]
fn a_management_network_that_the_installer_cannot_make_leaves_the_name() {
    let lab = Lab::new(
        "networks: {storage: {ipv6: {cidr: \"fd00::/64\"}}}\n\
         interfaces: {br0: {network: management, bridge: {ports: [bond0]}}, bond0: {bond: {members: [enp0s3, enp0s8]}}, \
         enp0s9: {network: storage, ipv6: \"fd00::5\"}}\n\
         nodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    assert_eq!(
        network_lines(&lab, "controller"),
        [
            " that this installer cannot make, or not with the others: br0.",
            "--hostname=controller",
            "--device=enp0s9 --noipv4 --nodefroute --nodns --ipv6=fd00::5/64",
        ]
    );
}

#[test]
fn the_installer_leaves_no_file_of_its_own() {
    let lab = Lab::example("reference.yaml");
    lab.done(&["render", "controller", "-o", "out"]);
    let kickstart = lab.read("out/controller/ks.cfg");
    let begin = kickstart.find("\nfind /etc/sysconfig").expect("there") + 1;
    let end =
        begin + kickstart[begin..].find("/usr/local/sbin/trainyard-node place").expect("after");
    let folder = lab.path("scripts");
    let put = |name: &str| fs::write(folder.join(name), "").expect("written");
    fs::create_dir(&folder).expect("made");
    for name in [
        "ifcfg-lo",
        "ifup-routes",
        "network-functions",
        "ifcfg-eth0",
        "ifcfg-bond0_slave_1",
        "route-eth0",
        "route6-eth0",
        "keys-eth0",
    ] {
        put(name);
    }
    let script = kickstart[begin..end]
        .replace("/etc/sysconfig/network-scripts", &folder.display().to_string());
    let mut command = judge("bash");
    command.arg("-euc").arg(script);
    judged(command);
    assert_eq!(lab.names("scripts"), ["ifcfg-lo", "ifup-routes", "network-functions"]);
}
