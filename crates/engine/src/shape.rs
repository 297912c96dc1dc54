//! The shapes of convolutions and pools.

/// A two-dimensional convolution over channels-last activations.
///
/// **Shapes**: input `[batch, height, width, in_channels]`, weights `[out_channels, in_channels, kernel, kernel]` (as
/// torch stores them), output `[batch, out_height, out_width, out_channels]`.
///
/// ```
/// let shape = latentwalk_engine::ConvShape {
///     batch: 1, height: 28, width: 28, in_channels: 1, out_channels: 16, kernel: 3, stride: 2, padding: 1,
/// };
/// assert_eq!((shape.out_height(), shape.out_width()), (14, 14));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Rows of an input image.
    pub height: usize,
    /// Columns of an input image.
    pub width: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step of the kernel, the same in both directions.
    pub stride: usize,
    /// Zeros added on each side.
    pub padding: usize,
}

impl ConvShape {
    /// Rows of an output image.
    ///
    /// # Panics
    /// Where the padded input is smaller than the kernel, or the kernel or stride is 0.
    #[must_use]
    pub fn out_height(&self) -> usize {
        out_size(self.height, self.kernel, self.stride, self.padding)
    }

    /// Columns of an output image.
    ///
    /// # Panics
    /// As [`ConvShape::out_height`].
    #[must_use]
    pub fn out_width(&self) -> usize {
        out_size(self.width, self.kernel, self.stride, self.padding)
    }

    /// Numbers in the input.
    #[must_use]
    pub fn in_len(&self) -> usize {
        self.batch * self.height * self.width * self.in_channels
    }

    /// Numbers in the weights.
    #[must_use]
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.depth()
    }

    /// Numbers in the output.
    #[must_use]
    pub fn out_len(&self) -> usize {
        self.out_pixels() * self.out_channels
    }

    /// Pixels in the output, over the whole batch.
    #[must_use]
    pub fn out_pixels(&self) -> usize {
        self.batch * self.out_height() * self.out_width()
    }

    /// Numbers that one output value sums over.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.kernel * self.kernel * self.in_channels
    }

    /// Floating-point operations of one product (forward, input gradient or weight gradient), padding included.
    #[must_use]
    pub fn flops(&self) -> u64 {
        2 * self.out_len() as u64 * self.depth() as u64
    }
}

/// A two-dimensional pool over channels-last activations.
///
/// **Shapes**: input `[batch, height, width, channels]`, output `[batch, out_height, out_width, channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolShape {
    /// Images.
    pub batch: usize,
    /// Rows of an input image.
    pub height: usize,
    /// Columns of an input image.
    pub width: usize,
    /// Channels of input and output.
    pub channels: usize,
    /// Side of the square window.
    pub kernel: usize,
    /// Step of the window.
    pub stride: usize,
    /// Pixels added on each side; they never win the maximum. Less than the kernel, so that no window is empty.
    pub padding: usize,
}

impl PoolShape {
    /// Rows of an output image.
    ///
    /// # Panics
    /// Where the padded input is smaller than the window, or the window or stride is 0.
    #[must_use]
    pub fn out_height(&self) -> usize {
        out_size(self.height, self.kernel, self.stride, self.padding)
    }

    /// Columns of an output image.
    ///
    /// # Panics
    /// As [`PoolShape::out_height`].
    #[must_use]
    pub fn out_width(&self) -> usize {
        out_size(self.width, self.kernel, self.stride, self.padding)
    }

    /// Numbers in the input.
    #[must_use]
    pub fn in_len(&self) -> usize {
        self.batch * self.height * self.width * self.channels
    }

    /// Numbers in the output.
    #[must_use]
    pub fn out_len(&self) -> usize {
        self.batch * self.out_height() * self.out_width() * self.channels
    }
}

fn out_size(size: usize, kernel: usize, stride: usize, padding: usize) -> usize {
    assert!(kernel > 0 && stride > 0, "engine: kernel ({kernel}) and stride ({stride}) must be at least 1");
    assert!(
        size + 2 * padding >= kernel,
        "engine: a kernel of {kernel} does not fit {size} pixels with a padding of {padding}"
    );
    (size + 2 * padding - kernel) / stride + 1
}
