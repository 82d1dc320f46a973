//! Death at every command (`TRAINYARD_LONG`; else at every third): what was begun is finished by the next run, or taken away without a trace; what is a person's stays as it is.

use crate::host::{Host, alone, down, up};
use crate::plan::small;

/// Commands of which the middle can be seen: two things happen in them.
const TWOFOLD: [&str; 4] = ["createvm", "createmedium", "natnetwork", "unregistervm"];

pub fn is_long() -> bool {
    std::env::var_os("TRAINYARD_LONG").is_some()
}

/// Each moment of death in these commands: the number of the command, and when. Before one is after the one before.
fn moments(told: &[Vec<String>], first: usize) -> Vec<(usize, &'static str)> {
    let mut moments = Vec::new();
    for (at, command) in (1..).zip(told) {
        moments.push((at, "after"));
        if TWOFOLD.contains(&command[0].as_str()) {
            moments.push((at, "middle"));
        }
    }
    let step = if is_long() { 1 } else { 3 };
    moments.into_iter().skip(first % step).step_by(step).collect()
}

fn is_gone(host: &Host) -> bool {
    !host.lab().exists()
}

#[test]
fn death_while_a_lab_is_made_is_healed_by_the_next_run_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        let (before, files) = (host.known(), host.elsewhere());
        up(&wanted).expect("made");
        let (whole, told) = (host.known(), host.told());
        down(&wanted).expect("gone");
        assert!(told.len() > 12, "{told:?}");
        for (at, when) in moments(&told, 0) {
            let about = format!("{when} {:?}", told[at - 1]);
            host.die(at, when);
            up(&wanted).expect_err(&about);
            host.live();
            up(&wanted).unwrap_or_else(|error| panic!("{about}: {error}"));
            assert_eq!(host.known(), whole, "{about}");
            down(&wanted).unwrap_or_else(|error| panic!("{about}: {error}"));
            assert_eq!(host.known(), before, "{about}");
            assert!(is_gone(host) && host.elsewhere() == files, "{about}");
        }
    });
}

#[test]
fn death_while_a_lab_is_made_leaves_nothing_after_down_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        let (before, files) = (host.known(), host.elsewhere());
        up(&wanted).expect("made");
        let told = host.told();
        down(&wanted).expect("gone");
        for (at, when) in moments(&told, 1) {
            let about = format!("{when} {:?}", told[at - 1]);
            host.die(at, when);
            up(&wanted).expect_err(&about);
            host.live();
            down(&wanted).unwrap_or_else(|error| panic!("{about}: {error}"));
            assert_eq!(host.known(), before, "{about}");
            assert!(is_gone(host), "{about}");
            assert_eq!(host.elsewhere(), files, "{about}");
        }
    });
}

#[test]
fn death_while_a_lab_goes_is_healed_either_way_by_a_fake_vboxmanage() {
    alone(|host| {
        let wanted = small(&host.lab());
        let (before, files) = (host.known(), host.elsewhere());
        up(&wanted).expect("made");
        let (whole, made) = (host.known(), host.count());
        down(&wanted).expect("gone");
        let told = host.told().split_off(made);
        for (at, when) in moments(&told, 2) {
            let about = format!("{when} {:?}", told[at - 1]);
            up(&wanted).unwrap_or_else(|error| panic!("{about}: {error}"));
            host.die(at, when);
            // What may fail may be killed as well, and the rest is done.
            let _ = down(&wanted);
            host.live();
            up(&wanted).unwrap_or_else(|error| panic!("{about}: {error}"));
            assert_eq!(host.known(), whole, "{about}");
            host.die(at, when);
            let _ = down(&wanted);
            host.live();
            down(&wanted).unwrap_or_else(|error| panic!("{about}: {error}"));
            assert_eq!(host.known(), before, "{about}");
            assert!(is_gone(host) && host.elsewhere() == files, "{about}");
        }
    });
}
