//! Pixels: from image files to the pack, and from the pack to batches and pictures.

mod augment;
mod batch;
mod contact_sheet;
pub(crate) mod decode;
mod jpeg;
mod pack;
mod prepare;
mod resample;
#[cfg(target_arch = "x86_64")]
mod resample_avx2;
mod resample_portable;
mod thumbnail;

pub use augment::{
    Augmentation, DEFAULT_BRIGHTNESS, DEFAULT_CONTRAST, DEFAULT_ERASE, DEFAULT_ERASE_AREA, DEFAULT_FLIP,
    DEFAULT_SHIFT_PX, Fill, SMALL_IMAGES_PX, SMALL_SHIFT_PX,
};
pub use batch::Batcher;
pub use contact_sheet::contact_sheet;
pub use pack::Pixels;
pub use prepare::{Decoding, Preparation, list_images, pack_file, prepare};
pub use resample::Resize;
pub use thumbnail::thumbnail;
