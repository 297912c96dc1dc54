//! What the allocator does with large buffers between steps.

/// Asks the allocator to keep freed memory for the next buffers instead of handing it back to the system.
///
/// Every step of training or extraction allocates and frees the same large activations. glibc returns them to the
/// system each time, and the kernel then clears and maps them page by page again: measured on the `small` network at
/// batch 64 with 2 threads, 890 images per second with that and 1,420 without. The process keeps about its peak until it
/// ends. For a binary to call once, first thing in `main`; does nothing where the allocator is another one.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn glibc() {
    /// Above any buffer of a step; and the most that old versions accept.
    const LARGEST: [libc::c_int; 2] = [1 << 30, 32 << 20];
    // SAFETY: `mallopt` only sets numbers that later allocations read; it may be called at any time.
    unsafe {
        let _ = LARGEST.iter().any(|&largest| libc::mallopt(libc::M_MMAP_THRESHOLD, largest) == 1);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
        // Arenas of single threads hold 64 MiB at most and hand that back once it is all free, whatever the threshold.
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives memory that is free, but was kept, back to the system: for the end of something large that does not come again.
///
/// Without glibc nothing happens.
pub fn give_back_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call touches only pages that no allocation holds; it may be made at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A vector of `len` numbers that may be anything: for an output that is then wholly written.
///
/// Zeros would cost a pass over memory on one thread: measured at 8 % of a training step's processor time with large
/// activations.
#[must_use]
pub fn unspecified(len: usize) -> Vec<f32> {
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    return vec![0.0; len];
    #[cfg(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let mut values = Vec::<f32>::with_capacity(len);
        // SAFETY: the empty assembly touches nothing. It may write to what the pointer reaches, though, for all that the
        // compiler knows: from here on the allocation holds some numbers, and every pattern of bits is an `f32`.
        unsafe { std::arch::asm!("/* {0} */", in(reg) values.as_mut_ptr(), options(nostack, preserves_flags)) };
        // SAFETY: the capacity is `len`, and the elements hold some numbers since the assembly.
        unsafe { values.set_len(len) };
        values
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn unspecified_numbers_can_be_read_and_written() {
        for len in [0, 1, 1000, 1 << 20] {
            let mut values = super::unspecified(len);
            assert_eq!((values.len(), values.iter().filter(|v| v.to_bits() == 0).count() <= len), (len, true));
            values.fill(1.0);
            assert!(values.iter().all(|&v| v == 1.0));
        }
    }

    #[test]
    fn memory_can_still_be_had() {
        super::keep_freed_memory();
        for _ in 0..3 {
            let buffer = vec![1.0_f32; 1 << 22];
            assert!(buffer.iter().all(|&v| v == 1.0));
            super::give_back_freed_memory();
            assert!(buffer.iter().all(|&v| v == 1.0));
        }
    }
}
