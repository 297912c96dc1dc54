//! An import: scan, map, choose, split, check, pack, write.

pub(crate) mod labels;
mod split;
mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use image::DynamicImage;
use rayon::prelude::*;

use crate::attribute::{Attribute, Label, Split};
use crate::dataset::{Dataset, ImageShape, Item, PIXELS_FILE, Skipped};
use crate::description::{Description, ImagesSection, Source};
use crate::error::{Error, Result};
use crate::pixel::decode::{self, Target};
use crate::source::{self, Origin, RecordPlace, Table, idx, wardrobe};
use split::Member;

/// Images decoded at once: enough for every thread, few enough to hold.
const CHUNK_IMAGES: usize = 256;
/// Bytes of packed images held at once.
const CHUNK_BYTES: usize = 32 << 20;

/// Reads the source and writes `dataset.json`, `items.jsonl`, `pixels.u8` and `skipped.jsonl` into the existing folder
/// `out`; `progress` hears (images done, images in all).
///
/// Gives the data set, and sentences about files that were passed over and what was done unasked; these are not stored, because
/// such files are no part of the source.
///
/// Pixels stream through in chunks; the bytes written do not depend on the number of threads. Images that cannot be read
/// are left out, listed with their reason, and past a share stop the import.
///
/// **Errors.** Everything that [`Description::check`] finds; missing, truncated or contradictory files; values outside the
/// map; an attribute without two labelled classes; a class below its minimum; an empty split; repeated ids; too many
/// unreadable images; a full disk. Each names its culprit.
pub fn import(
    name: &str,
    description: &Description,
    origin: &Origin,
    out: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(Dataset, Vec<String>)> {
    description.check()?;
    let section = &description.images;
    let table = source::scan(description, origin)?;
    check_ids(&table)?;
    check_rows(&table, section.limits.rows)?;
    let (mut attributes, mut labels) = labels::map(description, &table, &section.source_name())?;
    let plan = Plan { description, table: &table, attributes: &attributes, labels: &labels };
    let chosen = plan.choose();
    let mut dropped = Vec::new();
    if section.minimum_support > 0 {
        let splits = plan.assign(&chosen)?;
        let train = chosen.iter().zip(splits).filter(|(_, split)| *split == Split::Train).map(|(&at, _)| at);
        let train: Vec<usize> = train.collect();
        dropped = support::drop_rare(&mut attributes, &mut labels, &train, section.minimum_support)?;
    }
    let plan = Plan { description, table: &table, attributes: &attributes, labels: &labels };
    // Checked before decoding, which may take an hour, and again if images had to be left out.
    let mut splits = plan.split(&chosen)?;
    let (kept, skipped) = plan.pack(&chosen, origin, out, progress)?;
    if kept.len() < chosen.len() {
        splits = plan.split(&kept)?;
    }
    let item = |(&at, &split): (&usize, &Split)| Item {
        id: table.records[at].id.clone(),
        split,
        labels: labels[at].clone(),
        path: table.records[at].path.clone(),
        group: table.records[at].group.clone(),
    };
    let items = kept.iter().zip(&splits).map(item).collect();
    let mut remarks = table.left_out.clone();
    remarks.extend(drawn_from_train(&table, section));
    let shape = ImageShape { height: section.size, width: section.size, channels: section.channels };
    let dataset = Dataset { name: name.into(), attributes, items, shape, skipped, dropped };
    dataset.write(out)?;
    Ok((dataset, remarks))
}

/// Says which splits the source declares no images for, so that they come out of its train images.
pub(crate) fn drawn_from_train(table: &Table, section: &ImagesSection) -> Option<String> {
    let member = |record: &source::Record| Member { stratum: 0, group: None, declared: record.split };
    let members: Vec<Member<'_>> = table.records.iter().map(member).collect();
    let (_, shares, missing) = split::lend(&members, section.split.all());
    let sum: f64 = shares.iter().sum();
    let share = |split: &Split| shares[Split::ALL.iter().position(|known| known == split).unwrap_or_default()] / sum;
    let told: Vec<String> = missing.iter().map(|split| format!("{:.2} of them for {split}", share(split))).collect();
    (!told.is_empty()).then(|| {
        let missing = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        format!("the source declares no {missing} images, so some are drawn from its train images: {}", told.join(", "))
    })
}

/// More rows than are allowed.
fn check_rows(table: &Table, rows: usize) -> Result<()> {
    match table.records.len() {
        got if got <= rows => Ok(()),
        got => Err(Error::Limit { what: format!("the source names {got} images"), key: "rows", limit: rows as u64 }),
    }
}

fn check_ids(table: &Table) -> Result<()> {
    let mut seen = BTreeMap::new();
    for record in &table.records {
        if let Some(first) = seen.insert(record.id.as_str(), record) {
            return Err(Error::duplicate_id(&record.id, &table.place(first), table.place(record)));
        }
    }
    Ok(())
}

/// Everything known before the first pixel is read.
struct Plan<'a> {
    description: &'a Description,
    table: &'a Table,
    attributes: &'a [Attribute],
    labels: &'a [Vec<Label>],
}

impl Plan<'_> {
    fn members(&self, rows: &[usize]) -> Vec<Member<'_>> {
        let by = self.description.stratify();
        let strata = split::strata(rows.iter().map(|&at| &self.labels[at][by]), self.attributes[by].classes.len());
        let member = |(&at, stratum): (&usize, usize)| Member {
            stratum,
            group: self.table.records[at].group.as_deref(),
            declared: self.table.records[at].split,
        };
        rows.iter().zip(strata).map(member).collect()
    }

    /// Records that are imported: all, or a stratified subset.
    fn choose(&self) -> Vec<usize> {
        let all: Vec<usize> = (0..self.table.records.len()).collect();
        let section = &self.description.images;
        match section.limit {
            0 => all,
            limit => split::subset(&self.members(&all), limit, section.split.seed),
        }
    }

    /// The split of each row.
    fn assign(&self, rows: &[usize]) -> Result<Vec<Split>> {
        let shares = &self.description.images.split;
        let (members, drawn, _) = split::lend(&self.members(rows), shares.all());
        split::assign(&members, drawn, shares.seed).map_err(|straddle| {
            let record = &self.table.records[rows[straddle.member]];
            Error::Cell {
                place: self.table.place(record),
                value: record.group.clone().unwrap_or_default(),
                wrong: format!("a group in split {} that an earlier row puts into {}", straddle.second, straddle.first),
                hint: "correct the `split` or the `group` column; a group must stay whole",
            }
        })
    }

    /// The split of each row, none empty and every class large enough.
    fn split(&self, rows: &[usize]) -> Result<Vec<Split>> {
        let shares = &self.description.images.split;
        let splits = self.assign(rows)?;
        for (split, share) in Split::ALL.into_iter().zip(shares.all()) {
            if share > 0.0 && !splits.contains(&split) {
                let hint = "add images, give it a larger share or set its share in `images.split` to 0";
                return Err(Error::NoImages { place: format!("the {split} split"), hint });
            }
        }
        (0..self.attributes.len()).try_for_each(|at| self.check_classes(at, rows, &splits))?;
        Ok(splits)
    }

    /// Labelled images per class, in all and in the train split.
    fn check_classes(&self, at: usize, rows: &[usize], splits: &[Split]) -> Result<()> {
        let attribute = &self.attributes[at];
        let mut counts = vec![(0, 0); attribute.classes.len()];
        for (&row, &split) in rows.iter().zip(splits) {
            let classes = match &self.labels[row][at] {
                Label::Missing => &[],
                Label::One(class) => std::slice::from_ref(class),
                Label::Many(several) => &several[..],
            };
            for &class in classes {
                counts[class as usize].0 += 1;
                counts[class as usize].1 += usize::from(split == Split::Train);
            }
        }
        let found = counts.iter().filter(|count| count.0 > 0).count();
        if found < 2 {
            return Err(Error::OneClass { attribute: attribute.name.clone(), classes: found });
        }
        let minimum = self.description.images.minimum_per_class;
        match counts.iter().position(|count| count.1 < minimum) {
            None => Ok(()),
            Some(class) => Err(Error::SmallClass {
                attribute: attribute.name.clone(),
                class: attribute.classes[class].clone(),
                count: counts[class].1,
                minimum,
            }),
        }
    }

    /// Writes the pixels; gives the records that could be read and the files that could not.
    fn pack(
        &self,
        chosen: &[usize],
        origin: &Origin,
        out: &Path,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(Vec<usize>, Vec<Skipped>)> {
        let section = &self.description.images;
        let target = Target { size: section.size, channels: section.channels };
        let path = out.join(PIXELS_FILE);
        let file = BufWriter::new(File::create(&path).map_err(Error::io(&path))?);
        let bytes = section.size * section.size * section.channels;
        let mut packer = Packer {
            file,
            path,
            target,
            chunk: (CHUNK_BYTES / bytes).clamp(1, CHUNK_IMAGES),
            written: 0,
            total: chosen.len(),
            progress,
        };
        progress(0, chosen.len());
        let result = match (section.source, source::originals(self.description, origin)) {
            _ if self.table.embedded.is_some() => self.pack_embedded(chosen, origin, &mut packer),
            (Source::Garments, _) => {
                let draw = |at: usize| match self.table.records[at].place {
                    RecordPlace::Drawn { index, member } => wardrobe::draw(section, index, member),
                    _ => Err("it is not among the garments".to_owned()),
                };
                self.pack_images(chosen, &draw, &mut packer)
            }
            (_, Some(root)) => {
                let decoding = section.decoding();
                let open = |at: usize| decode::open(&root.join(self.path(at)), &decoding);
                self.pack_images(chosen, &open, &mut packer)
            }
            (_, None) => pack_idx(section, chosen, origin, &mut packer).map(|()| (chosen.to_vec(), Vec::new())),
        }?;
        packer.finish(result.0.len())?;
        Ok(result)
    }

    /// Packs images that lie in their tables.
    fn pack_embedded(
        &self,
        chosen: &[usize],
        origin: &Origin,
        packer: &mut Packer<'_>,
    ) -> Result<(Vec<usize>, Vec<Skipped>)> {
        let section = &self.description.images;
        let (decoding, target) = (section.decoding(), packer.target);
        let mut wanted = chosen.iter().copied().peekable();
        let (mut kept, mut skipped, mut batch) = (Vec::new(), Vec::new(), Vec::new());
        let mut flush = |batch: &mut Vec<(usize, Option<Vec<u8>>)>, packer: &mut Packer<'_>| -> Result<()> {
            let decode = |(at, bytes): (usize, Option<Vec<u8>>)| {
                let bytes = bytes.ok_or_else(|| "the row has no image".to_owned());
                let image = bytes.and_then(|bytes| decode::decode(&bytes, &decoding));
                (at, image.map(|image| decode::fit(&image, target, section.alpha)))
            };
            let decoded: Vec<_> = std::mem::take(batch).into_par_iter().map(decode).collect();
            for (at, image) in decoded {
                match image {
                    Ok(bytes) => {
                        packer.write(&bytes)?;
                        kept.push(at);
                    }
                    Err(reason) => skipped.push(Skipped { path: self.table.records[at].id.clone(), reason }),
                }
            }
            check_unreadable(&skipped, chosen.len(), section.maximum_unreadable)?;
            (packer.progress)(kept.len() + skipped.len(), packer.total);
            Ok(())
        };
        source::embedded::each(self.table, origin, &mut |at, bytes| {
            if wanted.next_if_eq(&at).is_some() {
                batch.push((at, bytes));
            }
            if batch.len() == packer.chunk { flush(&mut batch, packer) } else { Ok(()) }
        })?;
        flush(&mut batch, packer)?;
        Ok((kept, skipped))
    }

    /// The record's own file, or its id where it has none.
    fn path(&self, at: usize) -> &str {
        let record = &self.table.records[at];
        record.path.as_deref().unwrap_or(&record.id)
    }

    /// Packs what `open` gives for each record.
    fn pack_images(
        &self,
        chosen: &[usize],
        open: &(dyn Fn(usize) -> std::result::Result<DynamicImage, String> + Sync),
        packer: &mut Packer<'_>,
    ) -> Result<(Vec<usize>, Vec<Skipped>)> {
        let mut kept = Vec::with_capacity(chosen.len());
        let mut skipped = self.table.skipped.clone();
        let maximum = self.description.images.maximum_unreadable;
        let total = chosen.len() + skipped.len();
        check_unreadable(&skipped, total, maximum)?;
        for chunk in chosen.chunks(packer.chunk) {
            let alpha = self.description.images.alpha;
            let decode = |&at: &usize| open(at).map(|image| decode::fit(&image, packer.target, alpha));
            let decoded: Vec<_> = chunk.par_iter().map(decode).collect();
            for (&at, image) in chunk.iter().zip(decoded) {
                match image {
                    Ok(bytes) => {
                        packer.write(&bytes)?;
                        kept.push(at);
                    }
                    Err(reason) => skipped.push(Skipped { path: self.path(at).into(), reason }),
                }
            }
            check_unreadable(&skipped, total, maximum)?;
            (packer.progress)(kept.len() + skipped.len() - self.table.skipped.len(), packer.total);
        }
        Ok((kept, skipped))
    }
}

fn check_unreadable(skipped: &[Skipped], total: usize, maximum: f64) -> Result<()> {
    match skipped.first() {
        Some(first) if skipped.len() as f64 > maximum * total as f64 || skipped.len() == total => {
            Err(Error::Unreadable {
                unreadable: skipped.len(),
                total,
                maximum,
                path: first.path.clone(),
                reason: first.reason.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// Appends images to the pack.
struct Packer<'a> {
    file: BufWriter<File>,
    path: PathBuf,
    target: Target,
    chunk: usize,
    written: usize,
    total: usize,
    progress: &'a (dyn Fn(usize, usize) + Sync),
}

impl Packer<'_> {
    fn write(&mut self, image: &[u8]) -> Result<()> {
        self.written += 1;
        self.file.write_all(image).map_err(Error::io(&self.path))
    }

    fn finish(mut self, expected: usize) -> Result<()> {
        self.file.flush().map_err(Error::io(&self.path))?;
        if self.written != expected {
            let (expected, got) = (expected as u64, self.written as u64);
            return Err(Error::pack_size(self.path, "images", expected, got));
        }
        Ok(())
    }
}

/// Reads every part to its end, so that a truncated or overlong file is found even where only a subset is packed.
fn pack_idx(section: &ImagesSection, chosen: &[usize], origin: &Origin, packer: &mut Packer<'_>) -> Result<()> {
    let mut wanted = chosen.iter().copied().peekable();
    let mut row = 0;
    for name in &section.images {
        let wrong = Error::idx(name);
        let mut reader = source::open_idx(name, origin)?;
        let header = reader.header();
        let mut raw = vec![0; header.image_bytes()];
        let held = (CHUNK_BYTES / header.image_bytes()).clamp(1, packer.chunk);
        let mut batch = Vec::with_capacity(held);
        while reader.read_image(&mut raw).map_err(&wrong)? {
            if wanted.next_if_eq(&row).is_some() {
                batch.push(raw.clone());
            }
            row += 1;
            if batch.len() == held {
                write_idx(&mut batch, header, packer)?;
            }
        }
        write_idx(&mut batch, header, packer)?;
    }
    Ok(())
}

fn write_idx(batch: &mut Vec<Vec<u8>>, header: idx::ImagesHeader, packer: &mut Packer<'_>) -> Result<()> {
    let target = packer.target;
    let fit = |raw: Vec<u8>| decode::fit_grey(raw, header.rows, header.columns, target);
    let images: Vec<Option<Vec<u8>>> = std::mem::take(batch).into_par_iter().map(fit).collect();
    for image in images {
        let expected = header.image_bytes();
        packer.write(&image.ok_or(Error::Length { what: "an IDX image", expected, got: 0 })?)?;
    }
    (packer.progress)(packer.written, packer.total);
    Ok(())
}
