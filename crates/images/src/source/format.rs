//! What a file is, by its first bytes and, where these do not tell, by the ending of its name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// An image of a kind that is read.
    Image,
    /// A picture of a kind that is not read, and what people call that kind.
    Unread(&'static str),
    /// Something else.
    Other,
}

/// Endings of the kinds that are read. Such a file counts as an image whatever it holds: if it is none, decoding says so.
const READ: [&str; 16] = [
    "png", "apng", "jpg", "jpeg", "jpe", "jfif", "jif", "jfi", "pjpeg", "pjp", "mpo", "jps", "webp", "bmp", "tif",
    "tiff",
];
/// As [`READ`], for pictures that may move.
const READ_FIRST_FRAME: &str = "gif";
/// Endings of pictures that are not read, with their kind.
const UNREAD: [(&str, &str); 57] = [
    ("heic", "HEIC"),
    ("heif", "HEIC"),
    ("hif", "HEIC"),
    ("avif", "AVIF"),
    ("avifs", "AVIF"),
    ("jxl", "JPEG XL"),
    ("jp2", "JPEG 2000"),
    ("j2k", "JPEG 2000"),
    ("jpx", "JPEG 2000"),
    ("jxr", "JPEG XR"),
    ("wdp", "JPEG XR"),
    ("dng", RAW),
    ("cr2", RAW),
    ("cr3", RAW),
    ("crw", RAW),
    ("nef", RAW),
    ("nrw", RAW),
    ("arw", RAW),
    ("srw", RAW),
    ("orf", RAW),
    ("rw2", RAW),
    ("raf", RAW),
    ("pef", RAW),
    ("psd", "Photoshop"),
    ("exr", "OpenEXR"),
    ("hdr", "Radiance HDR"),
    ("svg", "SVG"),
    ("ico", "icon"),
    ("tga", "TGA"),
    ("dds", "DDS"),
    ("ppm", "PNM"),
    ("pgm", "PNM"),
    ("pbm", "PNM"),
    ("qoi", "QOI"),
    ("pnm", "PNM"),
    ("pam", "PNM"),
    ("pfm", "PNM"),
    ("sgi", "SGI"),
    ("rgb", "SGI"),
    ("bw", "SGI"),
    ("ras", "Sun raster"),
    ("sun", "Sun raster"),
    ("pcx", "PCX"),
    ("dcx", "PCX"),
    ("dib", "bitmap without a file's header"),
    ("fli", "FLI"),
    ("flc", "FLI"),
    ("icns", "icon"),
    ("cur", "icon"),
    ("eps", "PostScript"),
    ("xpm", "XPM"),
    ("xbm", "XPM"),
    ("wmf", "WMF"),
    ("emf", "WMF"),
    ("fits", "FITS"),
    ("fit", "FITS"),
    ("xcf", "GIMP"),
];
/// Raw files of cameras; many of them begin as TIFF files do.
const RAW: &str = "raw camera";
/// Endings of files that are surely no pictures and of which there may be one beside each image: not opened.
const NEVER: [&str; 25] = [
    "txt", "csv", "tsv", "json", "jsonl", "ndjson", "xml", "yaml", "yml", "toml", "md", "html", "htm", "py", "ipynb",
    "npy", "npz", "pt", "pth", "parquet", "zip", "gz", "log", "pdf", "db",
];
/// Bytes that [`of_content`] wants.
const START: u64 = 32;

/// What a file is. Files without a telling ending are opened and their first bytes read.
pub(crate) fn of_file(path: &Path) -> FileKind {
    let ending = ending(path);
    if is_read(&ending) {
        return FileKind::Image;
    }
    if NEVER.contains(&ending.as_str()) {
        return FileKind::Other;
    }
    let named = UNREAD.iter().find(|(known, _)| *known == ending).map(|(_, kind)| *kind);
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(START).read_to_end(&mut start));
    match (read.ok().map(|_| of_content(&start)), named) {
        // A raw file of a camera is a TIFF file whose first picture is a thumbnail.
        (Some(FileKind::Image), Some(RAW)) if is_tiff(&start) => FileKind::Unread(RAW),
        (Some(FileKind::Other) | None, Some(kind)) => FileKind::Unread(kind),
        (Some(kind), _) => kind,
        (None, None) => FileKind::Other,
    }
}

/// Whether an ending is that of a kind that is read.
pub(crate) fn is_read(ending: &str) -> bool {
    READ.contains(&ending) || ending == READ_FIRST_FRAME
}

/// What a file is, by its first bytes alone.
pub(crate) fn of_content(start: &[u8]) -> FileKind {
    let at = |from: usize, mark: &[u8]| start.get(from..from + mark.len()) == Some(mark);
    let jpeg = at(0, b"\xff\xd8\xff");
    let png = at(0, b"\x89PNG\r\n\x1a\n");
    let webp = at(0, b"RIFF") && at(8, b"WEBP");
    let gif = at(0, b"GIF87a") || at(0, b"GIF89a");
    if jpeg || png || webp || gif || is_tiff(start) || is_bmp(start) {
        return FileKind::Image;
    }
    if at(4, b"ftyp") {
        return match start.get(8..12).unwrap_or_default() {
            b"avif" | b"avis" => FileKind::Unread("AVIF"),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => FileKind::Unread("HEIC"),
            b"crx " => FileKind::Unread(RAW),
            _ => FileKind::Other,
        };
    }
    let kinds: [(&[u8], &'static str); 10] = [
        (b"\0\0\0\x0cJXL ", "JPEG XL"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cjP  ", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"8BPS", "Photoshop"),
        (b"\x76\x2f\x31\x01", "OpenEXR"),
        (b"#?RADIANCE", "Radiance HDR"),
        (b"FUJIFILMCCD-RAW", RAW),
        (b"IIU\0", RAW),
        (b"qoif", "QOI"),
    ];
    match kinds.iter().find(|(mark, _)| at(0, mark)) {
        Some((_, kind)) => FileKind::Unread(kind),
        None => FileKind::Other,
    }
}

/// Also BigTIFF, whose places in the file have 64 bits.
pub(crate) fn is_tiff(start: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|mark| start.starts_with(*mark))
}

/// Two letters say little: the sizes of the headers must be possible too.
fn is_bmp(start: &[u8]) -> bool {
    let header = start.get(14..18).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    start.starts_with(b"BM") && matches!(header, Some(12 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// The ending of a name, in lower case, without the dot.
pub(crate) fn ending(path: &Path) -> String {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase()
}

/// Why a picture of such a kind is left out.
pub(crate) fn unread(kind: &str) -> String {
    format!("it is a {kind} picture, which is not read: convert it to JPEG or PNG")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn content_tells_more_than_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let kind = |name: &str, content: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            of_file(&path)
        };
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF";
        for name in ["a", "a.dng", "a.heif", "a.jfif", "a.bin"] {
            assert_eq!(kind(name, jpeg), FileKind::Image, "{name}");
        }
        assert_eq!(kind("a.dng", b"II*\0\x08\0\0\0"), FileKind::Unread(RAW));
        assert_eq!(kind("a.scan", b"II*\0\x08\0\0\0"), FileKind::Image);
        assert_eq!(kind("b", b"\0\0\0\x1cftypheic"), FileKind::Unread("HEIC"));
        assert_eq!(kind("b.heic", b""), FileKind::Unread("HEIC"));
        assert_eq!(kind("b.mp4", b"\0\0\0\x1cftypisom"), FileKind::Other);
        assert_eq!(kind("c", b"BMW drives well, and that for years"), FileKind::Other);
        assert_eq!(kind("c.txt", jpeg), FileKind::Other);
        assert_eq!(kind("c.png", b"no image"), FileKind::Image);
    }
}
