//! What stands in the way is told with what to do.

use std::net::TcpListener;

use serde_json::{Value, json};
use trainyard::doctor::{Check, State};
use trainyard::machines::virtualbox::VirtualBox;
use trainyard::machines::{Provider as _, Wanted};

use crate::host::{Host, alone, down, nodes, up};
use crate::plan::lab;

/// All that is looked at, for all nodes.
fn checks(wanted: &Wanted) -> Vec<Check> {
    let seen = VirtualBox.look(wanted).expect("told");
    VirtualBox.preflight(wanted, &seen, &nodes(wanted))
}

/// What is not good, by what it is about.
fn found(wanted: &Wanted) -> Vec<Check> {
    let checks = checks(wanted).into_iter();
    // Whether KVM is in the way and how much room there is, is this machine's own matter.
    let own = ["virtualisation", "disk for the machines"];
    checks
        .filter(|check| check.state != State::Good && !own.contains(&check.what.as_str()))
        .collect()
}

/// The one thing that is not good.
fn one(wanted: &Wanted) -> (String, State, String, String) {
    let mut found = found(wanted);
    assert_eq!(found.len(), 1, "{found:?}");
    let check = found.remove(0);
    (check.what, check.state, check.seen, check.fix.expect("what to do"))
}

fn told(what: &str, state: State, seen: &str, fix: &str) -> (String, State, String, String) {
    (what.into(), state, seen.into(), fix.into())
}

/// A lab of the reference's kind: its networks are all that VirtualBox has no word against.
fn plain(host: &Host) -> Wanted {
    let mut wanted = lab(&host.lab());
    wanted.networks[2].subnet = "192.168.57.0/24".parse().ok();
    wanted
}

#[test]
fn a_good_host_has_nothing_in_the_way_by_a_fake_vboxmanage() {
    alone(|host| {
        let mut wanted = plain(host);
        // No other test's.
        wanted.machines[0].forwards[0].host.set_port(29111);
        assert_eq!(found(&wanted), []);
        let seen: Vec<_> = checks(&wanted).into_iter().map(|check| check.seen).collect();
        for good in [
            "version 7.0.20",
            "24000 of 32000 MiB are free, the machines that do not run yet take 8192 MiB",
            "bridged to `eth0`",
        ] {
            assert!(seen.iter().any(|seen| seen == good), "{good}: {seen:?}");
        }
        assert_eq!(host.count(), 0);
        // And nothing in the way of one that runs: its ports are its own.
        up(&wanted).expect("made");
        let _held = TcpListener::bind("127.0.0.1:29111").expect("a port");
        assert_eq!(found(&wanted), []);
    });
}

#[test]
fn disks_that_no_machine_has_are_told_by_a_fake_vboxmanage() {
    alone(|host| {
        let mut wanted = plain(host);
        wanted.machines[1].disks[0].unmet = vec!["`storage.disk.bus: nvme`".into()];
        wanted.machines[1].disks[1].virtio = true;
        assert_eq!(
            one(&wanted),
            told(
                "disks of node `compute`",
                State::Bad,
                "its machine would have no such disk: `storage.disk.bus: nvme`, `storage.data.disk`: a disk on virtio (`vda`)",
                "say of them what machines have: `sda` and `sdb`, a `serial`, or a `size` that `disk` of the node fits"
            )
        );
        let refused = up(&wanted).expect_err("also for a script").to_string();
        assert!(
            refused.starts_with("disks of node `compute`: its machine would have"),
            "{refused}"
        );
        // What is there is as it was made.
        up(&plain(host)).expect("made");
        assert_eq!(found(&wanted), []);
    });
}

#[test]
fn versions_and_the_kernels_module_are_told_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = plain(host);
        let version = |version: &str| host.change(|state| state["version"] = version.into());
        version("6.0.24r1");
        assert_eq!(
            one(&wanted),
            told(
                "VBoxManage",
                State::Bad,
                "version 6.0.24, and 6.1 or newer is needed",
                "install a newer one: https://www.virtualbox.org"
            )
        );
        version("7.2.2r1");
        assert_eq!(
            one(&wanted),
            told(
                "VBoxManage",
                State::Lacking,
                "version 7.2.2, in which NAT networks do not start on some hosts",
                "install 7.2.4 or newer, or 7.1"
            )
        );
        for good in ["6.1.0r1", "7.1.12r1", "7.2.4_Ubuntur1"] {
            version(good);
            assert_eq!(found(&wanted), [], "{good}");
        }
        host.change(|state| {
            state["warning"] = "WARNING: The vboxdrv kernel module is not loaded. Either there is no module\n         available for the current kernel (6.1.0) or it failed to\n         load. Please recompile the kernel module and install it by\n\n           sudo /sbin/vboxconfig\n\n         You will not be able to start VMs until this problem is fixed.\n".into();
        });
        assert_eq!(
            one(&wanted),
            told(
                "VBoxManage",
                State::Bad,
                "its kernel module is not loaded",
                "load it (`sudo modprobe vboxdrv`), or build it anew (`sudo /sbin/vboxconfig`; it needs the running kernel's headers); where Secure Boot is on, it must be signed"
            )
        );
    });
}

#[test]
fn the_processor_and_memory_are_told_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = plain(host);
        let set = |key: &str, value: Value| host.change(|state| state["host"][key] = value);
        set("hwvirt", "no".into());
        let checks = checks(&wanted);
        let check = checks.iter().find(|check| check.what == "virtualisation").expect("told");
        assert_eq!(
            (check.state, check.seen.as_str()),
            (State::Bad, "VirtualBox sees none in the processor")
        );
        set("hwvirt", "yes".into());
        set("nested", "no".into());
        assert_eq!(
            one(&wanted),
            told(
                "nested virtualisation",
                State::Lacking,
                "machines cannot have machines of their own here: instances are emulated, which is slow",
                "let it be, or use a host whose processor and VirtualBox can"
            )
        );
        set("nested", "yes".into());
        set("free", 8000.into());
        assert_eq!(
            one(&wanted),
            told(
                "memory",
                State::Lacking,
                "8000 of 32000 MiB are free, the machines that do not run yet take 8192 MiB",
                "give the nodes less (`memory`), end other programs, or use a larger host"
            )
        );
        set("memory", 8192.into());
        assert_eq!(one(&wanted).1, State::Bad);
        up(&wanted).expect("made all the same");
        assert_eq!(found(&wanted), []);
    });
}

#[test]
fn nat_networks_are_looked_at_by_a_fake_vboxmanage() {
    alone(|host| {
        let mut wanted = plain(host);
        let held = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = held.local_addr().expect("told").port();
        wanted.machines[1].forwards[0].host.set_port(port);
        assert_eq!(
            one(&wanted),
            told(
                &format!("port 127.0.0.1:{port}"),
                State::Bad,
                "another program listens there, and it is to lead to ssh of node `compute`",
                "end that program, or say `--port-base N`, which moves all of the lab's ports (of a lab that is there, after `trainyard lab down`)"
            )
        );
        drop(held);
        wanted.networks[0].gateway = "10.0.0.1".parse().ok();
        assert_eq!(found(&wanted), []);
        wanted.networks[0].gateway = "10.0.0.254".parse().ok();
        assert_eq!(
            one(&wanted),
            told(
                "network management",
                State::Bad,
                "VirtualBox gives 10.0.0.1 to the gateway of a NAT network, and to no other address",
                "say `networks.management.gateway: 10.0.0.1` in the lab file"
            )
        );
        wanted.networks[0].gateway = None;
        wanted.machines[1].address = "10.0.0.2".parse().expect("an address");
        assert_eq!(
            one(&wanted),
            told(
                "network management",
                State::Bad,
                "10.0.0.2 is the host itself on a NAT network, and node `compute` has it",
                "give the node another address"
            )
        );
        wanted.machines[1].address = "10.0.0.31".parse().expect("an address");
        host.change(|state| state["bridged"][0]["ip"] = "10.0.0.77".into());
        assert_eq!(
            one(&wanted),
            told(
                "network management",
                State::Lacking,
                "the host's interface `eth0` is in 10.0.0.0/24 as well: nodes do not reach what is there",
                "give `networks.management` another `cidr`, if they have to"
            )
        );
        host.change(|state| state["bridged"][0]["ip"] = "192.0.2.7".into());
        wanted.networks[0].subnet = None;
        assert_eq!(
            one(&wanted),
            told(
                "network management",
                State::Bad,
                "network `management` is a NAT network, and has no subnet",
                "say `networks.management.cidr` in the lab file, or attach it otherwise (`networks.management.virtualbox.attach`)"
            )
        );
    });
}

#[test]
fn bridges_are_chosen_or_asked_for_by_a_fake_vboxmanage() {
    alone(|host| {
        let mut wanted = plain(host);
        host.change(|state| state["bridged"][0]["status"] = "Down".into());
        assert_eq!(
            one(&wanted),
            told(
                "network provider",
                State::Bad,
                "network `provider` is bridged, and no interface of the host's is up, has an IPv4 address and is not wireless",
                "say `networks.provider.virtualbox.host_interface` in the lab file, one of `eth0`, `wlan0`"
            )
        );
        let refused = up(&wanted).expect_err("refused").to_string();
        assert!(refused.contains("one of `eth0`, `wlan0`") && host.count() == 0, "{refused}");
        // Machines that are there need no choice any more.
        host.change(|state| state["bridged"][0]["status"] = "Up".into());
        up(&wanted).expect("made");
        host.change(|state| state["bridged"][0]["status"] = "Down".into());
        assert_eq!(found(&wanted), []);
        down(&wanted).expect("gone");
        wanted.networks[1].host_interface = "wlan0".into();
        assert_eq!(
            one(&wanted),
            told(
                "network provider",
                State::Lacking,
                "bridged to `wlan0`, which is wireless: it drops the frames of instances and of floating addresses",
                "connect the host by a wire, and say `networks.provider.virtualbox.host_interface`"
            )
        );
    });
}

#[test]
fn host_only_networks_are_looked_at_by_a_fake_vboxmanage() {
    alone(|host| {
        let mut wanted = plain(host);
        wanted.networks[2].subnet = "10.77.0.0/24".parse().ok();
        let is_said = std::path::Path::new("/etc/vbox/networks.conf").exists();
        if !is_said {
            assert_eq!(
                one(&wanted),
                told(
                    "network storage",
                    State::Bad,
                    "VirtualBox allows no host-only interface in 10.77.0.0/24 here",
                    "say so: `echo '* 10.77.0.0/24' | sudo tee -a /etc/vbox/networks.conf`"
                )
            );
        }
        // Where there is one already, it was allowed; and older ones allow all.
        host.change(|state| state["hostonly"][0]["ip"] = "10.77.0.1".into());
        assert_eq!(found(&wanted), []);
        host.change(|state| {
            state["hostonly"][0]["ip"] = "192.168.56.1".into();
            state["version"] = "6.1.26r1".into();
        });
        assert_eq!(found(&wanted), []);
    });
}

#[test]
fn what_is_not_the_labs_is_told_before_anything_by_a_fake_vboxmanage() {
    alone(|host| {
        host.change(|state| {
            state["natnets"]["train-management"] =
                json!({"network": "10.0.0.0/24", "dhcp": false, "enabled": true, "forwards": []});
        });
        let (what, state, seen, _) = one(&plain(host));
        assert_eq!((what.as_str(), state), ("what is not the lab's", State::Bad));
        assert!(seen.starts_with("the NAT network `train-management` is not the lab's"), "{seen}");
    });
}
