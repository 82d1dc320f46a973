//! The same work on several things at the same time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Does it for each, so many at a time, and gives the results in the order of the things. Where one fails, those that have begun are
/// done still, and the first error is given.
pub(crate) fn each<T: Sync, R: Send, E: Send>(
    things: &[T],
    jobs: usize,
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let run = || {
        let mut done = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(n) else { break };
            done.push((n, work(thing)?));
        }
        Ok(done)
    };
    let (all, failed) = (Mutex::new(Vec::new()), Mutex::new(None));
    thread::scope(|scope| {
        for _ in 0..jobs.min(things.len()) {
            scope.spawn(|| match run() {
                Ok(done) => lock(&all).extend(done),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    lock(&failed).get_or_insert(error);
                }
            });
        }
    });
    if let Some(error) = lock(&failed).take() {
        return Err(error);
    }
    let mut all = std::mem::take(&mut *lock(&all));
    all.sort_by_key(|(n, _)| *n);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}

/// A thread that panicked ends the program, so what it left is never looked at.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_and_until_one_fails() {
        let things: Vec<usize> = (0..100).collect();
        for jobs in [1, 3, 200] {
            let done = each(&things, jobs, |n| Ok::<_, ()>(n * 2));
            assert_eq!(done, Ok(things.iter().map(|n| n * 2).collect()));
            let begun = AtomicUsize::new(0);
            let failed = each(&things, jobs, |n| {
                begun.fetch_add(1, Ordering::Relaxed);
                if *n == 5 { Err(*n) } else { Ok(()) }
            });
            assert_eq!(failed, Err(5));
            assert!(jobs > 1 || begun.load(Ordering::Relaxed) == 6, "it goes on");
        }
        assert_eq!(each(&[(); 0], 4, |()| Err::<(), _>(())), Ok(vec![]));
    }
}
