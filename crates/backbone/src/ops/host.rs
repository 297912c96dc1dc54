//! Tensors on the processor as plain slices.

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, Layout, Result, Storage, StorageRef, Tensor, bail};

/// The values of a contiguous storage.
pub(super) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values = storage.as_slice::<f32>()?;
    Ok(&values[range(layout)?])
}

fn range(layout: &Layout) -> Result<Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => bail!("expected a contiguous tensor, got strides {:?}", layout.stride()),
    }
}

/// The values of a contiguous `f32` tensor on the processor, read in place.
pub(crate) struct Host<'a> {
    storage: StorageRef<'a>,
    range: Range<usize>,
}

impl<'a> Host<'a> {
    pub(crate) fn of(tensor: &'a Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let range = range(layout)?;
        match &*storage {
            Storage::Cpu(CpuStorage::F32(_)) => Ok(Host { storage, range }),
            _ => bail!("expected 32-bit floats on the processor, got {:?} on {:?}", tensor.dtype(), tensor.device()),
        }
    }
}

impl Deref for Host<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            // `of` lets no other storage in.
            _ => &[],
        }
    }
}

/// The values of an `f32` tensor on any device: read in place on the processor, copied from others.
pub(crate) enum Values<'a> {
    Here(Host<'a>),
    Copied(Vec<f32>),
}

impl<'a> Values<'a> {
    pub(crate) fn of(tensor: &'a Tensor) -> Result<Self> {
        match tensor.device().is_cpu() && tensor.is_contiguous() {
            true => Ok(Values::Here(Host::of(tensor)?)),
            false => Ok(Values::Copied(tensor.flatten_all()?.to_vec1()?)),
        }
    }
}

impl Deref for Values<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Values::Here(host) => host,
            Values::Copied(values) => values,
        }
    }
}
