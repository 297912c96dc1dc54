//! Working memory that a thread keeps between calls, so that a layer does not pay for fresh pages at each step.

use std::cell::RefCell;

use crate::aligned::Aligned;

/// Buffers above this many floats (16 MiB) are given back to the system after use.
const KEPT_FLOATS: usize = 4 << 20;
/// Buffers that one thread keeps at most.
const KEPT_BUFFERS: usize = 4;

thread_local! {
    static BUFFERS: RefCell<Vec<Aligned>> = const { RefCell::new(Vec::new()) };
}

/// Hands `f` a buffer of `len` floats with **unspecified content** that begins on a cache line.
///
/// A buffer is taken out of the thread's list while it is in use, so nested calls get different ones, also where a
/// waiting rayon thread runs another task in between.
pub(crate) fn with<T>(len: usize, f: impl FnOnce(&mut [f32]) -> T) -> T {
    let mut buffer = take(len);
    if buffer.len() < len {
        // No copy of stale content: free first, then allocate zeroed pages.
        drop(buffer);
        buffer = Aligned::zeroed(len);
    }
    let result = f(&mut buffer[..len]);
    put_back(buffer);
    result
}

/// The smallest kept buffer that is large enough, else the largest one.
fn take(len: usize) -> Aligned {
    BUFFERS.with_borrow_mut(|list| {
        let fitting = (0..list.len()).filter(|&i| list[i].len() >= len).min_by_key(|&i| list[i].len());
        match fitting.or_else(|| (0..list.len()).max_by_key(|&i| list[i].len())) {
            Some(i) => list.swap_remove(i),
            None => Aligned::default(),
        }
    })
}

fn put_back(buffer: Aligned) {
    if buffer.len() <= KEPT_FLOATS {
        BUFFERS.with_borrow_mut(|list| {
            if list.len() < KEPT_BUFFERS {
                list.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nested_buffers_are_distinct() {
        super::with(10, |a| {
            a.fill(1.0);
            super::with(20, |b| b.fill(2.0));
            assert!(a.iter().all(|&v| v == 1.0));
        });
        super::with(5, |a| assert_eq!(a.len(), 5));
    }
}
