//! Vectors that another program made: which belongs to which image.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, bail, ensure};
use latentwalk_arithmetic::Fnv;
use latentwalk_backbone::Tap;
use latentwalk_embeddings::{VectorFile, Writer, WriterOptions, vector_files};
use latentwalk_images::{Dataset, Label, SourceFile, Split, nfc};
use latentwalk_run::{COLUMNS_FILE, vectors_file};
use ndarray::ArrayView2;
use serde_json::{Value, json};

use super::inputs;
use super::vectors::{schema, table};
use crate::config::Config;
use crate::job::Job;

/// The file of given vectors, as a file from outside.
///
/// # Errors
/// None; a missing file is told where it is read.
pub fn files(config: &Config) -> Result<Vec<SourceFile>> {
    let Some(path) = config.vectors() else { return Ok(Vec::new()) };
    let files = vector_files(&path)?;
    let several = files.len() > 1;
    let name = |path: &Path| match several {
        true => format!("vectors/{}", path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()),
        false => "vectors".to_owned(),
    };
    Ok(files.into_iter().map(|path| SourceFile { name: name(&path), path: Some(path), bytes: None }).collect())
}

/// Takes them, one for every image, a batch at a time.
///
/// # Errors
/// A file that is no table of vectors, or has none for some image; an attribute whose classes hold one vector each.
pub(super) fn take(job: &Job<'_>, dataset: &Dataset, path: &Path) -> Result<Value> {
    let mut found = VectorFile::open(path, job.out)?;
    let places = places(job, dataset, &found, path)?;
    let rows = WriterOptions { row_group_rows: job.config.embeddings.row_group_rows };
    let schema = schema(dataset, found.width(), Tap::Fc);
    let mut writer = Writer::create(job.out.join(vectors_file(Tap::Fc)), &schema, rows)?;
    let all: Vec<usize> = (0..dataset.items.len()).collect();
    let mut distinct = Distinct::default();
    for part in all.chunks(inputs::READ_ROWS) {
        let chosen: Vec<usize> = part.iter().map(|&row| places[row]).collect();
        let vectors = found.read(&chosen)?;
        distinct.add(vectors.view());
        writer.write(&table(dataset, part, vectors))?;
        job.progress.set(part.last().map_or(0, |last| last + 1), all.len());
    }
    distinct.check(job, dataset, path)?;
    let summary = writer.finish()?;
    let mut keep = vec![false; found.rows()];
    places.iter().for_each(|&row| keep[row] = true);
    let carried = found.copy_columns(job.out.join(COLUMNS_FILE), &keep)?;
    let unused = found.rows() - places.len();
    if unused > 0 {
        job.progress.say(&format!("{unused} vectors of {} belong to no image of the data set", path.display()));
    }
    let mut figures = json!({ "files": { (vectors_file(Tap::Fc)): { "rows": summary.rows, "bytes": summary.bytes } } });
    if !carried.is_empty() {
        figures["columns"] = json!(carried);
    }
    Ok(figures)
}

/// The vector's row of every image.
fn places(job: &Job<'_>, dataset: &Dataset, found: &VectorFile, path: &Path) -> Result<Vec<usize>> {
    if let Some(ids) = found.ids() {
        return by_id(dataset, ids, path);
    }
    let mut doubts = Vec::new();
    for array in found.texts() {
        match array.values.as_ref().map(|values| by_id(dataset, values, path)) {
            Ok(Ok(places)) => {
                job.progress.say(&format!("vectors are matched by the array `{}`", array.name));
                return Ok(places);
            }
            Ok(Err(_)) => doubts.push(format!("`{}` does not name every image once", array.name)),
            Err(reason) => doubts.push(reason.clone()),
        }
    }
    let images = dataset.items.len();
    let told = if doubts.is_empty() { String::new() } else { format!(" ({})", doubts.join("; ")) };
    ensure!(
        found.rows() == images,
        "{} has {} rows for {images} images, and no ids{told}\nhint: write one row for every image, in their order",
        path.display(),
        found.rows()
    );
    if !doubts.is_empty() {
        job.progress
            .say(&format!("vectors are taken in the order of the images: {} has no array `ids`{told}", path.display()));
    }
    Ok((0..images).collect())
}

/// As [`places`], by one id per vector. Unicode forms and the two slashes are the same.
fn by_id(dataset: &Dataset, ids: &[String], path: &Path) -> Result<Vec<usize>> {
    let plain = |id: &str| nfc(&id.replace('\\', "/")).trim_start_matches("./").to_owned();
    let mut rows: BTreeMap<String, usize> = BTreeMap::new();
    for (row, id) in ids.iter().enumerate() {
        if let Some(first) = rows.insert(plain(id), row) {
            bail!("{}: rows {first} and {row} have the same id `{id}`", path.display());
        }
    }
    let mut found: Vec<Option<usize>> = dataset.items.iter().map(|item| rows.get(&plain(&item.id)).copied()).collect();
    if found.iter().all(Option::is_none) {
        found = by_end(dataset, &rows);
    }
    let missing = found.iter().zip(&dataset.items).filter(|(row, _)| row.is_none()).map(|(_, item)| item.id.as_str());
    let missing: Vec<&str> = missing.collect();
    ensure!(
        missing.is_empty(),
        "{} has no vector for {} of {} images, the first is `{}`; its own first id is `{}`",
        path.display(),
        missing.len(),
        dataset.items.len(),
        missing.first().copied().unwrap_or_default(),
        ids.first().map_or("", String::as_str)
    );
    Ok(found.into_iter().flatten().collect())
}

/// As [`by_id`], for ids that are whole paths: `/data/photos/cat/1.png` names the image `cat/1.png`. Only where every image is
/// named so exactly once.
fn by_end(dataset: &Dataset, rows: &BTreeMap<String, usize>) -> Vec<Option<usize>> {
    let images: BTreeMap<String, usize> =
        dataset.items.iter().enumerate().map(|(at, item)| (nfc(&item.id).into_owned(), at)).collect();
    let none = vec![None; dataset.items.len()];
    let mut found = none.clone();
    for (id, &row) in rows {
        let ends = id.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| &id[at + 1..]);
        let Some(&image) = ends.filter_map(|end| images.get(end)).next() else { continue };
        if found[image].replace(row).is_some() {
            return none;
        }
    }
    found
}

/// What given vectors look like before anything is made of them.
#[derive(Default)]
struct Distinct {
    /// A hash of each image's vector.
    hashes: Vec<u64>,
    /// Vectors that are zero.
    zero: usize,
}

impl Distinct {
    fn add(&mut self, vectors: ArrayView2<'_, f32>) {
        for vector in vectors.rows() {
            self.zero += usize::from(vector.iter().all(|value| *value == 0.0));
            let bytes = vector.iter().fold(Fnv::new(), |hash, value| hash.bytes(&value.to_le_bytes()));
            self.hashes.push(bytes.value());
        }
    }

    /// Says what is doubtful.
    ///
    /// # Errors
    /// An attribute whose classes hold one vector each: nothing can be fitted to them.
    fn check(&self, job: &Job<'_>, dataset: &Dataset, path: &Path) -> Result<()> {
        let n = self.hashes.len();
        if self.zero > 0 {
            job.progress.say(&format!(
                "{} of {n} vectors of {} are all zero: images that failed where they were made?",
                self.zero,
                path.display()
            ));
        }
        let all: BTreeSet<u64> = self.hashes.iter().copied().collect();
        if all.len() * 2 < n {
            job.progress.say(&format!("{n} vectors of {} hold only {} different ones", path.display(), all.len()));
        }
        for (at, attribute) in dataset.attributes.iter().enumerate() {
            let mut of_class: BTreeMap<u32, (usize, BTreeSet<u64>)> = BTreeMap::new();
            for (item, &hash) in dataset.items.iter().zip(&self.hashes).filter(|(item, _)| item.split == Split::Train) {
                let classes = match &item.labels[at] {
                    Label::Missing => &[],
                    Label::One(class) => std::slice::from_ref(class),
                    Label::Many(classes) => &classes[..],
                };
                for &class in classes {
                    let entry = of_class.entry(class).or_default();
                    entry.0 += 1;
                    entry.1.insert(hash);
                }
            }
            let several = of_class.values().any(|(_, hashes)| hashes.len() > 1);
            let images: usize = of_class.values().map(|(images, _)| images).sum();
            ensure!(
                several || of_class.is_empty(),
                "{}: the {images} train images of attribute `{}` have one and the same vector in each class\nhint: give vectors of \
                 the images, not of their classes",
                path.display(),
                attribute.name
            );
            for (class, (images, hashes)) in
                of_class.iter().filter(|(_, (images, hashes))| *images > 1 && hashes.len() == 1)
            {
                job.progress.say(&format!(
                    "the {images} train images of class `{}` of attribute `{}` have {} vector",
                    attribute.classes[*class as usize],
                    attribute.name,
                    hashes.len()
                ));
            }
        }
        Ok(())
    }
}
