//! Whether a JPEG file is all there, which decoders do not say: they paint what is missing grey.

/// Start of a marker.
const MARK: u8 = 0xff;

/// Whether the file reaches its end marker. Segments are passed over by their length, so that the end of a thumbnail
/// inside one does not count.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == MARK)) {
        at += found + 1;
        match bytes.get(at) {
            None => return false,
            // Fill bytes: the next one is looked at again.
            Some(&MARK) => {}
            // A stuffed byte of the picture, and markers without a length: private, restarts, start.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            Some(0xd9) => return true,
            Some(_) => match bytes.get(at + 1..at + 3) {
                Some(length) => at += 1 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2),
                None => return false,
            },
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end() {
        let segment = [0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
        let start = [0xff, 0xd8];
        let picture = [0xff, 0xda, 0, 2, 7, 0xff, 0, 0xff, 0xd0, 9];
        let end = [0xff, 0xff, 0xd9];
        assert!(is_whole(&[&start[..], &segment, &picture, &end].concat()));
        assert!(is_whole(&[&start[..], &segment, &picture, &end, &[0; 9]].concat()));
        assert!(!is_whole(&[&start[..], &segment, &picture].concat()));
        assert!(!is_whole(&[&start[..], &segment, &picture, &end[..2]].concat()));
        assert!(!is_whole(&[&start[..], &segment[..6]].concat()));
        assert!(!is_whole(&[0xff, 0xd8, 0xff, 0xe1, 0]) && !is_whole(&start) && !is_whole(&[]));
    }
}
