//! Moving any amount of data that costs nothing to make, without keeping the CPU from others.

use crate::sched::{self, work};
use abi::Result;

/// Calls `step(n)` for pieces of at most `piece` bytes until `total` are done, a step does less
/// than it was asked for, or a signal waits. Others get the CPU between pieces. An error counts
/// only if nothing was done before it.
pub fn in_pieces(
    total: usize,
    piece: usize,
    mut step: impl FnMut(usize) -> Result<usize>,
) -> Result<usize> {
    let mut done = 0;
    while done < total {
        let want = piece.min(total - done);
        match step(want) {
            Ok(n) => done += n,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
        if done % piece != 0 || !sched::go_on(work::SIGNAL | work::KILL) {
            break;
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::errno::EFAULT;

    #[test]
    fn pieces_end_with_the_total_a_short_one_or_an_error() {
        assert_eq!(in_pieces(10, 4, Ok), Ok(10));
        assert_eq!(in_pieces(0, 4, |_| Err(EFAULT)), Ok(0));
        assert_eq!(in_pieces(10, 4, |_| Ok(3)), Ok(3));
        assert_eq!(in_pieces(10, 4, |_| Err(EFAULT)), Err(EFAULT));
        let mut calls = 0;
        let second_fails = |n| {
            calls += 1;
            if calls == 1 { Ok(n) } else { Err(EFAULT) }
        };
        assert_eq!(in_pieces(10, 4, second_fails), Ok(4));
    }
}
