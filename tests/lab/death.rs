//! Death at any moment: what was begun is finished by the next run, or taken away without a trace.

use std::time::Duration;

use crate::running::Machines;

fn is_long() -> bool {
    std::env::var_os("TRAINYARD_LONG").is_some()
}

const BOTH: [&str; 2] = ["controller running", "compute running"];

/// After each of the steps of being made and of going: of one node, whose steps are the others' as well, or (`TRAINYARD_LONG`) of all.
#[test]
fn death_after_any_step_is_healed_either_way() {
    let lab = Machines::new();
    let steps = |words: &[&str]| {
        let told = lab.done(&[words, &["--dry-run", "--format", "json"]].concat()).stdout;
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        told["steps"].as_array().expect("steps").len()
    };
    let nodes: &[&str] = if is_long() { &[] } else { &["compute"] };
    let powers = if is_long() { BOTH } else { ["controller missing", "compute running"] };
    let shown = [&["lab", "up"], nodes].concat();
    let (up, down) = ([&shown[..], &["--no-wait"]].concat(), ["lab", "down"]);
    let made = steps(&shown);
    assert!(made > 8, "{made}");
    for at in 0..made {
        lab.dies_after(&up, at);
        if at % 2 == 0 {
            lab.done(&up);
            assert_eq!(lab.powers(), powers, "{at}");
            let nothing = lab.done(&[&shown[..], &["--dry-run"]].concat()).stdout;
            assert_eq!(nothing, "nothing is to be done\n");
        }
        lab.done(&down);
        lab.nothing_is_left();
    }
    lab.done(&up);
    let gone = steps(&down);
    assert!(gone > 6, "{gone}");
    for at in 0..gone {
        lab.done(&up);
        lab.dies_after(&down, at);
        if at % 2 == 0 {
            lab.done(&up);
            assert_eq!(lab.powers(), powers, "{at}");
        }
        lab.done(&down);
        lab.nothing_is_left();
    }
}

/// In the middle of steps as well: 20 times (`TRAINYARD_LONG`; else twice) at a random moment. The seed is `TRAINYARD_SEED`, or the
/// day's, so that every day kills elsewhere.
#[test]
fn what_is_killed_at_random_is_finished_by_the_next() {
    let given = std::env::var("TRAINYARD_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let day = || std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs() / 86_400;
    let mut random: u64 = given.unwrap_or_else(day);
    println!("TRAINYARD_SEED={random}");
    let lab = Machines::new();
    for n in 0..if is_long() { 20 } else { 2 } {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let after = Duration::from_millis(random >> 33 & 0x7ff);
        let up = n % 3 != 2;
        let words: &[&str] = if up { &["lab", "up", "--no-wait"] } else { &["lab", "down"] };
        lab.killed_after(words, after);
        if n % 2 == 1 {
            lab.done(&["lab", "up", "--no-wait"]);
            assert_eq!(lab.powers(), BOTH, "after {after:?} of {words:?}");
        }
    }
    lab.done(&["lab", "down"]);
    lab.nothing_is_left();
}
