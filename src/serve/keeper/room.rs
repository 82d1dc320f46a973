//! How many events one node may add: what is kept of all nodes has one bound, and no node may push out what the others did.

use std::time::{Duration, Instant};

/// How many it may add at once. An installation and its first boot come to less than a hundred.
pub(super) const BURST: u32 = 1000;
/// How soon it may add one more.
const EACH: Duration = Duration::from_secs(60);

/// A node's room.
pub(super) struct Room {
    left: u32,
    since: Instant,
    /// Events that had none.
    lost: u64,
}

impl Room {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, since: now, lost: 0 }
    }

    /// What is kept of an event, which a change that `matters` is in any case: with it is told how many were not. Nothing where it has no
    /// room.
    pub(super) fn take(&mut self, text: String, matters: bool, now: Instant) -> Option<String> {
        while self.left < BURST && now.saturating_duration_since(self.since) >= EACH {
            self.left += 1;
            self.since += EACH;
        }
        if self.left == BURST {
            self.since = now;
        }
        if self.left == 0 && !matters {
            self.lost += 1;
            return None;
        }
        self.left = self.left.saturating_sub(1);
        Some(match std::mem::take(&mut self.lost) {
            0 => text,
            lost => format!("{text} ({lost} events before it are left out: they came too fast)"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{BURST, EACH, Room};

    #[test]
    fn a_flood_is_counted_and_what_matters_is_kept() {
        let begun = Instant::now();
        let mut room = Room::new(begun);
        let told = |room: &mut Room, matters: bool, minutes: u32| {
            room.take("x".to_owned(), matters, begun + EACH * minutes)
        };
        // Who was quiet for an hour has no more than this.
        let kept = (0..BURST + 500).filter(|_| told(&mut room, false, 60).is_some()).count();
        assert_eq!(kept, BURST as usize);
        let lost =
            |count| Some(format!("x ({count} events before it are left out: they came too fast)"));
        assert_eq!(told(&mut room, true, 60), lost(500));
        assert_eq!(told(&mut room, true, 60).as_deref(), Some("x"));
        assert_eq!(told(&mut room, false, 60), None);
        assert_eq!(told(&mut room, false, 61), lost(1));
        assert_eq!(told(&mut room, false, 61), None);
        let kept = (0..BURST).filter(|_| told(&mut room, false, 64).is_some()).count();
        assert_eq!(kept, 3);
    }
}
