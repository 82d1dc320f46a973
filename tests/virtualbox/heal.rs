//! What was interrupted, changed or broken is put right.

use std::fs;

use trainyard::machines::virtualbox::VirtualBox;
use trainyard::machines::{Power, Provider as _};

use crate::host::{alone, done, down, steps_up, up};
use crate::plan::{lab, small};

/// What the steps do, in words.
fn whats(wanted: &trainyard::machines::Wanted) -> Vec<String> {
    steps_up(wanted).expect("told").into_iter().map(|step| step.what).collect()
}

#[test]
fn every_state_ends_as_running_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        up(&wanted).expect("made");
        for (state, held, is, what) in [
            ("saved", false, Power::Saved, vec!["start it"]),
            ("aborted", false, Power::Off, vec!["start it"]),
            ("aborted-saved", false, Power::Saved, vec!["start it"]),
            ("paused", true, Power::Paused, vec!["let it go on"]),
            (
                "gurumeditation",
                true,
                Power::Paused,
                vec!["switch it off, for it is stuck", "start it"],
            ),
            ("running", true, Power::Running, vec![]),
        ] {
            host.change_vm("train-compute", |vm| {
                vm["state"] = state.into();
                vm["session"] = if held { "headless" } else { "" }.into();
            });
            assert_eq!(VirtualBox.look(&wanted).expect("told").power("compute"), is, "{state}");
            assert_eq!(whats(&wanted), what, "{state}");
            up(&wanted).expect("healed");
            assert_eq!(host.vm("train-compute")["state"], "running", "{state}");
        }
    });
}

#[test]
fn a_locked_machine_is_told_with_what_to_do_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        up(&wanted).expect("made");
        let locked = "the machine `train-compute` is locked by `GUI/Qt`, and cannot be changed: close its window and its settings in VirtualBox (or end the program that has it open), and run this again";
        host.change_vm("train-compute", |vm| {
            vm["state"] = "poweroff".into();
            vm["session"] = "GUI/Qt".into();
        });
        let before = host.known();
        assert_eq!(up(&wanted).expect_err("locked").to_string(), locked);
        assert_eq!(down(&wanted).expect_err("locked").to_string(), locked);
        // One that is not whole as well.
        host.change_vm("train-compute", |vm| vm["extradata"] = serde_json::json!({}));
        assert_eq!(up(&wanted).expect_err("locked").to_string(), locked);
        host.change_vm("train-compute", |vm| {
            vm["extradata"]["trainyard/whole"] =
                before["vms"]["train-compute"]["extradata"]["trainyard/whole"].clone();
        });
        host.change_vm("train-compute", |vm| vm["session"] = "".into());
        up(&wanted).expect("it is let go of");
    });
}

#[test]
fn registrations_without_files_are_healed_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        let before = host.known();
        up(&wanted).expect("made");
        let whole = host.known();
        // A person has deleted the lab's folder, and VirtualBox knows machine and media still.
        fs::remove_dir_all(host.lab()).expect("removed");
        host.change_vm("train-compute", |vm| {
            vm["inaccessible"] = true.into();
            vm["state"] = "poweroff".into();
            vm["session"] = "".into();
        });
        assert_eq!(VirtualBox.look(&wanted).expect("told").power("compute"), Power::Partial);
        up(&wanted).expect("healed");
        assert_eq!(host.known(), whole);

        // The same with the machine taken from VirtualBox by hand: the media are left.
        fs::remove_dir_all(host.lab()).expect("removed");
        host.change(|state| {
            let vms = state["vms"].as_object_mut().expect("machines");
            vms.retain(|_, vm| vm["name"] != "train-compute");
        });
        assert_eq!(VirtualBox.look(&wanted).expect("told").power("compute"), Power::Partial);
        up(&wanted).expect("healed");
        assert_eq!(host.known(), whole);
        down(&wanted).expect("gone");
        assert_eq!(host.known(), before);
    });
}

#[test]
fn a_network_that_was_changed_is_put_right_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = lab(&host.lab());
        up(&wanted).expect("made");
        let whole = host.known();
        host.change(|state| {
            let network = &mut state["natnets"]["train-management"];
            network["dhcp"] = true.into();
            network["enabled"] = false.into();
            network["network"] = "10.1.0.0/24".into();
            network["forwards"] = serde_json::json!([
                "old:tcp:[]:1:[10.0.0.9]:22",
                "controller-ssh:tcp:[127.0.0.1]:9:[10.0.0.11]:22"
            ]);
            state["hostonly"][1]["ip"] = "192.168.56.1".into();
        });
        assert_eq!(
            whats(&wanted),
            ["put the NAT network train-management right", "give vboxnet1 its address"]
        );
        up(&wanted).expect("healed");
        assert_eq!(host.known(), whole);
    });
}

#[test]
fn a_lab_that_has_changed_keeps_its_machines_by_a_fake_vboxmanage() {
    alone(|host| {
        let mut wanted = lab(&host.lab());
        up(&wanted).expect("made");
        let before = host.known();
        // Whether what was built is what is wanted is another question.
        wanted.machines[0].hardware.memory_mib = 8192;
        assert!(whats(&wanted).is_empty());
        // A node that the lab does not name any more is still seen, and goes with the rest.
        wanted.machines.remove(1);
        let seen = VirtualBox.look(&wanted).expect("told");
        assert_eq!(seen.power("compute"), Power::Running);
        done(&wanted, &VirtualBox.raze(&wanted, &seen, &["controller"]).expect("told"))
            .expect("gone");
        assert_eq!(
            host.state()["natnets"]["train-management"],
            before["natnets"]["train-management"]
        );
        down(&wanted).expect("gone");
        assert!(host.state()["natnets"].get("train-management").is_none());
    });
}
