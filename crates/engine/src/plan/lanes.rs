//! A vector of `f32` lanes, so that each kernel is written once and compiled for every instruction set.

/// A vector register.
///
/// # Safety
/// Every function may be called only where the processor has the instructions that the implementation names, and only
/// inlined into a function compiled for them. Addresses need no alignment; each must be valid for the lanes it says.
pub(super) trait Lanes: Copy {
    /// Lanes of a register.
    const N: usize;

    /// All lanes `value`.
    unsafe fn splat(value: f32) -> Self;
    /// The `N` floats at `from`.
    unsafe fn load(from: *const f32) -> Self;
    /// The first `lanes` floats at `from`, zero in the others; touches no other memory.
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self;
    /// Writes `N` floats.
    unsafe fn store(self, to: *mut f32);
    /// Writes the first `lanes` floats; touches no other memory.
    unsafe fn store_first(self, to: *mut f32, lanes: usize);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// `self * factor + term`.
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;
    /// Zero where a lane is below zero; NaN stays.
    unsafe fn relu(self) -> Self;
    /// The larger of two; NaN wins.
    unsafe fn larger(self, other: Self) -> Self;
    /// Asks for a cache line in the first level; any address will do.
    #[inline(always)]
    unsafe fn fetch_near(_at: *const f32) {}
    /// As [`Lanes::fetch_near`], for a line that will be written: no other core keeps a copy of it.
    #[inline(always)]
    unsafe fn fetch_to_write(_at: *const f32) {}
    /// Asks for a cache line in the second level; any address will do.
    #[inline(always)]
    unsafe fn fetch_far(_at: *const f32) {}
}

/// Four lanes in plain Rust: one register of SSE2 and of NEON through the compiler's vectoriser. On AArch64 its tests have
/// run under an emulator only.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable([f32; 4]);

impl Portable {
    #[inline(always)]
    pub(super) fn from_array(values: [f32; 4]) -> Self {
        Self(values)
    }

    #[inline(always)]
    pub(super) fn to_array(self) -> [f32; 4] {
        self.0
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl Lanes for Portable {
    const N: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for four floats; the type asks for no more alignment than a float.
        Self(unsafe { from.cast::<[f32; 4]>().read() })
    }

    #[inline(always)]
    unsafe fn load_first(from: *const f32, lanes: usize) -> Self {
        // SAFETY: lanes at and above `lanes` are not read.
        Self(std::array::from_fn(|i| if i < lanes { unsafe { from.add(i).read() } } else { 0.0 }))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as for `load`.
        unsafe { to.cast::<[f32; 4]>().write(self.0) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, lanes: usize) {
        for (i, value) in self.0.into_iter().enumerate().take(lanes) {
            // SAFETY: `i < lanes`.
            unsafe { to.add(i).write(value) }
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        Self(std::array::from_fn(|i| multiply_add(self.0[i], factor.0[i], term.0[i])))
    }

    #[inline(always)]
    unsafe fn relu(self) -> Self {
        Self(self.0.map(|v| if v < 0.0 { 0.0 } else { v }))
    }

    #[inline(always)]
    unsafe fn larger(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b || a.is_nan() { a } else { b })
    }
}

/// Fused where the target always has the instruction; elsewhere `mul_add` would call a slow library function.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) { a.mul_add(b, c) } else { a * b + c }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finite values, zeros of both signs, infinities and NaN against each other, in every lane.
    fn agrees_with_plain_rust<L: Lanes>() {
        let values = [1.5, -2.25, 0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3.0e-39, -7.0];
        let n = L::N;
        let bits = |v: &[f32]| v.iter().map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() }).collect::<Vec<_>>();
        let floats = |f: &dyn Fn(usize) -> f32| (0..n).map(f).collect::<Vec<f32>>();
        for turn in 0..values.len() * values.len() {
            let a = floats(&|i| values[(turn + i) % values.len()]);
            let b = floats(&|i| values[(turn / values.len() + 2 * i) % values.len()]);
            let check = |name: &str, got: &dyn Fn(L, L) -> L, expected: &dyn Fn(f32, f32) -> f32| {
                let mut out = vec![0.0; n];
                // SAFETY: the vectors hold `n` floats; the caller asks only for instructions that were found.
                unsafe { got(L::load(a.as_ptr()), L::load(b.as_ptr())).store(out.as_mut_ptr()) };
                assert_eq!(bits(&out), bits(&floats(&|i| expected(a[i], b[i]))), "{name} of {a:?} and {b:?}");
            };
            // SAFETY: as above.
            unsafe {
                check("add", &|a, b| a.add(b), &|a, b| a + b);
                check("sub", &|a, b| a.sub(b), &|a, b| a - b);
                check("mul", &|a, b| a.mul(b), &|a, b| a * b);
                check("mul_add", &|a, b| a.mul_add(b, L::splat(2.0)), &|a, b| a.mul_add(b, 2.0));
                check("relu", &|a, _| a.relu(), &|a, _| if a < 0.0 { 0.0 } else { a });
                check("larger", &|a, b| a.larger(b), &|a, b| if a > b || a.is_nan() { a } else { b });
            }
        }
        for lanes in 1..n {
            // Exactly as long as what may be touched, so that a sanitizer sees one lane more.
            let from = vec![2.0_f32; lanes];
            let mut to = vec![7.0_f32; lanes];
            let mut whole = vec![7.0_f32; n];
            // SAFETY: each vector holds the lanes asked for.
            unsafe {
                let part = L::load_first(from.as_ptr(), lanes);
                part.store_first(to.as_mut_ptr(), lanes);
                part.store(whole.as_mut_ptr());
            }
            assert_eq!(to, from);
            assert_eq!(whole, floats(&|i| if i < lanes { 2.0 } else { 0.0 }));
        }
    }

    #[test]
    fn lanes_agree_with_plain_rust() {
        use crate::PlanKernels;
        agrees_with_plain_rust::<Portable>();
        for kernels in PlanKernels::available() {
            match kernels {
                #[cfg(target_arch = "x86_64")]
                PlanKernels::Avx2Fma => agrees_with_plain_rust::<crate::plan::lanes_x86::Avx2>(),
                #[cfg(target_arch = "x86_64")]
                PlanKernels::Avx512 => agrees_with_plain_rust::<crate::plan::lanes_x86::Avx512>(),
                #[cfg(target_arch = "aarch64")]
                PlanKernels::Neon => agrees_with_plain_rust::<crate::plan::lanes_neon::Neon>(),
                _ => {}
            }
        }
    }

    #[test]
    fn the_choice_of_kernels_follows_the_machine_and_the_caller() {
        use crate::PlanKernels;
        assert_eq!(Some(&PlanKernels::best()), PlanKernels::available().first());
        assert_eq!(crate::with_portable_kernels(PlanKernels::best), PlanKernels::Portable);
        #[cfg(target_arch = "aarch64")]
        assert_eq!(PlanKernels::best(), PlanKernels::Neon);
    }
}
