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
    /// Asks for a cache line in the second level; any address will do.
    #[inline(always)]
    unsafe fn fetch_far(_at: *const f32) {}
}

/// Four lanes in plain Rust: one register of SSE2 and of NEON through the compiler's vectoriser. On AArch64 it has been
/// neither compiled nor run.
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
