//! Machines on a bridge of the host's: in a network and a file system of the test's own, with QEMU's own helper.

use std::fs;

use crate::common::{Outcome, PROGRAM, judge, outcome};
use crate::running::Machines;

/// A host of its own with a bridge, whose address nodes take for the gateway's; what follows is run there.
const HOST: &str = r#"set -eu
mount -t sysfs sysfs /sys
mkdir -p etc
mount --rbind /etc etc
mount -t tmpfs tmpfs /etc
ln -s "$PWD"/etc/* /etc
rm -f /etc/qemu
mkdir /etc/qemu
printf '%s' "$allowed" > /etc/qemu/bridge.conf
ip link set lo up
ip link add br0 type bridge
ip link set br0 up
[ -z "$address" ] || ip addr add "$address" dev br0
"#;

/// Somebody else on the bridge, at a node's place, asks the lab's server.
const STATION: &str = r#"
"$lab" lab up compute $how &
up=$!
trap 'kill $up $station; wait || :; "$lab" lab down' EXIT
unshare --net sleep 120 &
station=$!
# Until it has a network of its own, its network is the host's.
until [ "$(readlink /proc/$station/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.2; done
until ip link add v0 type veth peer name v1 netns $station 2> /dev/null; do sleep 0.2; done
ip link set v0 master br0 up
on() { nsenter -t $station -n "$@"; }
on ip addr add 10.0.0.77/24 dev v1
on ip link set v1 up
tries=0
until on curl -sf -m 5 "http://10.0.0.1:$port/api/v1/nodes" > asked && ip -o link show master br0 | grep -q tap; do
    tries=$((tries + 1))
    [ $tries -lt 100 ]
    sleep 0.3
done
ip -o link show master br0 > ports
"$lab" lab status --format json > status
"#;

fn on_host(lab: &Machines, allowed: &str, address: &str, script: &str) -> Outcome {
    let mut host = judge("unshare");
    host.args(["--map-root-user", "--net", "--mount", "timeout", "120", "sh", "-c"]);
    host.arg(format!("{HOST}{script}")).current_dir(lab.path(""));
    let how = format!("--provider qemu --via cloud --port-base {}", lab.port);
    host.envs([("allowed", allowed), ("address", address), ("lab", PROGRAM), ("how", &how)]);
    host.env("port", lab.port.to_string()).env("HOME", lab.path(""));
    outcome(host)
}

#[test]
fn nodes_on_a_bridge_are_reached_at_their_own_addresses_and_reach_the_labs_server() {
    let lab = Machines::new();
    lab.change("attach: nat-network}", "attach: bridged, host_interface: br0}");
    let done = on_host(&lab, "allow br0\n", "10.0.0.1/24", STATION);
    assert_eq!(done.status, 0, "{done:?}");
    let read = |name: &str| fs::read_to_string(lab.path(name)).expect(name);
    assert!(read("asked").contains(r#""name":"compute""#), "{}", read("asked"));
    let ports = read("ports");
    assert!(ports.contains("tap") && ports.contains("v0"), "{ports}");
    let status: serde_json::Value = serde_json::from_str(&read("status")).expect("JSON");
    let compute = &status["machines"][1];
    assert_eq!((&compute["node"], &compute["power"]), (&"compute".into(), &"running".into()));
    assert_eq!(compute["forwards"][0]["host"], "10.0.0.31:22", "{status}");
    lab.nothing_is_left();
}

#[test]
fn what_a_bridge_lacks_is_told_with_what_to_do() {
    let lab = Machines::new();
    lab.change("attach: nat-network}", "attach: bridged, host_interface: br0}");
    let planned = "\"$lab\" lab up $how --dry-run";
    let told = |allowed: &str, address: &str, planned: &str, words: [&str; 2]| {
        let told = on_host(&lab, allowed, address, planned);
        assert_eq!(told.status, 0, "{told:?}");
        for word in words {
            assert!(told.stderr.contains(word), "{word}\n{told:?}");
        }
    };
    let fix = "echo 'allow br0' | sudo tee -a /etc/qemu/bridge.conf";
    told("deny br0\n", "10.0.0.1/24", planned, ["does not allow `br0` to QEMU", fix]);
    let fix = "`sudo ip addr add 10.0.0.1/24 dev br0`";
    told("allow all\n", "", planned, ["has no address in 10.0.0.0/24", fix]);
    let pxe = "\"$lab\" lab up --state other $how --via pxe --dry-run";
    let pxe = pxe.replace("$how", &format!("--provider qemu --port-base {}", lab.port));
    told("allow all\n", "10.0.0.1/24", &pxe, ["by network on a NAT network alone", "--via iso"]);
    let gone = format!("ip link del br0; {planned}");
    told("allow all\n", "", &gone, ["`br0` is no bridge of this machine's", "attach: nat-network"]);
    let good = on_host(&lab, "allow all\n", "10.0.0.1/24", planned);
    assert!(!good.stderr.contains("network management"), "{good:?}");
    // And nothing is begun where it would not come to its end.
    let refused = on_host(&lab, "", "10.0.0.1/24", "\"$lab\" lab up $how --no-wait");
    assert_eq!(refused.status, 9, "{refused:?}");
    assert!(!lab.machine("").exists());
}
