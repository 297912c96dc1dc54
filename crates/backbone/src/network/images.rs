//! A batch of images on its way into a network.

use std::borrow::Cow;

use ndarray::ArrayView4;

use crate::data::{check_finite, check_image_shape};
use crate::error::Result;
use crate::spec::NetworkSpec;

/// Images that fit a network, their values one after another.
pub(super) struct Images<'a> {
    pub(super) n: usize,
    /// Height and width.
    pub(super) size: (usize, usize),
    pub(super) values: Cow<'a, [f32]>,
}

impl<'a> Images<'a> {
    /// Looks at the images; copies them only where their values do not lie one after another.
    ///
    /// **Errors** another number of channels than the network takes, an image below the smallest size, NaN in a pixel.
    pub(super) fn of(spec: &NetworkSpec, pixels: ArrayView4<'a, f32>) -> Result<Self> {
        let (n, height, width, channels) = pixels.dim();
        check_image_shape(spec, (height, width, channels))?;
        let values = match pixels.to_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(pixels.iter().copied().collect()),
        };
        check_finite(&values, height * width * channels, |position| position)?;
        Ok(Self { n, size: (height, width), values })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::{Array4, s};

    use super::*;

    #[test]
    fn values_are_copied_only_where_they_do_not_lie_one_after_another() {
        let spec = NetworkSpec::new("small", 3, vec![]);
        let pixels = Array4::from_shape_fn((4, 9, 10, 3), |(n, y, x, c)| (n * 1000 + y * 100 + x * 10 + c) as f32);
        let whole = Images::of(&spec, pixels.view()).unwrap();
        let last = Images::of(&spec, pixels.slice(s![2.., .., .., ..])).unwrap();
        assert!(matches!((&whole.values, &last.values), (Cow::Borrowed(_), Cow::Borrowed(_))));
        assert_eq!((last.n, last.size, last.values[0]), (2, (9, 10), 2000.0));
        let cut = Images::of(&spec, pixels.slice(s![.., 1.., .., ..])).unwrap();
        assert!(matches!(cut.values, Cow::Owned(_)));
        assert_eq!((cut.n, cut.size, cut.values[0], cut.values.len()), (4, (8, 10), 100.0, 4 * 8 * 10 * 3));
    }
}
