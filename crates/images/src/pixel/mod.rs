//! Pixels: from image files to the pack, and from the pack to batches and pictures.

mod augment;
mod batch;
mod contact_sheet;
pub(crate) mod decode;
mod gif;
mod jpeg;
mod orientation;
mod pack;
mod prepare;
mod resample;
#[cfg(target_arch = "x86_64")]
mod resample_avx2;
mod resample_portable;
mod sprite;
mod thumbnail;
mod tiff;

pub use augment::{
    Augmentation, DEFAULT_BRIGHTNESS, DEFAULT_CONTRAST, DEFAULT_ERASE, DEFAULT_ERASE_AREA, DEFAULT_FLIP,
    DEFAULT_SHIFT_PX, Fill, SMALL_IMAGES_PX, SMALL_SHIFT_PX,
};
pub use batch::Batcher;
pub use contact_sheet::{SheetFormat, contact_sheet};
pub use decode::{DECODER_VERSION, FileDecoding, is_decoding};
pub use pack::Pixels;
pub use prepare::{Decoding, Preparation, pack_bytes, pack_file, prepare, read_rgb};
pub use resample::Resize;
pub use sprite::Sprite;
pub use thumbnail::{lighter, packed_png, png_of, thumbnail};
