//! Several ISOs of one base: what is there already stays, the others are built beside each other.

use std::path::Path;
use std::thread;

use super::copy::is_shared;
use super::role::check_room;
use super::{Base, Built, IsoError, Prepared, Replace, Step, Xorriso};
use crate::appear;
use crate::parallel::each;
use crate::room;

/// Memory that one build takes at most, in MiB: its own, and xorriso's.
const MEMORY: u64 = 128;

/// What becomes of an ISO.
#[derive(Clone, Copy, Debug)]
pub enum State {
    /// It was built.
    Built(Built),
    /// It was there, with nothing otherwise than it would have.
    Unchanged,
    /// It would be built.
    Open,
}

/// Several ISOs that go to one folder.
pub struct Many<'a> {
    works: Vec<(&'a Prepared<'a>, bool)>,
    /// Whether they share the blocks of their base there.
    pub shared: bool,
    /// Bytes that they take.
    pub needed: u64,
}

impl<'a> Many<'a> {
    /// Looks at what is there, and whether there is room for the others. Nothing is written, but for the folder where `makes_folder`.
    ///
    /// # Errors
    /// One is there and may not be replaced, or there is no room.
    pub fn plan(
        prepared: &'a [Prepared<'a>],
        base: &Base,
        folder: &Path,
        makes_folder: bool,
    ) -> Result<Self, IsoError> {
        let mut works = Vec::new();
        for one in prepared {
            let is_unchanged = one.replace() != Replace::Everything && one.is_there();
            if is_unchanged && makes_folder {
                appear::keep_private(one.output())?;
            }
            if !is_unchanged {
                appear::check(one.output(), one.replace() != Replace::Nothing)?;
            }
            works.push((one, is_unchanged));
        }
        if makes_folder {
            std::fs::create_dir_all(folder).map_err(IsoError::io(folder))?;
        }
        let is_open = works.iter().any(|(_, is_unchanged)| !is_unchanged);
        let shared = is_open && folder.is_dir() && is_shared(&base.path, folder)?;
        let open = works.iter().filter(|(_, is_unchanged)| !is_unchanged);
        let needed = open.map(|(one, _)| one.needed(shared)).sum();
        if is_open && folder.is_dir() {
            check_room(folder, needed)?;
        }
        Ok(Self { works, shared, needed })
    }

    /// What would become of each.
    #[must_use]
    pub fn states(&self) -> Vec<State> {
        let state = |done: &bool| if *done { State::Unchanged } else { State::Open };
        self.works.iter().map(|(_, done)| state(done)).collect()
    }

    /// How many are to be built.
    #[must_use]
    pub fn open(&self) -> usize {
        self.works.iter().filter(|(_, is_unchanged)| !is_unchanged).count()
    }

    /// How many can be built at the same time: as many as are `wanted`, or one a processor, as far as there is memory.
    #[must_use]
    pub fn jobs(&self, wanted: Option<usize>) -> usize {
        let wanted =
            wanted.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        let by_memory = room::memory()
            .map_or(usize::MAX, |(free, _)| usize::try_from(free / MEMORY).unwrap_or(usize::MAX));
        wanted.min(by_memory).min(self.open()).max(1)
    }

    /// Builds what is open, so many at the same time. `begin` is told when one begins, and gives what is told how far it is. Where one fails,
    /// those that have begun are built still.
    ///
    /// # Errors
    /// The first that failed.
    pub fn build<F: Fn(Step)>(
        &self,
        xorriso: &Xorriso,
        jobs: usize,
        begin: impl Fn(&Prepared) -> F + Sync,
    ) -> Result<Vec<State>, IsoError> {
        each(&self.works, jobs, |(one, is_unchanged)| {
            if *is_unchanged {
                return Ok(State::Unchanged);
            }
            one.build(xorriso, self.shared, begin(one)).map(State::Built)
        })
    }
}
