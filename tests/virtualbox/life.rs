//! A lab's machines from nothing and to nothing.

use std::fs;

use serde_json::json;
use trainyard::machines::virtualbox::VirtualBox;
use trainyard::machines::{Act, Power, Provider as _, Snapshot, Stop};

use crate::host::{alone, done, down, nodes, steps_up, up};
use crate::plan::lab;

#[test]
fn a_lab_is_made_from_nothing_and_goes_to_nothing_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = lab(&host.lab());
        let (before, files) = (host.known(), host.elsewhere());
        let seen = VirtualBox.look(&wanted).expect("told");
        assert!(
            seen.machines.is_empty() && seen.networks.is_empty() && seen.foreign.is_empty(),
            "{seen:?}"
        );
        assert_eq!(host.known(), before, "looking changes nothing");

        up(&wanted).expect("made");
        let seen = VirtualBox.look(&wanted).expect("told");
        for node in nodes(&wanted) {
            assert_eq!(seen.power(node), Power::Running);
        }
        assert_eq!(seen.networks, ["train-management", "train-storage"]);

        // Again there is nothing to do; what is off is started, and no more.
        assert_eq!(steps_up(&wanted).expect("told").len(), 0);
        VirtualBox.stop(&wanted.machines[0], Stop::Plug).expect("stopped");
        assert_eq!(VirtualBox.look(&wanted).expect("told").power("controller"), Power::Off);
        let steps = steps_up(&wanted).expect("told");
        assert_eq!(steps.iter().map(|step| step.what.as_str()).collect::<Vec<_>>(), ["start it"]);
        done(&wanted, &steps).expect("started");
        assert_eq!(VirtualBox.look(&wanted).expect("told").power("controller"), Power::Running);

        down(&wanted).expect("gone");
        assert_eq!(host.known(), before);
        assert_eq!(host.elsewhere(), files);
        assert!(!host.lab().exists());
    });
}

#[test]
fn machines_are_what_the_lab_says_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = lab(&host.lab());
        up(&wanted).expect("made");
        let (controller, compute) = (host.vm("train-controller"), host.vm("train-compute"));
        let path = |name: &str| host.lab().join("nodes").join(name).display().to_string();
        for (key, value) in [
            ("memory", "4096"),
            ("cpus", "2"),
            ("firmware", "bios"),
            ("boot1", "disk"),
            ("boot2", "dvd"),
            ("boot3", "none"),
            ("nic1", "natnetwork"),
            ("nat-network1", "train-management"),
            ("macaddress1", "08002700010B"),
            ("nic3", "bridged"),
            ("bridgeadapter3", "eth0"),
            ("nicpromisc3", "allow-all"),
            ("uart1", "0x3F8 4"),
        ] {
            assert_eq!(controller["settings"][key], value, "{key}");
        }
        for key in ["nicpromisc1", "nic2", "nested-hw-virt", "hardwareuuid"] {
            assert!(controller["settings"].get(key).is_none(), "{key}");
        }
        assert_eq!(controller["file"], path("controller/train-controller/train-controller.vbox"));
        for (key, value) in [
            ("nic2", "hostonly"),
            ("hostonlyadapter2", "vboxnet1"),
            ("nested-hw-virt", "on"),
            ("hardwareuuid", "11111111-2222-3333-4444-555555555555"),
            ("system-uuid-le", "off"),
        ] {
            assert_eq!(compute["settings"][key], value, "{key}");
        }
        assert_eq!(
            compute["extradata"]["VBoxInternal/Devices/pcbios/0/Config/DmiSystemSerial"],
            "string:0042"
        );
        assert_eq!(
            compute["extradata"]["VBoxInternal/Devices/ahci/0/Config/Port1/SerialNumber"],
            "string:D-0042"
        );
        let state = host.state();
        let on = |vm: &serde_json::Value, port: usize| {
            let medium =
                vm["ports"][format!("SATA-{port}-0")].as_str().expect("a medium").to_owned();
            state["media"][&medium]["path"].as_str().expect("a path").to_owned()
        };
        assert_eq!(
            [0, 1].map(|port| on(&controller, port)),
            ["controller/system.vdi", "controller/install.iso"].map(path)
        );
        assert_eq!(
            [0, 1, 2].map(|port| on(&compute, port)),
            ["compute/system.vdi", "compute/data.vdi", "compute/cidata.iso"].map(path)
        );
        let network = json!({
            "network": "10.0.0.0/24", "dhcp": false, "enabled": true,
            "forwards": ["controller-ssh:tcp:[127.0.0.1]:29011:[10.0.0.11]:22", "compute-ssh:tcp:[127.0.0.1]:29031:[10.0.0.31]:22"],
        });
        assert_eq!(state["natnets"]["train-management"], network);
        assert_eq!(
            state["hostonly"][1],
            json!({"name": "vboxnet1", "ip": "192.168.57.1", "mask": "255.255.255.0"})
        );
    });
}

#[test]
fn the_newest_are_told_the_architecture_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = lab(&host.lab());
        for (version, wants) in
            [("7.2.4r1", true), ("7.1.0r1", true), ("7.0.26r1", false), ("6.1.50r1", false)]
        {
            host.change(|state| state["version"] = version.into());
            let steps = steps_up(&wanted).expect("told");
            let told = |step: &trainyard::machines::Step| matches!(&step.act, Act::Run { arguments, .. } if arguments.contains(&"--platform-architecture".into()));
            assert_eq!(steps.iter().any(told), wants, "{version}");
        }
        // And the stand-in takes what it is told: unknown options are refused.
        host.change(|state| state["version"] = "7.2.4r1".into());
        up(&wanted).expect("made");
    });
}

#[test]
fn one_node_goes_and_the_rest_stays_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = lab(&host.lab());
        up(&wanted).expect("made");
        let (controller, before) = (host.vm("train-controller"), host.known());
        // What has just been stopped is still held for a moment.
        host.put("slow", "2");
        let seen = VirtualBox.look(&wanted).expect("told");
        done(&wanted, &VirtualBox.raze(&wanted, &seen, &["compute"]).expect("told")).expect("gone");
        assert!(host.vm("train-compute").is_null() && !host.lab().join("nodes/compute").exists());
        let seen = VirtualBox.look(&wanted).expect("told");
        assert_eq!(seen.power("compute"), Power::Missing);
        assert_eq!(seen.networks, ["train-management", "train-storage"]);
        up(&wanted).expect("made anew");
        assert_eq!(host.vm("train-controller"), controller);
        assert_eq!(host.known(), before);
    });
}

#[test]
fn a_machine_is_stopped_started_shown_and_kept_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = lab(&host.lab());
        up(&wanted).expect("made");
        let controller = &wanted.machines[0];
        let state = |is: &str| assert_eq!(host.vm("train-controller")["state"], is);

        let picture = host.lab().join("screen.png");
        VirtualBox.screenshot(controller, &picture).expect("a picture");
        assert!(fs::read(&picture).expect("bytes").starts_with(b"\x89PNG"));

        let shot = |what| VirtualBox.snapshot(controller, what).expect("done");
        assert!(shot(Snapshot::List).is_empty());
        assert_eq!(shot(Snapshot::Take("installed")), ["installed"]);
        assert_eq!(shot(Snapshot::Take("it's \"verified\"")), ["installed", "it's \"verified\""]);
        let first = host.vm("train-controller")["snapshots"][0][0].clone();
        assert_eq!(shot(Snapshot::Take("installed")), ["it's \"verified\"", "installed"]);
        assert!(
            !host.vm("train-controller")["snapshots"]
                .to_string()
                .contains(first.as_str().expect("a UUID"))
        );
        let refused = |name| {
            VirtualBox
                .snapshot(controller, Snapshot::Restore(name))
                .expect_err("refused")
                .to_string()
        };
        assert_eq!(
            refused("installed"),
            "the machine of `controller` runs: it must be off to go back to a snapshot"
        );

        VirtualBox.stop(controller, Stop::Button).expect("stopped");
        state("poweroff");
        VirtualBox.stop(controller, Stop::Plug).expect("it is off already");
        assert_eq!(
            refused("other"),
            "the machine of `controller` has no snapshot `other`: it has `it's \"verified\"`, `installed`"
        );
        shot(Snapshot::Restore("installed"));
        assert_eq!(host.vm("train-controller")["restored"], "installed");

        // What has just been stopped is still held for a moment.
        host.change_vm("train-controller", |vm| vm["letting_go"] = 2.into());
        VirtualBox.start(&wanted, controller).expect("started");
        state("running");
        VirtualBox.start(&wanted, controller).expect("it runs already");
        down(&wanted).expect("gone");
        let gone = VirtualBox.start(&wanted, controller).expect_err("none").to_string();
        assert_eq!(
            gone,
            "node `controller` has no machine in VirtualBox: `trainyard lab up` makes it"
        );
    });
}
