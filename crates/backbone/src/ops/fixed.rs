//! What the family leaves nobody to choose.

/// Added to the variance before its root is taken; torch's default.
pub(crate) const NORM_EPS: f32 = 1e-5;

/// ResNet's only max-pool: kernel, stride and padding.
pub(crate) const POOL: (usize, usize, usize) = (3, 2, 1);
