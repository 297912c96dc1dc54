//! How an image becomes a network's input: part of its weights, by name. Plain data; decoding is not done here.

/// Mean of each colour channel over ImageNet, for pixels scaled to 0..1.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of each colour channel over ImageNet, for pixels scaled to 0..1.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Filter of the resize; its support widens when it shrinks an image (PIL's way, "antialias" in torchvision).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// A triangle of radius 1.
    Bilinear,
    /// Keys' cubic of radius 2 with a = -0.5.
    Bicubic,
}

/// One row of [`PREPROCESSES`].
///
/// **Units and conventions** the short side becomes `resize` pixels, the long one `resize * long / short` rounded
/// down; the crop starts at half of what is left over, halves rounded to the even pixel; EXIF rotation is ignored. All
/// as torchvision's transforms and loaders do, which timm uses too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preprocess {
    /// Name in commands and descriptions.
    pub name: &'static str,
    /// Length of the short side after the resize, in pixels.
    pub resize: usize,
    /// Side of the central square that is kept, in pixels.
    pub crop: usize,
    /// Filter of the resize.
    pub interpolation: Interpolation,
    /// Subtracted from each channel, for pixels scaled to 0..1.
    pub mean: [f32; 3],
    /// Then each channel is divided by it.
    pub std: [f32; 3],
}

/// Every preset.
///
/// **Source** torchvision's `ResNet50_Weights.IMAGENET1K_V1` and `_V2` (`transforms`); timm's configuration of
/// `resnet50.a1_in1k`: 224 pixels at `crop_pct` 0.95, so that the resize is floor(224 / 0.95), or in its tests 288
/// at 1.0.
pub const PREPROCESSES: [Preprocess; 4] = [
    row("torchvision-v1", 256, 224, Interpolation::Bilinear),
    row("torchvision-v2", 232, 224, Interpolation::Bilinear),
    row("timm-a1", 235, 224, Interpolation::Bicubic),
    row("timm-a1-288", 288, 288, Interpolation::Bicubic),
];

/// The preset where weights are given without one.
pub const DEFAULT_PREPROCESS: &str = "torchvision-v1";

const fn row(name: &'static str, resize: usize, crop: usize, interpolation: Interpolation) -> Preprocess {
    Preprocess { name, resize, crop, interpolation, mean: IMAGENET_MEAN, std: IMAGENET_STD }
}

impl Preprocess {
    /// The preset called `name`; `None` where there is none.
    ///
    /// **Example**
    /// ```
    /// use latentwalk_backbone::Preprocess;
    /// assert_eq!(Preprocess::named("torchvision-v1").map(|p| (p.resize, p.crop)), Some((256, 224)));
    /// ```
    pub fn named(name: &str) -> Option<&'static Preprocess> {
        PREPROCESSES.iter().find(|preprocess| preprocess.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_named_once_and_crop_within_the_resize() {
        for preprocess in &PREPROCESSES {
            assert_eq!(Preprocess::named(preprocess.name), Some(preprocess));
            assert!(preprocess.crop <= preprocess.resize);
        }
        assert_eq!(Preprocess::named("timm-a1").map(|p| p.resize), Some((224.0_f64 / 0.95).floor() as usize));
        assert_eq!(Preprocess::named("imagenet"), None);
        assert!(Preprocess::named(DEFAULT_PREPROCESS).is_some());
    }
}
