//! How a picture has to be turned to stand upright, from wherever its file says so.

use std::io::Read;

use image::metadata::Orientation;

/// What some programs write before the EXIF block, though only JPEG asks for it.
const PREFIX: &[u8] = b"Exif\0\0";
/// Bytes of a text chunk that are unpacked at most.
const MAX_TEXT: u64 = 1 << 20;
/// Keywords under which ImageMagick and others put EXIF into a text chunk, as hexadecimal digits.
const PROFILES: [&[u8]; 2] = [b"Raw profile type exif", b"Raw profile type APP1"];

/// Of an EXIF block.
pub(super) fn of_exif(block: &[u8]) -> Option<Orientation> {
    Orientation::from_exif_chunk(block.strip_prefix(PREFIX).unwrap_or(block))
}

/// Of a PNG file: its `eXIf` chunk wherever it stands, else a text chunk. A damaged one does not make an image unreadable.
pub(super) fn of_png(bytes: &[u8]) -> Option<Orientation> {
    let (mut at, mut of_text) = (8, None);
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(data) = bytes.get(at + 8..(at + 8).saturating_add(length)) else { break };
        match &head[4..] {
            b"eXIf" => return of_exif(data),
            b"tEXt" | b"zTXt" | b"iTXt" => of_text = of_text.or_else(|| of_profile(&head[4..], data)),
            b"IEND" => break,
            _ => {}
        }
        // Behind the data stand four bytes that check it.
        at += 12 + length;
    }
    of_text
}

/// Of a text chunk `KEYWORD\0…` that holds a profile.
fn of_profile(kind: &[u8], data: &[u8]) -> Option<Orientation> {
    let end = data.iter().position(|&byte| byte == 0)?;
    if !PROFILES.contains(&&data[..end]) {
        return None;
    }
    let rest = &data[end + 1..];
    let unpacked = |packed: &[u8]| {
        let mut text = Vec::new();
        flate2::read::ZlibDecoder::new(packed).take(MAX_TEXT).read_to_end(&mut text).ok().map(|_| text)
    };
    let text = match kind {
        b"tEXt" => rest.to_vec(),
        // A byte names the method of packing.
        b"zTXt" => unpacked(rest.get(1..)?)?,
        // Whether it is packed, how, then a language and a translated keyword, each with a zero behind it.
        _ => {
            let mut parts = rest.get(2..)?.splitn(3, |&byte| byte == 0);
            let text = parts.nth(2)?;
            if rest[0] == 1 { unpacked(text)? } else { text.to_vec() }
        }
    };
    // Lines: a name, the number of bytes, then the bytes.
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.trim_start().lines();
    lines.nth(1)?;
    let digits: Vec<u8> = lines.flat_map(str::bytes).filter_map(|c| Some((c as char).to_digit(16)? as u8)).collect();
    of_exif(&digits.as_chunks::<2>().0.iter().map(|&[high, low]| high << 4 | low).collect::<Vec<_>>())
}

/// Of a WebP file.
pub(super) fn of_webp(bytes: &[u8]) -> Option<Orientation> {
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if &head[..4] == b"EXIF" {
            return of_exif(bytes.get(at + 8..(at + 8).saturating_add(length))?);
        }
        at = (at + 8).saturating_add(length).saturating_add(length % 2);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURNED: &[u8] = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        [&(data.len() as u32).to_be_bytes()[..], kind, data, &[0; 4]].concat()
    }

    fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
        [&b"\x89PNG\r\n\x1a\n"[..], &chunks.concat(), &chunk(b"IEND", b"")].concat()
    }

    #[test]
    fn png_says_it_before_or_after_the_data_or_in_a_text() {
        let data = chunk(b"IDAT", b"data");
        let hex: String = TURNED.iter().map(|byte| format!("{byte:02x}")).collect();
        let profile = format!("\nexif\n      {}\n{}\n{}\n", TURNED.len(), &hex[..20], &hex[20..]);
        let text = chunk(b"tEXt", format!("Raw profile type exif\0{profile}").as_bytes());
        let international = chunk(b"iTXt", format!("Raw profile type APP1\0\0\0\0\0{profile}").as_bytes());
        let exif = chunk(b"eXIf", TURNED);
        let prefixed = chunk(b"eXIf", &[PREFIX, TURNED].concat());
        for found in [&exif, &prefixed, &text, &international] {
            for file in [png(&[found.clone(), data.clone()]), png(&[data.clone(), found.clone()])] {
                assert_eq!(of_png(&file), Some(Orientation::Rotate90));
            }
        }
        assert_eq!(of_png(&png(std::slice::from_ref(&data))), None);
        assert_eq!(of_png(&png(&[chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 3\nzz")])), None);
        assert_eq!((of_png(&exif[..9]), of_png(b"")), (None, None));
    }

    #[test]
    fn webp_says_it_with_and_without_a_prefix() {
        for block in [TURNED.to_vec(), [PREFIX, TURNED].concat()] {
            let chunk = [&b"EXIF"[..], &(block.len() as u32).to_le_bytes(), &block].concat();
            let file = [&b"RIFF\0\0\0\0WEBPVP8L\x03\0\0\0abc\0"[..], &chunk].concat();
            assert_eq!(of_webp(&file), Some(Orientation::Rotate90));
            assert_eq!(of_webp(&file[..file.len() - 9]), None);
        }
    }
}
