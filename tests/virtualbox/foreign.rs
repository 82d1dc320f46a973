//! What is not the lab's is told of, and never touched.

use std::fs;

use serde_json::json;
use trainyard::machines::virtualbox::VirtualBox;
use trainyard::machines::{MachineError, Provider as _, Seen, Stop};

use crate::host::{alone, done, down, steps_up, up};
use crate::plan::{lab, small};

#[test]
fn a_machine_of_the_same_name_is_told_and_stays_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = lab(&host.lab());
        host.change(|state| state["vms"]["v1"]["name"] = "train-compute".into());
        let before = host.known();
        let file = before["vms"]["train-compute"]["file"].as_str().expect("a file");
        let told = format!(
            "the machine `train-compute` ({file}) is not the lab's, and node `compute` needs its name: rename it (`VBoxManage modifyvm v1 --name NAME`), or give the lab another `name`"
        );
        assert_eq!(VirtualBox.look(&wanted).expect("told").foreign, std::slice::from_ref(&told));
        let refused = up(&wanted).expect_err("refused");
        assert!(matches!(&refused, MachineError::Foreign(said) if *said == told), "{refused}");
        down(&wanted).expect("nothing is the lab's");
        assert_eq!(host.known(), before);
        assert_eq!(host.count(), 0);
    });
}

#[test]
fn a_network_without_our_note_is_told_and_stays_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = lab(&host.lab());
        let told = "the NAT network `train-management` is not the lab's, and network `management` needs its name: rename or remove it in VirtualBox's network manager, or give the lab another `name`";
        for note in [None, Some("another lab of this name")] {
            host.change(|state| {
                state["natnets"]["train-management"] = json!({"network": "10.0.0.0/24", "dhcp": false, "enabled": true, "forwards": []});
                if let Some(note) = note {
                    state["extradata"]["trainyard/natnetwork/train-management"] = note.into();
                }
            });
            let before = host.known();
            assert_eq!(VirtualBox.look(&wanted).expect("told").foreign, [told]);
            assert_eq!(up(&wanted).expect_err("refused").to_string(), told);
            down(&wanted).expect("nothing is the lab's");
            assert_eq!(host.known(), before);
        }
    });
}

#[test]
fn a_persons_disk_in_a_machine_of_the_labs_outlives_it_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        let (before, files) = (host.known(), host.elsewhere());
        up(&wanted).expect("made");
        host.change_vm("train-compute", |vm| {
            vm["controllers"]["My own"] = 1.into();
            vm["ports"]["My own-0-0"] = "d2".into();
        });
        down(&wanted).expect("gone");
        assert_eq!(host.elsewhere(), files);
        assert_eq!(host.known(), before);
    });
}

#[test]
fn what_a_person_uses_of_the_labs_is_not_taken_away_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        up(&wanted).expect("made");
        let state = host.state();
        let media = state["media"].as_object().expect("media");
        let disk = media
            .iter()
            .find(|(_, it)| it["path"].as_str().is_some_and(|path| path.ends_with("data.vdi")))
            .expect("a disk")
            .0;

        host.change(|state| {
            state["vms"]["v1"]["settings"]["nat-network1"] = "train-management".into();
        });
        let before = host.known();
        let told = down(&wanted).expect_err("refused").to_string();
        assert_eq!(
            told,
            "the machine `work` is not the lab's, and is on its NAT network `train-management`: attach it to another network first (`VBoxManage modifyvm v1 --nic1 nat`)"
        );
        assert_eq!(host.known(), before);

        host.change(|state| state["vms"]["v1"]["ports"]["IDE-1-0"] = disk.as_str().into());
        let before = host.known();
        let told = VirtualBox
            .raze(&wanted, &Seen::default(), &["compute"])
            .expect_err("refused")
            .to_string();
        let path = host.lab().join("nodes/compute/data.vdi");
        assert_eq!(
            told,
            format!(
                "`{}` of node `compute` is attached to the machine `work`, which is not the node's: detach it there first",
                path.display()
            )
        );
        assert_eq!(host.known(), before);
    });
}

#[test]
fn an_interface_that_is_on_the_network_already_is_used_and_stays_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        host.change(|state| state["hostonly"][0]["ip"] = "192.168.57.9".into());
        let before = host.known();
        up(&wanted).expect("made");
        assert_eq!(host.vm("train-compute")["settings"]["hostonlyadapter2"], "vboxnet0");
        assert_eq!(host.state()["hostonly"], before["hostonly"]);
        down(&wanted).expect("gone");
        assert_eq!(host.known(), before);
    });
}

#[test]
fn another_labs_machines_are_others_by_a_fake_vboxmanage() {
    alone(|host| {
        let mut other = small(&host.lab().with_file_name("other"));
        other.identity = "beef".into();
        for network in &mut other.networks {
            network.name = network.name.replace("train", "other");
        }
        other.machines[0].name = "other-compute".into();
        other.networks[2].subnet = "192.168.58.0/24".parse().ok();
        up(&other).expect("made");
        let before = host.known();
        let wanted = small(&host.lab());
        up(&wanted).expect("made");
        assert_eq!(VirtualBox.look(&wanted).expect("told").machines.len(), 1);
        down(&wanted).expect("gone");
        assert_eq!(host.known(), before);
        let _ = fs::remove_dir_all(&other.folder);
    });
}

/// Whoever dies between the note and the interface leaves a note of a name that a person's interface may get.
#[test]
fn an_interface_that_a_person_made_under_a_noted_name_is_the_persons_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        let made = steps_up(&wanted).expect("told");
        let at = made.iter().position(|step| step.what.contains("make the host-only")).expect("it");
        let own = json!({"name": "vboxnet1", "ip": "172.16.0.1", "mask": "255.255.255.0"});
        let default = json!({"name": "vboxnet1", "ip": "192.168.57.1", "mask": "255.255.255.0"});
        for (theirs, uses) in [(own, false), (default, true)] {
            let before = host.known();
            done(&wanted, &made[..at]).expect("to the note");
            host.change(|state| {
                state["hostonly"].as_array_mut().expect("interfaces").push(theirs.clone());
                if uses {
                    state["vms"]["v1"]["settings"]["nic3"] = "hostonly".into();
                    state["vms"]["v1"]["settings"]["hostonlyadapter3"] = "vboxnet1".into();
                }
            });
            let other = host.known()["hostonly"].clone();
            // Another subnet than the lab's, so that it is not used as it is.
            let mut elsewhere = wanted.clone();
            elsewhere.networks[2].subnet = "192.168.60.0/24".parse().ok();
            up(&elsewhere).expect("made");
            assert_eq!(host.vm("train-compute")["settings"]["hostonlyadapter2"], "vboxnet2");
            down(&elsewhere).expect("gone");
            assert_eq!(host.known()["hostonly"], other);
            assert_eq!(host.known()["extradata"], before["extradata"], "no note is left");
            host.change(|state| {
                state["hostonly"].as_array_mut().expect("interfaces").pop();
            });
        }
    });
}

#[test]
fn an_interface_of_the_labs_that_a_person_uses_stays_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        up(&wanted).expect("made");
        host.change(|state| {
            state["vms"]["v1"]["settings"]["nic3"] = "hostonly".into();
            state["vms"]["v1"]["settings"]["hostonlyadapter3"] = "vboxnet1".into();
        });
        let before = host.known();
        assert_eq!(
            down(&wanted).expect_err("refused").to_string(),
            "the machine `work` is not the lab's, and is on its host-only network `vboxnet1`: attach it to another network first (`VBoxManage modifyvm v1 --nic3 nat`)"
        );
        assert_eq!(host.known(), before);
    });
}

/// As VirtualBox makes it beside the machine that it is of.
#[test]
fn a_clone_beside_a_machine_of_the_labs_is_told_and_nothing_goes_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        up(&wanted).expect("made");
        let mut clone = host.vm("train-compute");
        clone["name"] = "compute Clone".into();
        let file = host.lab().join("nodes/compute/compute Clone/compute Clone.vbox");
        clone["file"] = file.display().to_string().into();
        clone["ports"] = json!({});
        (clone["state"], clone["session"]) = ("poweroff".into(), "".into());
        host.change(|state| state["vms"]["v9"] = clone.clone());
        let before = host.known();
        let seen = VirtualBox.look(&wanted).expect("told");
        let [told] = &seen.foreign[..] else { panic!("{seen:?}") };
        assert!(
            told.starts_with("machines in the folder of node `compute`, of which one alone")
                && told.contains(&format!("`compute Clone` ({})", file.display())),
            "{told}"
        );
        for refused in
            [up(&wanted), down(&wanted), VirtualBox.stop(&wanted.machines[0], Stop::Plug)]
        {
            let refused = refused.expect_err("refused");
            assert!(matches!(&refused, MachineError::Foreign(said) if said == told), "{refused}");
        }
        assert_eq!(host.known(), before);
    });
}
