//! IDX files, the format of MNIST and its descendants, plain or gzipped.
//!
//! A file is `0 0 type rank`, `rank` sizes as big-endian `u32`, then the values. Images have type 8 (`u8`) and rank 3
//! (count, rows, columns), labels type 8 and rank 1. Whether a file is gzipped is decided by its first two bytes, never by
//! its name. Files are read as a stream: no buffer grows past what the header says and the stream really holds, so a
//! decompression bomb stops at the header's size.
//!
//! **Source.** Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".

use std::io::{self, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;

/// Longest side of an image, in pixels, that a header may state.
pub const MAX_SIDE: u32 = 16_384;
/// Largest image, in bytes, that a header may state.
pub const MAX_IMAGE_BYTES: u64 = 1 << 26;
/// Largest number of images or labels that a header may state.
pub const MAX_COUNT: u32 = 1 << 28;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const TYPE_U8: u8 = 0x08;

/// What is wrong with an IDX file; the sentence follows the file's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdxError {
    /// The stream could not be read or unpacked.
    #[error("it cannot be read or unpacked\nhint: fetch the file again")]
    Read(#[source] io::Error),
    /// The file ends early.
    #[error("it ends after {got} bytes where {expected} belong\nhint: fetch the file again, it is cut short")]
    Truncated {
        /// Bytes (unpacked) that the header promises, or the header's own size.
        expected: u64,
        /// Bytes (unpacked) found.
        got: u64,
    },
    /// The first bytes are not those of an IDX file of this rank.
    #[error(
        "it starts with bytes {got:02x?}, an IDX file of {what} starts with [00, 00, 08, {rank:02x}]\n\
         hint: check that the file is what its key says"
    )]
    Magic {
        /// What was expected: images or labels.
        what: &'static str,
        /// Number of dimensions that belongs there.
        rank: u8,
        /// The first four bytes.
        got: [u8; 4],
    },
    /// A size in the header is zero or past the limits of this reader.
    #[error(
        "its header states {0:?} as sizes: none may be zero, and at most {MAX_COUNT} rows, {MAX_SIDE} pixels per side and \
         {MAX_IMAGE_BYTES} bytes per image are read"
    )]
    Sizes(Vec<u32>),
    /// The file goes on after the last value.
    #[error(
        "it goes on after the {0} bytes that its header promises\nhint: fetch the file again, its header or its content is wrong"
    )]
    Trailing(u64),
    /// The caller's buffer does not fit an image.
    #[error("a buffer of {got} bytes was given for an image of {expected}")]
    Buffer {
        /// Bytes of an image.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
}

/// Sizes that the header of an image file states, all within this module's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImagesHeader {
    /// Number of images.
    pub count: u32,
    /// Height in pixels.
    pub rows: u32,
    /// Width in pixels.
    pub columns: u32,
}

impl ImagesHeader {
    /// Bytes of one image.
    pub fn image_bytes(&self) -> usize {
        self.rows as usize * self.columns as usize
    }
}

/// Reads the images of one file, one after the other.
///
/// **Example**
///
/// ```
/// let file = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9];
/// let mut reader = latentwalk_images::idx::ImageReader::new(&file[..])?;
/// let mut image = vec![0; reader.header().image_bytes()];
/// assert!(reader.read_image(&mut image)?);
/// assert_eq!(image, [7, 9]);
/// assert!(!reader.read_image(&mut image)?);
/// # Ok::<(), latentwalk_images::idx::IdxError>(())
/// ```
pub struct ImageReader<R: Read> {
    stream: Stream<R>,
    header: ImagesHeader,
    next: u32,
}

impl<R: Read> ImageReader<R> {
    /// Reads and checks the header.
    ///
    /// **Errors.** [`IdxError`] for a stream that is no IDX image file within the limits.
    pub fn new(reader: R) -> Result<Self, IdxError> {
        let mut stream = Stream::open(reader)?;
        let [count, rows, columns] = stream.header::<3>("images")?;
        let header = ImagesHeader { count, rows, columns };
        let sides_fit = rows <= MAX_SIDE && columns <= MAX_SIDE;
        if !sides_fit || u64::from(rows) * u64::from(columns) > MAX_IMAGE_BYTES {
            return Err(IdxError::Sizes(vec![count, rows, columns]));
        }
        Ok(Self { stream, header, next: 0 })
    }

    /// The checked header.
    pub fn header(&self) -> ImagesHeader {
        self.header
    }

    /// Reads the next image into `out`; false after the last, once it is sure that nothing follows.
    ///
    /// **Shapes.** `out` is `rows * columns` bytes, row by row.
    ///
    /// **Errors.** [`IdxError::Truncated`], [`IdxError::Trailing`], [`IdxError::Read`], [`IdxError::Buffer`].
    pub fn read_image(&mut self, out: &mut [u8]) -> Result<bool, IdxError> {
        let size = self.header.image_bytes();
        if out.len() != size {
            return Err(IdxError::Buffer { expected: size, got: out.len() });
        }
        let total = 16 + u64::from(self.header.count) * size as u64;
        if self.next == self.header.count {
            self.stream.end(total)?;
            return Ok(false);
        }
        self.stream.fill(out, total)?;
        self.next += 1;
        Ok(true)
    }
}

/// Reads all labels of one file.
///
/// **Errors.** [`IdxError`] for a stream that is no whole IDX label file within the limits.
pub fn read_labels<R: Read>(reader: R) -> Result<Vec<u8>, IdxError> {
    let mut stream = Stream::open(reader)?;
    let [count] = stream.header::<1>("labels")?;
    let total = 8 + u64::from(count);
    let mut labels = Vec::new();
    let wanted = u64::from(count);
    let outcome = stream.inner.by_ref().take(wanted).read_to_end(&mut labels);
    let got = 8 + labels.len() as u64;
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(IdxError::Read(error)),
        _ if got < total => Err(IdxError::Truncated { expected: total, got }),
        _ => stream.end(total).map(|()| labels),
    }
}

/// A stream whose first two bytes were looked at and put back.
type Rewound<R> = Chain<Cursor<Vec<u8>>, R>;

enum Unpacked<R: Read> {
    Plain(Rewound<R>),
    Gzip(Box<MultiGzDecoder<Rewound<R>>>),
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(out),
            Self::Gzip(reader) => reader.read(out),
        }
    }
}

/// The unpacked stream and how far it has been read.
struct Stream<R: Read> {
    inner: Unpacked<R>,
    position: u64,
}

impl<R: Read> Stream<R> {
    fn open(mut reader: R) -> Result<Self, IdxError> {
        let mut start = [0; 2];
        let got = read_up_to(&mut reader, &mut start).map_err(IdxError::Read)?;
        let rewound = Cursor::new(start[..got].to_vec()).chain(reader);
        let inner = if got == 2 && start == GZIP_MAGIC {
            Unpacked::Gzip(Box::new(MultiGzDecoder::new(rewound)))
        } else {
            Unpacked::Plain(rewound)
        };
        Ok(Self { inner, position: 0 })
    }

    /// Reads the magic number and `RANK` sizes.
    fn header<const RANK: usize>(&mut self, what: &'static str) -> Result<[u32; RANK], IdxError> {
        let size = 4 + 4 * RANK as u64;
        let mut magic = [0; 4];
        self.fill(&mut magic, size)?;
        if magic != [0, 0, TYPE_U8, RANK as u8] {
            return Err(IdxError::Magic { what, rank: RANK as u8, got: magic });
        }
        let mut sizes = [0; RANK];
        for value in &mut sizes {
            let mut bytes = [0; 4];
            self.fill(&mut bytes, size)?;
            *value = u32::from_be_bytes(bytes);
        }
        if sizes.contains(&0) || sizes[0] > MAX_COUNT {
            return Err(IdxError::Sizes(sizes.to_vec()));
        }
        Ok(sizes)
    }

    /// Fills `out` or says how far the file went; `expected` is the size that the whole file should have.
    fn fill(&mut self, out: &mut [u8], expected: u64) -> Result<(), IdxError> {
        let got = read_up_to(&mut self.inner, out).map_err(IdxError::Read)?;
        self.position += got as u64;
        if got < out.len() {
            return Err(IdxError::Truncated { expected, got: self.position });
        }
        Ok(())
    }

    /// Makes sure that nothing follows (and, when gzipped, that the checksum holds).
    fn end(&mut self, total: u64) -> Result<(), IdxError> {
        let mut byte = [0];
        loop {
            match self.inner.read(&mut byte) {
                Ok(0) => return Ok(()),
                Ok(_) => return Err(IdxError::Trailing(total)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(IdxError::Read(error)),
            }
        }
    }
}

/// Reads until `out` is full or the stream ends; a gzip stream that breaks off counts as an end.
fn read_up_to(reader: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < out.len() {
        match reader.read(&mut out[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    const IMAGES: [u8; 28] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    const LABELS: [u8; 11] = [0, 0, 8, 1, 0, 0, 0, 3, 5, 6, 7];

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn all_images(bytes: &[u8]) -> Result<Vec<Vec<u8>>, IdxError> {
        let mut reader = ImageReader::new(bytes)?;
        let mut buffer = vec![0; reader.header().image_bytes()];
        let mut images = Vec::new();
        while reader.read_image(&mut buffer)? {
            images.push(buffer.clone());
        }
        Ok(images)
    }

    #[test]
    fn whole_files_are_read_plain_and_gzipped() {
        let expected = vec![vec![1, 2, 3, 4, 5, 6], vec![7, 8, 9, 10, 11, 12]];
        assert_eq!(all_images(&IMAGES).unwrap(), expected);
        assert_eq!(all_images(&gzip(&IMAGES)).unwrap(), expected);
        assert_eq!(read_labels(&LABELS[..]).unwrap(), [5, 6, 7]);
        assert_eq!(read_labels(&gzip(&LABELS)[..]).unwrap(), [5, 6, 7]);
    }

    #[test]
    fn every_truncation_is_an_error() {
        for end in 0..IMAGES.len() {
            let error = all_images(&IMAGES[..end]).unwrap_err();
            assert!(matches!(error, IdxError::Truncated { got, .. } if got == end as u64), "{end}: {error}");
        }
        for end in 0..LABELS.len() {
            let error = read_labels(&LABELS[..end]).unwrap_err();
            assert!(matches!(error, IdxError::Truncated { got, .. } if got == end as u64), "{end}: {error}");
        }
        let (images, labels) = (gzip(&IMAGES), gzip(&LABELS));
        for end in 0..images.len() {
            assert!(all_images(&images[..end]).is_err(), "{end}");
        }
        for end in 0..labels.len() {
            assert!(read_labels(&labels[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn trailing_bytes_are_an_error() {
        let mut images = IMAGES.to_vec();
        images.push(0);
        assert!(matches!(all_images(&images), Err(IdxError::Trailing(28))));
        assert!(matches!(all_images(&gzip(&images)), Err(IdxError::Trailing(28))));
        let mut labels = LABELS.to_vec();
        labels.push(0);
        assert!(matches!(read_labels(&labels[..]), Err(IdxError::Trailing(11))));
    }

    #[test]
    fn wrong_magic_numbers_are_errors() {
        for (at, value) in [(0, 1), (1, 1), (2, 9), (2, 0x0d), (3, 1), (3, 4)] {
            let mut images = IMAGES;
            images[at] = value;
            assert!(matches!(all_images(&images), Err(IdxError::Magic { rank: 3, .. })));
        }
        assert!(matches!(read_labels(&IMAGES[..]), Err(IdxError::Magic { rank: 1, .. })));
    }

    #[test]
    fn zero_and_absurd_sizes_are_errors() {
        for at in [4, 8, 12] {
            let mut zero = IMAGES;
            zero[at + 3] = 0;
            assert!(matches!(all_images(&zero), Err(IdxError::Sizes(sizes)) if sizes.contains(&0)));
            let mut huge = IMAGES;
            huge[at..at + 4].fill(0xff);
            assert!(matches!(all_images(&huge), Err(IdxError::Sizes(sizes)) if sizes.contains(&u32::MAX)));
        }
        let square = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0x40, 0, 0, 0, 0x40, 0];
        assert!(matches!(all_images(&square), Err(IdxError::Sizes(sizes)) if sizes == [1, 0x4000, 0x4000]));
    }

    #[test]
    fn a_bomb_stops_at_the_size_of_its_header() {
        let mut bomb = LABELS.to_vec();
        bomb.resize(1 << 24, 0);
        assert!(matches!(read_labels(&gzip(&bomb)[..]), Err(IdxError::Trailing(11))));
        let mut short = LABELS;
        short[4..8].copy_from_slice(&MAX_COUNT.to_be_bytes());
        assert!(matches!(read_labels(&short[..]), Err(IdxError::Truncated { .. })));
    }

    #[test]
    fn a_damaged_checksum_is_an_error() {
        let mut images = gzip(&IMAGES);
        let at = images.len() - 6;
        images[at] ^= 1;
        assert!(matches!(all_images(&images), Err(IdxError::Read(_))));
    }

    proptest! {
        #[test]
        fn mutated_files_never_panic(
            changes in prop::collection::vec((0_usize..28, any::<u8>()), 1..6),
            packed in any::<bool>(),
        ) {
            let (mut images, mut labels) = (IMAGES.to_vec(), LABELS.to_vec());
            if packed {
                (images, labels) = (gzip(&images), gzip(&labels));
            }
            for (at, value) in changes {
                let (a, b) = (at % images.len(), at % labels.len());
                images[a] = value;
                labels[b] = value;
            }
            if let Ok(read) = all_images(&images) {
                prop_assert!(!read.is_empty());
            }
            let _ = read_labels(&labels[..]);
        }
    }
}
