//! Which instructions the kernels use, decided once at run time.

use std::cell::Cell;
use std::sync::OnceLock;

/// The instructions that the kernels are compiled for, each with all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstructionSet {
    /// What every processor of the target has (SSE2 on x86-64, NEON on AArch64), through the compiler's vectoriser.
    Portable,
    /// 256-bit vectors with fused multiply-add, on x86-64.
    Avx2Fma,
    /// 512-bit vectors for products, on x86-64; all else as [`InstructionSet::Avx2Fma`]. Both give the same bytes.
    Avx512,
}

thread_local! {
    static FORCE_PORTABLE: Cell<bool> = const { Cell::new(false) };
}

/// The instruction set that calls from this thread use: the best one found, or [`InstructionSet::Portable`] inside
/// [`with_portable_kernels`].
#[must_use]
pub fn instruction_set() -> InstructionSet {
    static DETECTED: OnceLock<InstructionSet> = OnceLock::new();
    if FORCE_PORTABLE.get() {
        return InstructionSet::Portable;
    }
    *DETECTED.get_or_init(detect)
}

/// Whether this thread is inside [`with_portable_kernels`].
pub(crate) fn portable_is_asked_for() -> bool {
    FORCE_PORTABLE.get()
}

#[cfg(target_arch = "x86_64")]
fn detect() -> InstructionSet {
    match is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        true if is_x86_feature_detected!("avx512f") => InstructionSet::Avx512,
        true => InstructionSet::Avx2Fma,
        false => InstructionSet::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> InstructionSet {
    InstructionSet::Portable
}

/// Runs `f` on a thread of the current pool, with the caller's choice of kernels.
///
/// A thread outside hands each call of the engine over to the pool and sleeps until it is told of the end; from call to call
/// other cores then have what the call before wrote. Whoever makes many calls makes them in here.
pub fn on_pool<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    let portable = portable_is_asked_for();
    rayon::scope(|_| if portable { with_portable_kernels(f) } else { f() })
}

/// Runs `f` with the portable kernels, for tests and comparisons.
///
/// The choice holds for engine functions that `f` calls on this thread; the tasks that they spread over the pool follow
/// their caller.
pub fn with_portable_kernels<T>(f: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCE_PORTABLE.set(self.0);
        }
    }
    let _restore = Restore(FORCE_PORTABLE.replace(true));
    f()
}

/// Defines a function whose body is compiled once for each [`InstructionSet`]; its first argument picks one.
///
/// The body holds plain loops for the compiler's vectoriser. Rust never fuses a multiplication with an addition by
/// itself, so both versions give the same bytes.
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name(isa: $crate::InstructionSet, $($arg: $ty),*) {
            #[allow(clippy::too_many_arguments, reason = "as the outer function")]
            #[inline(always)]
            fn body($($arg: $ty),*) $body
            #[allow(clippy::too_many_arguments, reason = "as the outer function")]
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $ty),*) {
                body($($arg),*)
            }
            match isa {
                #[cfg(target_arch = "x86_64")]
                $crate::InstructionSet::Avx2Fma | $crate::InstructionSet::Avx512 => {
                    // SAFETY: these reach the kernels only from `instruction_set()`, which found both features.
                    unsafe { avx2($($arg),*) }
                }
                _ => body($($arg),*),
            }
        }
    };
}
pub(crate) use multiversion;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_choice_ends_with_its_closure() {
        let before = instruction_set();
        assert_eq!(with_portable_kernels(instruction_set), InstructionSet::Portable);
        assert_eq!(instruction_set(), before);
    }

    #[test]
    fn a_thread_of_the_pool_follows_its_caller() {
        assert_eq!(on_pool(instruction_set), instruction_set());
        assert_eq!(with_portable_kernels(|| on_pool(instruction_set)), InstructionSet::Portable);
        assert_eq!(on_pool(instruction_set), instruction_set());
    }
}
