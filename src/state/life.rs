//! A node's way: what may follow what. All of it is here, and nothing else changes a state.

use std::net::IpAddr;

use super::{NodeState, State, Token};

/// How a boot from the network is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// With the installer.
    Install,
    /// With the machine's own disk.
    Disk,
}

/// What a node tells of its installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// It has come this far.
    Step(&'a str),
    /// It is installed, and about to boot from its disk.
    Installed,
    /// It gave up.
    Failed(&'a str),
}

/// How long a node may take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To say something, while it is under way.
    pub silence: u64,
    /// To ask what to boot, once it is armed.
    pub armed: u64,
}

/// What a node did that has asked what to boot, and nothing since.
const ASKED: &str = "asked what to boot";
/// Milliseconds within which firmware that asks twice has begun once.
const TWICE: u64 = 5000;

impl NodeState {
    /// It is to be installed, whatever it was. What opened its files before opens nothing any more.
    pub fn arm(&mut self, files: Token, report: Token, now: u64) {
        *self = Self {
            state: State::Armed,
            seen: self.seen,
            files: Some(files),
            report: Some(report),
            ..Self::new(&self.name, now)
        };
    }

    /// Its machine starts, or has other disks: what it has told of its stages was of the time before, and it tells it again; and one that
    /// had failed may come through.
    pub fn starts(&mut self) {
        self.stages = None;
        if self.state == State::Failed {
            (self.state, self.reason) = (State::Installing, None);
        }
    }

    /// It asks what to boot. One that was interrupted while it was installed begins anew, but not for ever.
    pub fn boots(&mut self, attempts: u32, now: u64) -> Asked {
        let last = self.seen.replace(now);
        if !matches!(self.state, State::Armed | State::Installing) {
            return Asked::Disk;
        }
        // It died before it fetched its kickstart, where it is not its firmware that asks twice.
        let twice =
            self.step == ASKED && last.is_some_and(|last| now.saturating_sub(last) <= TWICE);
        if self.booted && !twice {
            self.booted = false;
            self.attempts += 1;
        }
        if self.attempts >= attempts {
            let times = if attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
            self.fail(format!("it has begun {times}, and was never installed"), now);
            return Asked::Disk;
        }
        self.booted = true;
        ASKED.clone_into(&mut self.step);
        Asked::Install
    }

    /// It has fetched what it is made by. Returns whether that begins something: an installer that asks again does not.
    pub fn fetched(&mut self, what: &str, now: u64) -> bool {
        self.seen = Some(now);
        let begins = self.state == State::Armed || self.booted;
        if begins {
            self.booted = false;
            self.enter(State::Installing, now);
            self.attempts += 1;
            self.step = format!("fetched {what}");
        }
        begins
    }

    /// Its kickstart was fetched from there. Returns whether it was fetched from elsewhere before.
    pub fn asks_from(&mut self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.fetched_from.replace(address).is_some_and(|before| before != address)
    }

    /// It tells how far it is. Returns whether that is news.
    pub fn tells(&mut self, told: Told, now: u64) -> bool {
        self.seen = Some(now);
        match told {
            // It loads its kernel before it fetches its kickstart.
            Told::Step(step) if matches!(self.state, State::Armed | State::Installing) => {
                let news = self.step != step;
                step.clone_into(&mut self.step);
                news
            }
            Told::Installed if self.state != State::Installed => {
                self.enter(State::Installed, now);
                self.reason = None;
                "installed".clone_into(&mut self.step);
                self.files = None;
                true
            }
            Told::Failed(reason) if self.state == State::Installing => {
                self.fail(reason.to_owned(), now);
                true
            }
            _ => false,
        }
    }

    /// Whether it has taken longer than it may.
    #[must_use]
    pub fn is_late(&self, limits: Limits, now: u64) -> bool {
        match self.state {
            // Nobody has to switch it on; but what opens its kickstart is not left for ever.
            State::Armed if !self.booted => now.saturating_sub(self.since) > limits.armed,
            // One that has asked what to boot is under way.
            State::Armed | State::Installing => {
                now.saturating_sub(self.seen.unwrap_or(self.since)) > limits.silence
            }
            _ => false,
        }
    }

    /// It has failed, where it is silent for too long, and is not armed any more, where it never came. Returns what happened, if anything did.
    pub fn expire(&mut self, limits: Limits, now: u64) -> Option<String> {
        if !self.is_late(limits, now) {
            return None;
        }
        if self.state == State::Armed && !self.booted {
            self.enter(State::New, now);
            self.files = None;
            let seconds = limits.armed.div_ceil(1000);
            self.step = format!("not armed any more: for {seconds} s it did not ask what to boot");
            return Some(self.step.clone());
        }
        let seconds = limits.silence.div_ceil(1000);
        let reason =
            format!("nothing was heard of it for {seconds} s; the last was: {}", self.step);
        self.fail(reason.clone(), now);
        Some(reason)
    }

    fn fail(&mut self, reason: String, now: u64) {
        self.enter(State::Failed, now);
        self.reason = Some(reason);
        self.files = None;
    }

    fn enter(&mut self, state: State, now: u64) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Limits, NodeState, State, Token, Told};

    fn silent(silence: u64) -> Limits {
        Limits { silence, armed: u64::MAX }
    }

    fn armed() -> NodeState {
        let mut node = NodeState::new("compute", 0);
        node.arm(Token::random().expect("random"), Token::random().expect("random"), 1);
        node
    }

    #[test]
    fn only_one_that_was_armed_is_installed_and_only_once() {
        let mut node = NodeState::new("compute", 0);
        assert_eq!(node.boots(3, 1), Asked::Disk);
        let mut node = armed();
        assert_eq!(node.boots(3, 2), Asked::Install);
        assert!(node.fetched("its kickstart", 3));
        assert!(!node.fetched("its kickstart", 4), "an installer asks again");
        assert_eq!((node.state, node.since, node.attempts), (State::Installing, 3, 1));
        assert!(node.tells(Told::Installed, 5));
        assert!(!node.tells(Told::Installed, 6), "and tells it again");
        assert_eq!((node.state, node.since, node.seen), (State::Installed, 5, Some(6)));
        assert_eq!(node.files, None, "what opened its files opens nothing");
        assert!(node.report.is_some(), "it still tells of its first boot");
        assert_eq!(node.boots(3, 7), Asked::Disk);
    }

    #[test]
    fn one_that_loads_its_kernel_has_not_begun_yet() {
        let mut node = armed();
        assert_eq!(node.boots(3, 2), Asked::Install);
        assert!(node.tells(Told::Step("loading its kernel"), 3));
        assert_eq!(
            (node.state, &*node.step, node.attempts),
            (State::Armed, "loading its kernel", 0)
        );
        assert!(node.fetched("its kickstart", 4));
        assert_eq!((node.state, &*node.step), (State::Installing, "fetched its kickstart"));
    }

    #[test]
    fn one_that_was_interrupted_begins_anew_but_not_for_ever() {
        let mut node = armed();
        for n in 1..=3 {
            assert_eq!(node.boots(3, 2), Asked::Install);
            assert!(node.fetched("its kickstart", 3), "attempt {n}");
            assert_eq!(node.attempts, n);
        }
        assert_eq!(node.boots(3, 4), Asked::Disk);
        assert_eq!(node.state, State::Failed);
        assert_eq!(node.reason.as_deref(), Some("it has begun 3 times, and was never installed"));
    }

    #[test]
    fn one_that_never_comes_to_its_kickstart_is_not_tried_for_ever() {
        for dies_at in [None, Some("loading its kernel")] {
            let mut node = armed();
            let boots = |node: &mut NodeState, at: u64| {
                let asked = node.boots(3, at);
                // Its firmware asks twice.
                assert_eq!(node.boots(3, at + 100), asked, "{dies_at:?}");
                if let Some(step) = dies_at {
                    node.tells(Told::Step(step), at + 200);
                }
                (asked, node.attempts)
            };
            // What was seen to load its kernel need not be waited for.
            let between = if dies_at.is_some() { 1000 } else { 6000 };
            for n in 0..3 {
                let begun = u64::from(n) * between;
                assert_eq!(boots(&mut node, begun), (Asked::Install, n), "{dies_at:?}");
            }
            assert_eq!(boots(&mut node, 3 * between).0, Asked::Disk, "{dies_at:?}");
            assert_eq!(node.state, State::Failed);
            let reason = "it has begun 3 times, and was never installed";
            assert_eq!(node.reason.as_deref(), Some(reason));
        }
    }

    #[test]
    fn what_was_told_before_a_start_does_not_count() {
        let mut node = armed();
        node.fetched("its kickstart", 2);
        node.tells(Told::Failed("no disk"), 3);
        node.starts();
        assert_eq!((node.state, &node.reason), (State::Installing, &None));
        node.tells(Told::Installed, 4);
        node.stages = Some(serde_json::json!({ "stages": [] }));
        node.starts();
        assert_eq!((node.state, &node.stages), (State::Installed, &None));
    }

    #[test]
    fn silence_is_a_failure_that_says_where() {
        let mut node = armed();
        assert_eq!(node.expire(silent(60_000), 10_000_000), None, "nobody has to switch it on");
        node.boots(3, 1);
        node.fetched("its kickstart", 2);
        assert!(node.tells(Told::Step("installing packages"), 1000));
        assert!(!node.tells(Told::Step("installing packages"), 2000), "no news");
        assert_eq!(node.expire(silent(60_000), 62_000), None);
        let reason = "nothing was heard of it for 60 s; the last was: installing packages";
        assert_eq!(node.expire(silent(60_000), 62_001).as_deref(), Some(reason));
        assert_eq!((node.state, node.reason.as_deref()), (State::Failed, Some(reason)));
        assert_eq!(node.expire(silent(60_000), 99_000_000), None);
    }

    #[test]
    fn one_that_never_fetched_its_kickstart_has_failed_as_well() {
        let mut node = armed();
        node.boots(3, 1);
        node.tells(Told::Step("loading its kernel"), 2);
        assert!(node.expire(silent(1000), 5000).is_some());
        let reason = "nothing was heard of it for 1 s; the last was: loading its kernel";
        assert_eq!((node.state, node.reason.as_deref()), (State::Failed, Some(reason)));
    }

    #[test]
    fn one_that_never_comes_is_not_armed_for_ever() {
        let limits = Limits { silence: 1000, armed: 60_000 };
        let mut node = armed();
        assert_eq!(node.expire(limits, 60_001), None);
        let mut other = node.clone();
        let said = node.expire(limits, 60_002);
        assert_eq!(
            said.as_deref(),
            Some("not armed any more: for 60 s it did not ask what to boot")
        );
        assert_eq!((node.state, &node.files), (State::New, &None), "what opened its files is dead");
        assert_eq!(node.boots(3, 60_003), Asked::Disk);
        assert_eq!(node.expire(limits, 99_000_000), None);
        assert!(node.tells(Told::Installed, 99_000_001), "it had its kickstart from a medium");
        // One that has come in time has the time that it needs.
        other.boots(3, 60_001);
        assert_eq!(other.expire(limits, 60_900), None);
    }

    #[test]
    fn one_that_was_taken_for_lost_and_comes_through_is_installed() {
        let mut node = armed();
        node.fetched("its kickstart", 2);
        assert!(node.expire(silent(1000), 9000).is_some());
        assert!(node.tells(Told::Installed, 9001));
        assert_eq!((node.state, node.reason), (State::Installed, None));
    }

    #[test]
    fn a_failure_ends_it_and_arming_begins_it_anew() {
        let mut node = armed();
        let first = node.files.clone();
        node.fetched("its kickstart", 2);
        assert!(node.tells(Told::Failed("no disk"), 3));
        assert!(!node.tells(Told::Step("late"), 4), "what comes late changes nothing");
        assert_eq!((node.state, node.reason.as_deref()), (State::Failed, Some("no disk")));
        node.arm(Token::random().expect("random"), Token::random().expect("random"), 5);
        assert_eq!((node.state, node.reason.as_deref(), node.attempts), (State::Armed, None, 0));
        assert_ne!(node.files, first);
    }
}
