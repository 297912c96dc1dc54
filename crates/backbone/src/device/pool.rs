//! The memory pool of a card, from which candle takes its tensors.

use candle_core::CudaDevice;
use candle_core::cuda::cudarc::driver::result::{device, mem_pool};
use candle_core::cuda::cudarc::driver::sys::{CUmemPool_attribute, CUmemoryPool};

/// Lets the pool keep what was freed until the process ends.
///
/// By default it gives all of it back to the driver whenever the card is waited for, which each step of training does, and
/// takes it anew in the next. Where the driver refuses, all goes on as by default.
pub(super) fn keep(card: &CudaDevice) {
    let mut threshold = u64::MAX;
    if let Some(pool) = of(card) {
        // SAFETY: the pool belongs to a device that is open, and the attribute is a 64-bit number.
        let _ = unsafe {
            let attribute = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
            mem_pool::set_attribute(pool, attribute, (&raw mut threshold).cast())
        };
    }
}

/// The most bytes in use at once, and starts to count anew.
pub(super) fn take_peak(card: &CudaDevice) -> Option<u64> {
    let pool = of(card)?;
    let attribute = CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;
    let (mut peak, mut zero) = (0u64, 0u64);
    // SAFETY: as above; 0 is the only value that the driver takes for this attribute, and sets the count back.
    unsafe {
        mem_pool::get_attribute(pool, attribute, (&raw mut peak).cast()).ok()?;
        mem_pool::set_attribute(pool, attribute, (&raw mut zero).cast()).ok()?;
    }
    Some(peak)
}

/// The bytes that the pool holds, in use or not.
#[cfg(test)]
pub(super) fn held(card: &CudaDevice) -> Option<u64> {
    let attribute = CUmemPool_attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT;
    let mut held = 0u64;
    // SAFETY: as above.
    unsafe { mem_pool::get_attribute(of(card)?, attribute, (&raw mut held).cast()) }.ok()?;
    Some(held)
}

fn of(card: &CudaDevice) -> Option<CUmemoryPool> {
    let context = card.cuda_stream().context().clone();
    // SAFETY: the context holds an open device.
    unsafe { device::get_default_mem_pool(context.cu_device()) }.ok()
}
