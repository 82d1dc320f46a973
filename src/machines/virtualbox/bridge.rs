//! Which of the host's interfaces a network is bridged to.

use super::read::Interface;
use crate::machines::{MachineError, Network};

/// What leaves the choice to us.
const AUTO: &str = "auto";

/// Names of interfaces that lead to no wire: what programs make on Linux for machines, containers and tunnels.
const VIRTUAL: [&str; 16] = [
    "docker",
    "br-",
    "virbr",
    "veth",
    "vboxnet",
    "vmnet",
    "tun",
    "tap",
    "wg",
    "lxc",
    "lxd",
    "podman",
    "cni",
    "flannel",
    "tailscale",
    "zt",
];

/// The interface of a network; what to do where there is none, or more than one of equal right.
pub(super) fn choose(network: &Network, interfaces: &[Interface]) -> Result<String, MachineError> {
    if network.host_interface != AUTO {
        return named(network, interfaces);
    }
    let fitting =
        |it: &&Interface| it.up && it.address.is_some() && !it.wireless && !is_virtual(&it.name);
    let fitting: Vec<&Interface> = interfaces.iter().filter(fitting).collect();
    match fitting[..] {
        [one] => Ok(one.name.clone()),
        [] => Err(MachineError::Unfit(format!(
            "network `{}` is bridged, and no interface of the host's is up, has an IPv4 address and is not wireless; {}",
            network.network,
            say(network, interfaces)
        ))),
        _ => {
            let fitting: Vec<Interface> = fitting.into_iter().cloned().collect();
            Err(MachineError::Unfit(format!(
                "network `{}` is bridged, and more than one interface of the host's can be its way out; {}",
                network.network,
                say(network, &fitting)
            )))
        }
    }
}

/// The interface that the lab file says, on a host that cannot be asked.
pub(super) fn said(network: &Network) -> Result<String, MachineError> {
    if network.host_interface != AUTO {
        return Ok(network.host_interface.clone());
    }
    Err(MachineError::Unfit(format!(
        "network `{0}` is bridged, and the host's interfaces are not known here: say `networks.{0}.virtualbox.host_interface` in the lab file, one of `VBoxManage list bridgedifs` there",
        network.network
    )))
}

/// macOS adds what an interface is to its name: `en0: Ethernet`.
fn named(network: &Network, interfaces: &[Interface]) -> Result<String, MachineError> {
    let name = &network.host_interface;
    let is_it = |it: &&Interface| it.name == *name || it.name.split(':').next() == Some(name);
    let found = interfaces.iter().find(is_it).map(|it| it.name.clone());
    found.ok_or_else(|| {
        MachineError::Unfit(format!(
            "network `{}` is bridged to `{name}`, and VirtualBox knows no such interface; {}",
            network.network,
            say(network, interfaces)
        ))
    })
}

fn say(network: &Network, interfaces: &[Interface]) -> String {
    let key = format!("networks.{}.virtualbox.host_interface", network.network);
    if interfaces.is_empty() {
        return format!(
            "VirtualBox can bridge to none at all: connect the host by a wire, or attach the network otherwise (`networks.{}.virtualbox.attach`)",
            network.network
        );
    }
    let names: Vec<_> = interfaces.iter().map(|it| format!("`{}`", it.name)).collect();
    format!("say `{key}` in the lab file, one of {}", names.join(", "))
}

fn is_virtual(name: &str) -> bool {
    VIRTUAL.iter().any(|begin| name.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use crate::spec::Attach;

    use super::*;

    fn network(host_interface: &str) -> Network {
        Network {
            network: "provider".into(),
            name: "train-provider".into(),
            subnet: None,
            gateway: None,
            attach: Attach::Bridged,
            host_interface: host_interface.into(),
        }
    }

    fn interface(name: &str, address: &str, wireless: bool, up: bool) -> Interface {
        Interface { name: name.into(), address: address.parse().ok(), mask: None, wireless, up }
    }

    fn host() -> Vec<Interface> {
        vec![
            interface("wlan0", "192.0.2.9", true, true),
            interface("docker0", "172.17.0.1", false, true),
            interface("eth1", "192.0.2.7", false, false),
            interface("eth2", "", false, true),
            interface("eth0", "192.0.2.8", false, true),
        ]
    }

    #[test]
    fn the_one_wire_that_is_up_is_chosen() {
        assert_eq!(choose(&network("auto"), &host()).expect("one"), "eth0");
    }

    #[test]
    fn none_and_several_are_told_with_the_line_of_the_lab_file() {
        let mut several = host();
        several.push(interface("enp4s0", "192.0.2.6", false, true));
        let told = choose(&network("auto"), &several).expect_err("two").to_string();
        assert_eq!(
            told,
            "network `provider` is bridged, and more than one interface of the host's can be its way out; say `networks.provider.virtualbox.host_interface` in the lab file, one of `eth0`, `enp4s0`"
        );
        let told = choose(&network("auto"), &host()[..2]).expect_err("none").to_string();
        assert_eq!(
            told,
            "network `provider` is bridged, and no interface of the host's is up, has an IPv4 address and is not wireless; say `networks.provider.virtualbox.host_interface` in the lab file, one of `wlan0`, `docker0`"
        );
        let told = choose(&network("auto"), &[]).expect_err("none").to_string();
        assert!(told.ends_with("connect the host by a wire, or attach the network otherwise (`networks.provider.virtualbox.attach`)"), "{told}");
    }

    #[test]
    fn one_that_is_named_is_taken_if_it_is_there() {
        assert_eq!(choose(&network("wlan0"), &host()).expect("named"), "wlan0");
        let mac = [interface("en0: Ethernet", "192.0.2.8", false, true)];
        assert_eq!(choose(&network("en0"), &mac).expect("named"), "en0: Ethernet");
        let told = choose(&network("eth9"), &mac).expect_err("not there").to_string();
        assert_eq!(
            told,
            "network `provider` is bridged to `eth9`, and VirtualBox knows no such interface; say `networks.provider.virtualbox.host_interface` in the lab file, one of `en0: Ethernet`"
        );
    }
}
