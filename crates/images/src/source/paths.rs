//! Paths as sources write them.

use std::path::Path;

/// The path with `/`, whatever the system separates by.
pub(crate) fn slashed(path: &Path) -> String {
    let parts = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let joined = parts.filter(|part| part != ".").collect::<Vec<_>>().join("/");
    joined.replacen("//", "/", 1)
}

/// Whether a path stays below the folder that it starts from, on whatever system.
pub(super) fn stays_below(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':') && path.starts_with(|c: char| c.is_ascii_alphabetic());
    if drive || path.starts_with(['/', '\\']) {
        return false;
    }
    let mut depth = 0_usize;
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_root_are_told_apart() {
        for inside in ["a.png", "a/b.png", "./a.png", "a/../b.png", "a..b/..c.png", "a//b.png"] {
            assert!(stays_below(inside), "{inside}");
        }
        for outside in ["../a.png", "a/../../b.png", "/a.png", "\\\\host\\a.png", "C:\\a.png", "a\\..\\..\\b.png"] {
            assert!(!stays_below(outside), "{outside}");
        }
    }

    #[test]
    fn paths_are_written_with_slashes() {
        assert_eq!(slashed(&Path::new("./photos").join("a b").join("c.png")), "photos/a b/c.png");
        assert_eq!(slashed(Path::new("/photos/c.png")), "/photos/c.png");
    }
}
