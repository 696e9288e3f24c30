//! Jobs that each answer for several tests, done by two threads while the tests wait for their
//! answers: the machines stay busy, and results come in the order of names.

use std::collections::{HashMap, VecDeque};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What a test comes to; the text says why it failed.
pub type Verdict = Result<(), String>;

/// Something to do, and the tests that wait for it.
pub struct Job {
    /// The names of the tests.
    pub names: Vec<String>,
    /// The work; it answers for the names, and those it leaves out have failed.
    pub work: Box<dyn FnOnce() -> HashMap<String, Verdict> + Send>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    verdicts: HashMap<String, Verdict>,
}

/// The waiting jobs and the verdicts so far.
#[derive(Clone, Default)]
pub struct Pool {
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Pool {
    /// A pool with these jobs, at which `threads` threads work.
    #[must_use]
    pub fn start(jobs: Vec<Job>, threads: usize) -> Self {
        let pool = Self::default();
        pool.state().jobs.extend(jobs);
        for _ in 0..threads {
            let pool = pool.clone();
            thread::spawn(move || pool.work());
        }
        pool
    }

    /// Waits for the verdict on the test `name`, which is in one of the jobs.
    pub fn verdict(&self, name: &str) -> Verdict {
        let mut state = self.state();
        loop {
            if let Some(verdict) = state.verdicts.remove(name) {
                return verdict;
            }
            state = self.shared.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        loop {
            let Some(job) = self.state().jobs.pop_front() else { return };
            let mut verdicts = panic::catch_unwind(AssertUnwindSafe(job.work)).unwrap_or_default();
            let mut state = self.state();
            for name in job.names {
                let verdict = verdicts.remove(&name);
                let verdict = verdict.unwrap_or_else(|| Err("the harness panicked".to_owned()));
                state.verdicts.insert(name, verdict);
            }
            drop(state);
            self.shared.1.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, work: fn() -> Verdict) -> Job {
        let key = name.to_owned();
        Job { names: vec![key.clone()], work: Box::new(move || HashMap::from([(key, work())])) }
    }

    #[test]
    fn each_test_gets_its_own_verdict() {
        let jobs = vec![
            job("good", || Ok(())),
            job("bad", || Err("no".to_owned())),
            job("panics", || panic!("on purpose")),
        ];
        let pool = Pool::start(jobs, 2);
        assert!(pool.verdict("panics").is_err());
        assert_eq!(pool.verdict("good"), Ok(()));
        assert_eq!(pool.verdict("bad"), Err("no".to_owned()));
    }
}
