//! Everything in a description that can be checked without reading the source.

use std::collections::BTreeSet;
use std::fmt;

use super::{
    Alpha, AttributeDescription, Damaged, Description, Exif, ImagesSection, MAX_SIZE, PathMatch, Shares, Source,
};
use crate::attribute::AttributeKind;
use crate::error::{Error, Result};
use crate::source::Separator;

/// How far the three shares may be from making 1.
const SHARES_TOLERANCE: f64 = 1e-6;
/// Names that later tables use for columns of their own.
const RESERVED_NAMES: [&str; 5] = ["id", "split", "vector", "pooled", "path"];

impl Description {
    /// Checks everything that can be checked without reading the source.
    ///
    /// **Errors.** [`Error::Setting`], [`Error::Garments`], [`Error::Unknown`] or [`Error::OneClass`], naming the key.
    pub fn check(&self) -> Result<()> {
        self.images.check()?;
        if self.attributes.0.is_empty() {
            return Err(setting("attributes", "empty", "at least one [attributes.NAME] must be declared"));
        }
        self.attributes.0.iter().try_for_each(AttributeDescription::check)?;
        let known: Vec<String> = self.attributes.0.iter().map(|attribute| attribute.name.clone()).collect();
        match &self.images.split.stratify {
            Some(name) if !known.contains(name) => {
                let (key, place) = ("images.split.stratify".to_owned(), "the description".to_owned());
                Err(Error::Unknown { key, kind: "attribute", name: name.clone(), place, known })
            }
            _ => Ok(()),
        }
    }
}

impl ImagesSection {
    pub(crate) fn check(&self) -> Result<()> {
        self.check_source()?;
        if !(1..=MAX_SIZE).contains(&self.size) {
            return Err(setting("images.size", self.size, "it must lie in 1 to 2048 pixels"));
        }
        if self.channels != 1 && self.channels != 3 {
            return Err(setting("images.channels", self.channels, "it must be 1 (grey) or 3 (RGB)"));
        }
        if !(0.0..=1.0).contains(&self.maximum_unreadable) {
            return Err(setting("images.maximum_unreadable", self.maximum_unreadable, "it must lie in 0 to 1"));
        }
        self.split.check()
    }

    /// Every source has its own keys; a key of another source is a mistake that would otherwise go unnoticed.
    fn check_source(&self) -> Result<()> {
        let given = [
            ("images.images", !self.images.is_empty()),
            ("images.labels", !self.labels.is_empty()),
            ("images.root", self.root.is_some()),
            ("images.file", self.file.is_some() || !self.parts.is_empty()),
            ("images.labels_file", self.labels_file.is_some()),
            ("images.annotations", self.annotations.is_some()),
            ("images.exif", self.exif != Exif::default()),
            ("images.garments", self.garments.is_some()),
            ("images.split_folders", self.split_folders),
            ("images.path_column", self.path_column.is_some()),
            ("images.path_match", self.path_match != PathMatch::default()),
            ("images.alpha", self.alpha != Alpha::default()),
            ("images.damaged", self.damaged != Damaged::default()),
        ];
        let Keys { needed, allowed, must } = keys(self.source);
        if !self.parts.is_empty() {
            if !needed.contains(&"images.file") {
                return Err(setting("images.parts", "given", must));
            }
            if self.file.is_some() {
                return Err(setting("images.file", "given", "`parts` take its place: give one of them"));
            }
            let mut names = BTreeSet::new();
            if let Some(part) = self.parts.iter().find(|part| !names.insert(part.name())) {
                let must = "every part needs a `name` of its own, which stands before its ids";
                return Err(setting("images.parts", format!("with `{}` twice", part.name()), must));
            }
        }
        for (key, present) in given {
            if needed.contains(&key) && !present {
                return Err(setting(key, "missing", must));
            }
            if present && !needed.contains(&key) && !allowed.contains(&key) {
                return Err(setting(key, "given", must));
            }
        }
        if self.source == Source::Garments {
            let refused = |key| move |source| Error::Garments { key, source };
            let wardrobe = self.wardrobe();
            wardrobe.options(self.size).check().map_err(refused("images.garments"))?;
            let both = self.garments.as_ref().is_some_and(|g| g.balanced && g.frequencies.is_some());
            if both {
                let must = "`balanced` is a table of frequencies too: give one of them";
                return Err(setting("images.garments.frequencies", "given", must));
            }
            wardrobe.frequencies().check().map_err(refused("images.garments.frequencies"))?;
        }
        if self.source == Source::Idx && self.images.len() != self.labels.len() {
            let got = format!("{} files for {} image files", self.labels.len(), self.images.len());
            return Err(setting("images.labels", got, "every image file needs its label file"));
        }
        Ok(())
    }
}

/// The keys of `[images]` that say where a source lies.
struct Keys {
    needed: &'static [&'static str],
    allowed: &'static [&'static str],
    must: &'static str,
}

fn keys(source: Source) -> Keys {
    let (needed, allowed, must): (&[&str], &[&str], _) = match source {
        Source::Idx => {
            (&["images.images", "images.labels"], &[], "source \"idx\" needs `images` and `labels`, and nothing else")
        }
        Source::Folder => (
            &["images.root"],
            &["images.exif", "images.alpha", "images.damaged", "images.split_folders"],
            "source \"folder\" needs `root`, and may have `exif`, `alpha`, `damaged` and `split_folders`",
        ),
        Source::Manifest => (
            &["images.file"],
            &[
                "images.root",
                "images.exif",
                "images.alpha",
                "images.damaged",
                "images.path_column",
                "images.path_match",
            ],
            "source \"manifest\" needs `file` or `parts`, and may have `root`, `exif`, `alpha`, `damaged`, `path_column` and `path_match`",
        ),
        Source::Imaterialist => (
            &["images.file", "images.labels_file"],
            &["images.root", "images.exif", "images.alpha", "images.damaged"],
            "source \"imaterialist\" needs `labels_file` and `file` or `parts`, and may have `root`, `exif`, `alpha` and `damaged`",
        ),
        Source::DeepFashion => (
            &["images.annotations"],
            &["images.root", "images.exif", "images.alpha", "images.damaged"],
            "source \"deepfashion\" needs `annotations`, and may have `root`, `exif`, `alpha` and `damaged`",
        ),
        Source::CelebA => (
            &["images.annotations"],
            &["images.root", "images.exif", "images.alpha", "images.damaged"],
            "source \"celeba\" needs `annotations`, and may have `root`, `exif`, `alpha` and `damaged`",
        ),
        Source::FashionAi => (
            &["images.file"],
            &["images.root", "images.exif", "images.alpha", "images.damaged"],
            "source \"fashionai\" needs `file` or `parts`, and may have `root`, `exif`, `alpha` and `damaged`",
        ),
        Source::Coco => (
            &["images.file"],
            &["images.root", "images.exif", "images.alpha", "images.damaged"],
            "source \"coco\" needs `file` or `parts`, and may have `root`, `exif`, `alpha` and `damaged`",
        ),
        Source::Garments => {
            (&[], &["images.garments"], "source \"garments\" may have a table [images.garments], and names no files")
        }
    };
    Keys { needed, allowed, must }
}

impl Shares {
    fn check(&self) -> Result<()> {
        let [train, validation, test] = self.all();
        let in_range = self.all().iter().all(|share| (0.0..=1.0).contains(share)) && train > 0.0;
        if !in_range || (train + validation + test - 1.0).abs() > SHARES_TOLERANCE {
            let got = format!("train {train}, validation {validation}, test {test}");
            let must = "each must lie in 0 to 1, train above 0, and together they must make 1";
            return Err(setting("images.split", got, must));
        }
        Ok(())
    }
}

impl AttributeDescription {
    fn check(&self) -> Result<()> {
        let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        if self.name.is_empty() || !self.name.chars().all(plain) || RESERVED_NAMES.contains(&self.name.as_str()) {
            let must = "use letters, digits, `_` and `-`, and none of id, split, vector, pooled, path";
            return Err(setting("attributes", format!("`{}`", self.name), must));
        }
        self.check_list("classes", &self.classes)?;
        self.check_list("columns", &self.columns)?;
        if self.column.is_some() && !self.columns.is_empty() {
            return Err(setting(&self.key("columns"), "given", "`column` is given too: give one of them"));
        }
        if self.separator.as_deref().is_some_and(|word| Separator::parse(word).is_none()) {
            let got = format!("`{}`", self.separator.as_deref().unwrap_or_default());
            return Err(setting(&self.key("separator"), got, "it must be one character, or `list`"));
        }
        self.check_list("order", &self.order)?;
        if self.map.values().any(|class| class.trim().is_empty() || class.trim() != class) {
            return Err(setting(&self.key("map"), "to an empty class or one with outer blanks", "name a class"));
        }
        self.check_classes()?;
        self.check_order()
    }

    fn check_list(&self, key: &str, classes: &[String]) -> Result<()> {
        let must = "each class stands there once, without outer blanks and not empty";
        let mut seen = BTreeSet::new();
        for class in classes {
            if class.is_empty() || class.trim() != class || !seen.insert(class) {
                return Err(setting(&self.key(key), format!("with `{class}`"), must));
            }
        }
        Ok(())
    }

    fn check_classes(&self) -> Result<()> {
        let known = self.known_classes();
        if let Some(class) = self.map.values().find(|class| !known.contains(class)) {
            return Err(self.unknown("map", class, known));
        }
        if !known.is_empty() && known.len() < 2 {
            return Err(Error::OneClass { attribute: self.name.clone(), classes: known.len() });
        }
        Ok(())
    }

    fn check_order(&self) -> Result<()> {
        if self.order.is_empty() {
            return Ok(());
        }
        if self.kind != AttributeKind::Ordered {
            return Err(setting(&self.key("order"), "given", "only kind \"ordered\" has an order"));
        }
        if self.order.len() < 2 {
            return Err(setting(&self.key("order"), "one class long", "an order needs two classes or more"));
        }
        let known = self.known_classes();
        match self.order.iter().find(|class| !known.is_empty() && !known.contains(class)) {
            Some(class) => Err(self.unknown("order", class, known)),
            None => Ok(()),
        }
    }
}

fn setting(key: &str, got: impl fmt::Display, must: &'static str) -> Error {
    Error::Setting { key: key.into(), got: got.to_string(), must }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::description::DEFAULT_SIZE;

    const TEXT: &str = r#"
        [images]
        source = "folder"
        root = "photos"
        [attributes.zeta]
        kind = "ordered"
        classes = ["low", "middle", "high"]
        order = ["low", "high"]
        [attributes.alpha]
        kind = "nominal"
        map = { "10" = "c", "9" = "b", "x" = "a", "11" = "b" }
    "#;

    fn error(from: &str, to: &str) -> String {
        assert!(TEXT.contains(from));
        match Description::parse(&TEXT.replace(from, to)) {
            Err(Error::Toml(error)) => error.to_string(),
            other => other.unwrap().check().unwrap_err().to_string(),
        }
    }

    #[test]
    fn order_of_declaration_and_defaults_are_kept() {
        let description = Description::parse(TEXT).unwrap();
        description.check().unwrap();
        let names: Vec<&str> = description.attributes.0.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["zeta", "alpha"]);
        assert_eq!(description.attributes.0[1].known_classes(), ["b", "c", "a"]);
        assert_eq!(description.images.split, Shares::default());
        assert_eq!(description.images.size, DEFAULT_SIZE);
        let table: toml::Table = TEXT.parse().unwrap();
        assert_eq!(table.try_into::<Description>().unwrap(), description);
        let written = toml::to_string(&description).unwrap();
        assert_eq!(Description::parse(&written).unwrap(), description);
    }

    #[test]
    fn every_mistake_is_named() {
        let cases = [
            ("root = \"photos\"", "roots = \"photos\"", "unknown field `roots`"),
            ("kind = \"nominal\"", "kind = \"nominal\"\ncolour = 1", "unknown field `colour`"),
            ("kind = \"nominal\"", "kind = \"other\"", "unknown variant `other`"),
            ("root = \"photos\"", "", "`images.root` is missing"),
            ("root = \"photos\"", "root = \"photos\"\nfile = \"x\"", "`images.file` is given"),
            ("root = \"photos\"", "root = \"photos\"\nlabels_file = \"x\"", "`images.labels_file` is given"),
            ("root = \"photos\"", "root = \"photos\"\nannotations = \"x\"", "`images.annotations` is given"),
            ("root = \"photos\"", "root = \"photos\"\nexif = \"turn\"", "unknown variant `turn`"),
            ("\"folder\"", "\"imaterialist\"", "source \"imaterialist\" needs `labels_file` and `file` or `parts`"),
            ("\"folder\"", "\"imaterialist\"\nfile = \"x\"", "`images.labels_file` is missing"),
            ("\"folder\"", "\"deepfashion\"", "`images.annotations` is missing"),
            ("\"folder\"", "\"celeba\"\nannotations = \"x\"\nfile = \"y\"", "`images.file` is given"),
            ("\"folder\"", "\"fashionai\"", "`images.file` is missing"),
            ("\"folder\"", "\"coco\"\nfile = \"x\"\nlabels = [\"y\"]", "`images.labels` is given"),
            ("root = \"photos\"", "root = \"photos\"\nsize = 0", "`images.size` is 0"),
            ("root = \"photos\"", "root = \"photos\"\nchannels = 2", "`images.channels` is 2"),
            ("root = \"photos\"", "root = \"photos\"\nmaximum_unreadable = nan", "`images.maximum_unreadable` is NaN"),
            ("root = \"photos\"", "root = \"photos\"\nsplit.train = 0.8", "together they must make 1"),
            ("root = \"photos\"", "root = \"photos\"\nsplit = { train = 1.2, test = -0.3 }", "each must lie in 0 to 1"),
            (
                "root = \"photos\"",
                "root = \"photos\"\nsplit.stratify = \"size\"",
                "`images.split.stratify` names the attribute `size`",
            ),
            (
                "order = [\"low\", \"high\"]",
                "order = [\"low\", \"tall\"]",
                "`attributes.zeta.order` names the class `tall`",
            ),
            ("order = [\"low\", \"high\"]", "order = [\"low\"]", "an order needs two classes"),
            ("order = [\"low\", \"high\"]", "order = [\"low\", \"low\"]", "`attributes.zeta.order` is with `low`"),
            ("\"middle\", \"high\"", "\"middle\", \"low\"", "`attributes.zeta.classes` is with `low`"),
            ("kind = \"nominal\"", "kind = \"nominal\"\norder = [\"a\", \"b\"]", "only kind \"ordered\" has an order"),
            (
                "kind = \"nominal\"",
                "kind = \"nominal\"\nclasses = [\"a\", \"b\"]",
                "`attributes.alpha.map` names the class `c`",
            ),
            ("\"low\", \"middle\", \"high\"", "\"low\"", "fewer than two classes"),
            ("attributes.alpha", "attributes.id", "`attributes` is `id`"),
            ("attributes.alpha", "attributes.\"a/b\"", "`attributes` is `a/b`"),
        ];
        for (from, to, expected) in cases {
            let got = error(from, to);
            assert!(got.contains(expected), "{to}: {got}");
        }
        let none = Description::parse("[images]\nsource = \"folder\"\nroot = \"x\"\n[attributes]").unwrap();
        assert!(none.check().unwrap_err().to_string().contains("`attributes` is empty"));
        let place = "line 4, column 9";
        assert!(error("root = \"photos\"", "roots = \"photos\"").contains(place), "the place of a mistake is told");
        let idx =
            "[images]\nsource = \"idx\"\nimages = [\"a\", \"b\"]\nlabels = [\"c\"]\n[attributes.x]\nkind = \"nominal\"";
        let got = Description::parse(idx).unwrap().check().unwrap_err().to_string();
        assert!(got.contains("1 files for 2 image files"), "{got}");
    }
}
