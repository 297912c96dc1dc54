//! What training and evaluation need from images and labels, without knowing where they come from.

use ndarray::ArrayView4;

use crate::arch::Arch;
use crate::error::{Error, Result, check_shape};
use crate::spec::{Head, NetworkSpec};

/// What an [`ImageSource`] may fail with.
pub type LoadError = Box<dyn std::error::Error + Send + Sync>;

/// Asks an [`ImageSource`] for randomly changed images; a row's change is a function of seed, epoch and row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Augment {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u64,
}

/// Normalised images by row number.
pub trait ImageSource: Sync {
    /// Number of images.
    fn len(&self) -> usize;

    /// Whether there is no image at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Height, width and channels of every image.
    fn shape(&self) -> (usize, usize, usize);

    /// Writes the images of `rows`, normalised, in that order. Called from a thread outside the caller's rayon pool.
    ///
    /// **Shapes** `out` holds `rows.len() * h * w * c` values in `NHWC` order.
    fn load(&self, rows: &[usize], augment: Option<Augment>, out: &mut [f32]) -> Result<(), LoadError>;
}

/// Labels of all rows for one head. `None` is unlabelled: such a row is left out, never taken as a negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// One class a row.
    One(Vec<Option<u32>>),
    /// Any number of classes a row; an empty list means labelled with none of them.
    Many(Vec<Option<Vec<u32>>>),
}

impl Targets {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Targets::One(rows) => rows.len(),
            Targets::Many(rows) => rows.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of a row, or `None` where it is unlabelled.
    pub fn labels(&self, row: usize) -> Option<&[u32]> {
        match self {
            Targets::One(rows) => rows[row].as_ref().map(std::slice::from_ref),
            Targets::Many(rows) => rows[row].as_deref(),
        }
    }
}

/// Images, labels and the rows to train and validate on.
#[derive(Clone, Copy)]
pub struct TrainData<'a> {
    /// The images.
    pub images: &'a dyn ImageSource,
    /// Targets for all images, one list a head in the spec's order.
    pub targets: &'a [Targets],
    /// Rows to train on.
    pub train: &'a [usize],
    /// Rows that pick the best epoch; may be empty, then the last epoch is kept.
    pub validation: &'a [usize],
}

impl TrainData<'_> {
    pub(crate) fn check(&self, spec: &NetworkSpec) -> Result<()> {
        if spec.heads.is_empty() {
            return Err(Error::setting("heads", "empty", "a list of at least one head"));
        }
        check_images(self.images, spec)?;
        check_targets(self.targets, &spec.heads, self.images.len())?;
        check_rows(self.train, self.images.len())?;
        check_rows(self.validation, self.images.len())?;
        if self.train.len() < 2 {
            return Err(Error::TooFew { what: "training images".to_owned(), got: self.train.len(), minimum: 2 });
        }
        for (head, targets) in spec.heads.iter().zip(self.targets) {
            if self.train.iter().all(|&row| targets.labels(row).is_none()) {
                let what = format!("labelled training images of head `{}`", head.name);
                return Err(Error::TooFew { what, got: 0, minimum: 1 });
            }
        }
        Ok(())
    }
}

pub(crate) fn check_images(images: &dyn ImageSource, spec: &NetworkSpec) -> Result<()> {
    check_image_shape(spec, images.shape())
}

/// Whether a network takes images of this height, width and number of channels.
pub(crate) fn check_image_shape(spec: &NetworkSpec, (height, width, channels): (usize, usize, usize)) -> Result<()> {
    let minimum = Arch::named(&spec.arch)?.minimum_side();
    if height.min(width) < minimum {
        let expected = format!("at least {minimum}x{minimum} (`{}`)", spec.arch);
        let got = format!("{height}x{width} pixels");
        return Err(Error::ImageShape { expected, got, remedy: "enlarge them, or choose a smaller network" });
    }
    if channels != spec.in_channels {
        let (expected, got) = (spec.in_channels.to_string(), format!("{channels} channel(s)"));
        return Err(Error::ImageShape { expected, got, remedy: "change `in_channels` or the images' colour mode" });
    }
    Ok(())
}

pub(crate) fn check_rows(rows: &[usize], len: usize) -> Result<()> {
    match rows.iter().find(|&&row| row >= len) {
        Some(&got) => Err(Error::OutOfRange { what: "the row of an image".to_owned(), got, count: len }),
        None => Ok(()),
    }
}

pub(crate) fn check_targets(targets: &[Targets], heads: &[Head], len: usize) -> Result<()> {
    check_shape(|| "the targets of all heads".to_owned(), [heads.len()], [targets.len()])?;
    heads.iter().zip(targets).try_for_each(|(head, targets)| check_head_targets(head, targets, len))
}

fn check_head_targets(head: &Head, targets: &Targets, len: usize) -> Result<()> {
    if matches!(targets, Targets::Many(_)) != head.multi {
        let must = "as its targets are: `true` for several labels per image, `false` for one";
        return Err(Error::setting(format!("heads.{}.multi", head.name), head.multi, must));
    }
    check_shape(|| format!("the targets of head `{}`", head.name), [len], [targets.len()])?;
    for row in 0..len {
        let labels = targets.labels(row).unwrap_or_default();
        if let Some(&label) = labels.iter().find(|&&label| label as usize >= head.classes) {
            let what = format!("the label of row {row} for head `{}`", head.name);
            return Err(Error::OutOfRange { what, got: label as usize, count: head.classes });
        }
    }
    Ok(())
}

/// Loads the images of `rows` into a new buffer and refuses NaN.
pub(crate) fn load_rows(images: &dyn ImageSource, rows: &[usize], augment: Option<Augment>) -> Result<Vec<f32>> {
    let (h, w, c) = images.shape();
    let mut pixels = vec![0.0; rows.len() * h * w * c];
    images.load(rows, augment, &mut pixels).map_err(|source| Error::Images {
        first: rows.first().copied().unwrap_or_default(),
        count: rows.len(),
        source,
    })?;
    check_finite(&pixels, h * w * c, |position| rows[position])?;
    Ok(pixels)
}

/// `n` images of a source as an array, where they lie.
pub(crate) fn view(pixels: &[f32], n: usize, (h, w, c): (usize, usize, usize)) -> Result<ArrayView4<'_, f32>> {
    ArrayView4::from_shape((n, h, w, c), pixels).map_err(|error| Error::Compute(Box::new(error)))
}

/// Refuses NaN and infinity; `row` turns a position in the batch into the row to name.
pub(crate) fn check_finite(pixels: &[f32], image: usize, row: impl Fn(usize) -> usize) -> Result<()> {
    for (position, image) in pixels.chunks(image).enumerate() {
        // Multiplying by 0 keeps finite values at 0 and turns the others into NaN: no branch a pixel.
        if !image.iter().map(|&v| v * 0.0).sum::<f32>().eq(&0.0) {
            return Err(Error::NonFinitePixel { row: row(position) });
        }
    }
    Ok(())
}
