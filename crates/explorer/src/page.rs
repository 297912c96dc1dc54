//! The page's files, which are part of the binary.

/// A file of the page: its path, its type, its content.
type File = (&'static str, &'static str, &'static [u8]);

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const DRAWING: &str = "image/svg+xml";
const STYLE: &str = "text/css; charset=utf-8";

const FILES: &[File] = &[
    ("/api.js", SCRIPT, include_bytes!("page/api.js")),
    ("/app.js", SCRIPT, include_bytes!("page/app.js")),
    ("/export.js", SCRIPT, include_bytes!("page/export.js")),
    ("/favicon.svg", DRAWING, include_bytes!("page/favicon.svg")),
    ("/format.js", SCRIPT, include_bytes!("page/format.js")),
    ("/", HTML, include_bytes!("page/index.html")),
    ("/lasso.js", SCRIPT, include_bytes!("page/lasso.js")),
    ("/palette.js", SCRIPT, include_bytes!("page/palette.js")),
    ("/parts/bits.js", SCRIPT, include_bytes!("page/parts/bits.js")),
    ("/parts/distributions.js", SCRIPT, include_bytes!("page/parts/distributions.js")),
    ("/parts/filters.js", SCRIPT, include_bytes!("page/parts/filters.js")),
    ("/parts/knob.js", SCRIPT, include_bytes!("page/parts/knob.js")),
    ("/parts/lines.js", SCRIPT, include_bytes!("page/parts/lines.js")),
    ("/parts/own.js", SCRIPT, include_bytes!("page/parts/own.js")),
    ("/parts/scatter.js", SCRIPT, include_bytes!("page/parts/scatter.js")),
    ("/parts/selections.js", SCRIPT, include_bytes!("page/parts/selections.js")),
    ("/parts/start.js", SCRIPT, include_bytes!("page/parts/start.js")),
    ("/parts/tiles.js", SCRIPT, include_bytes!("page/parts/tiles.js")),
    ("/parts/verdicts.js", SCRIPT, include_bytes!("page/parts/verdicts.js")),
    ("/parts/walk.js", SCRIPT, include_bytes!("page/parts/walk.js")),
    ("/selections.js", SCRIPT, include_bytes!("page/selections.js")),
    ("/state.js", SCRIPT, include_bytes!("page/state.js")),
    ("/style.css", STYLE, include_bytes!("page/style.css")),
    ("/vendor/LICENSES.txt", TEXT, include_bytes!("page/vendor/LICENSES.txt")),
    ("/vendor/htm-preact.js", SCRIPT, include_bytes!("page/vendor/htm-preact.js")),
    ("/walker.js", SCRIPT, include_bytes!("page/walker.js")),
];

/// The file at a path.
pub(crate) fn file(path: &str) -> Option<(&'static str, &'static [u8])> {
    FILES.iter().find(|(known, ..)| *known == path).map(|(_, kind, content)| (*kind, *content))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn every_file_of_the_page_is_served_and_loads_nothing_from_elsewhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page");
        let all = files(&root);
        assert_eq!(all.len(), FILES.len());
        for path in all {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            let at = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
            let content = fs::read(&path).unwrap();
            assert_eq!(file(&at).unwrap().1, content, "{at}");
            if !name.starts_with("vendor/") && !name.ends_with(".txt") {
                let text = String::from_utf8(content).unwrap();
                let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
                assert!(!elsewhere.contains("http:") && !elsewhere.contains("https:"), "{at}");
            }
        }
        assert!(file("/../Cargo.toml").is_none() && file("/page.rs").is_none());
    }
}
