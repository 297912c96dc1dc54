//! A batch of images on its way into a network.

use std::borrow::Cow;

use ndarray::ArrayView4;

use crate::data::{check_finite, check_shape};
use crate::error::{BackboneError, Result};
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
        let (n, height, width, got) = pixels.dim();
        let expected = spec.in_channels;
        if got != expected {
            return Err(BackboneError::ImageChannels { expected, got });
        }
        check_shape(spec, height, width)?;
        let values = match pixels.to_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(pixels.iter().copied().collect()),
        };
        check_finite(&values, height * width * expected, |position| position)?;
        Ok(Self { n, size: (height, width), values })
    }
}
