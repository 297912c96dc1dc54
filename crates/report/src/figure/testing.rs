//! What every figure file must be.

/// A text of a drawing.
pub(super) struct Text {
    pub(super) class: String,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) anchor: String,
    pub(super) text: String,
}

/// Asserts that a file is well-formed XML of the SVG namespace which loads nothing, runs nothing and knows no number
/// that is not finite.
pub(super) fn assert_file(svg: &str) {
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("<rect class=\"ground\""));
    for foreign in ["<script", "href", "url(", "@import", "NaN", "inf\""] {
        assert!(!svg.contains(foreign), "{foreign}");
    }
    let mut open = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("<{piece} is not closed"));
        assert!(!text.contains('>'), "a bare > after {tag}");
        assert_references(piece);
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap_or_default();
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name), "</{name}>"),
            (false, false) => open.push(name),
            (false, true) => {}
        }
    }
    assert!(open.is_empty(), "{open:?} are not closed");
}

fn assert_references(text: &str) {
    for rest in text.split('&').skip(1) {
        let name = rest.split(';').next().unwrap_or_default();
        assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "&{name}");
    }
}

/// All texts of a drawing.
pub(super) fn texts(svg: &str) -> Vec<Text> {
    let value = |tag: &str, name: &str| {
        let from = format!(" {name}=\"");
        tag.split_once(&from).and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default().to_owned()
    };
    svg.split("<text")
        .skip(1)
        .filter_map(|piece| piece.split_once('>'))
        .map(|(tag, rest)| Text {
            class: value(tag, "class"),
            x: value(tag, "x").parse().unwrap_or(f64::NAN),
            y: value(tag, "y").parse().unwrap_or(f64::NAN),
            anchor: value(tag, "text-anchor"),
            text: rest.split('<').next().unwrap_or_default().to_owned(),
        })
        .collect()
}
