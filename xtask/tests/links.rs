//! Relative links in the repository's Markdown lead to files and headings that exist.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose Markdown is checked, besides that of the root.
const FOLDERS: [&str; 5] = ["benches", "crates", "docs", "fixtures", "xtask"];

#[test]
fn relative_links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = markdown(&root, false);
    pages.extend(FOLDERS.iter().flat_map(|folder| markdown(&root.join(folder), true)));
    assert!(pages.len() > 20, "{} pages: they moved, and this test must follow", pages.len());
    let faults: Vec<String> = pages.iter().flat_map(|page| faults(page)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn broken_links_are_found() {
    let folder = std::env::temp_dir().join(format!("latentwalk-links-{}", std::process::id()));
    fs::create_dir_all(folder.join("below")).unwrap();
    fs::write(folder.join("below/other.md"), "# A title, of `code`\n```\n# no title\n```\n").unwrap();
    let page = folder.join("page.md");
    let links = [
        ("[a](below/other.md#a-title-of-code)", true),
        ("![b](below)", true),
        ("[c](https://example.org/x) `[d](code)`", true),
        ("[e](#here)", true),
        ("[f](gone.md)", false),
        ("[g](below/other.md#no-title)", false),
        ("[two\nlines](gone.png)", false),
    ];
    for (link, good) in links {
        fs::write(&page, format!("## Here\n\ntext {link} text\n")).unwrap();
        assert_eq!(faults(&page).is_empty(), good, "{link}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

/// The Markdown files of a folder.
fn markdown(folder: &Path, below: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() && below {
            found.extend(markdown(&path, below));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A sentence for each link of a page that leads nowhere.
fn faults(page: &Path) -> Vec<String> {
    let text = prose(&fs::read_to_string(page).unwrap());
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let broken = targets.filter(|target| !target.contains("://") && !leads_somewhere(page, target));
    broken.map(|target| format!("{}: the link to {target} leads nowhere", page.display())).collect()
}

fn leads_somewhere(page: &Path, target: &str) -> bool {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    path.exists() && (heading.is_empty() || headings(&fs::read_to_string(path).unwrap()).iter().any(|h| h == heading))
}

/// A page without blocks of code and without code within lines.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    lines.map(|line| line.split('`').step_by(2).collect::<String>() + "\n").collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut anchors = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if let Some(title) = line.strip_prefix('#').filter(|_| !fenced) {
            let kept =
                title.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            anchors.push(kept.collect::<String>().to_lowercase().replace(' ', "-"));
        }
    }
    anchors
}
