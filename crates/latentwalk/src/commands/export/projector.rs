//! What TensorBoard's projector opens: a folder of coordinates, labels, small images, and what says so.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use latentwalk_cli::ExportArgs;
use latentwalk_embeddings::Column;
use latentwalk_images::{ImageShape, Sprite};
use latentwalk_probe::Direction;
use latentwalk_run::{Points, Run};
use ndarray::ArrayView2;
use serde_json::json;

use super::{hidden, of_dataset, position_name, quoted, reveal};
use crate::commands::answer;

const VECTORS: &str = "vectors.tsv";
const METADATA: &str = "metadata.tsv";
const SPRITE: &str = "sprite.png";
/// The name by which TensorBoard finds the others.
const CONFIG: &str = "projector_config.pbtxt";
/// Longest side of the picture of all images that TensorBoard takes, in pixels.
const MOST_PX: usize = 8192;
/// Images smaller than that show nothing, in pixels.
const LEAST_PX: usize = 8;

/// Writes the folder.
///
/// # Errors
/// A run that lacks a part, a full disk.
pub(super) fn write(args: &ExportArgs, run: &Run) -> Result<()> {
    let out = &args.out;
    let points = run.points()?;
    let folder = hidden(out)?;
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot write {}", folder.display()))?;
    write_file(&folder.join(VECTORS), |file| vectors(file, points.z.view()))?;
    let columns = columns(&points, &run.directions()?)?;
    write_file(&folder.join(METADATA), |file| metadata(file, &points, &columns))?;
    let sprite = fitted(points.dataset.shape, points.dataset.items.len());
    if let Ok(sprite) = &sprite {
        sprite.write(&run.pixels(&points.dataset)?, &folder.join(SPRITE))?;
    }
    let config = config(&run.record().name, points.z.dim(), sprite.as_ref().ok());
    write_file(&folder.join(CONFIG), |file| file.write_all(config.as_bytes()))?;
    reveal(&folder, out)?;
    tell(args, points.z.dim(), &sprite)
}

fn tell(args: &ExportArgs, (rows, axes): (usize, usize), sprite: &Result<Sprite, String>) -> Result<()> {
    let open = format!("tensorboard --logdir {}", quoted(&args.out));
    let mut text = format!("{rows} rows of {axes} coordinates in {}\n", args.out.display());
    match sprite {
        Ok(Sprite { width, height, .. }) => {
            let _ = writeln!(text, "{SPRITE} shows each image at {width} x {height} pixels");
        }
        Err(reason) => {
            let _ = writeln!(text, "without {SPRITE}: {reason}");
        }
    }
    let _ = writeln!(text, "open it by: {open}");
    let value = json!({
        "file": answer::path(&args.out),
        "rows": rows,
        "axes": axes,
        "sprite": sprite.as_ref().ok().map(|sprite| [sprite.width, sprite.height]),
        "left_out": sprite.as_ref().err(),
        "open": open,
    });
    answer::give(&args.json, &text, &value)
}

fn write_file(path: &Path, content: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<()> {
    let written = File::create(path).map(BufWriter::new).and_then(|mut file| {
        content(&mut file)?;
        file.flush()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn vectors(file: &mut impl Write, z: ArrayView2<'_, f32>) -> std::io::Result<()> {
    for row in z.rows() {
        for (axis, value) in row.iter().enumerate() {
            write!(file, "{}{value}", if axis == 0 { "" } else { "\t" })?;
        }
        writeln!(file)?;
    }
    Ok(())
}

/// The split, the labels and the positions.
fn columns(points: &Points, directions: &[Direction]) -> Result<Vec<(String, Column)>> {
    let mut columns = of_dataset(&points.dataset);
    for direction in directions {
        let positions = direction.positions(points.z.view())?;
        columns.push((position_name(direction), Column::Number(positions.to_vec())));
    }
    Ok(columns)
}

/// A line of names, as TensorBoard wants it where there are several columns, then one per image.
fn metadata(file: &mut impl Write, points: &Points, columns: &[(String, Column)]) -> std::io::Result<()> {
    let names = columns.iter().map(|(name, _)| format!("\t{}", plain(name)));
    writeln!(file, "id{}", names.collect::<String>())?;
    for (row, item) in points.dataset.items.iter().enumerate() {
        write!(file, "{}", plain(&item.id))?;
        for (_, column) in columns {
            write!(file, "\t{}", cell(column, row))?;
        }
        writeln!(file)?;
    }
    Ok(())
}

fn cell(column: &Column, row: usize) -> String {
    match column {
        Column::Text(rows) => plain(rows[row].as_deref().unwrap_or_default()),
        Column::Texts(rows) => plain(&rows[row].as_deref().unwrap_or_default().join(", ")),
        Column::Number(rows) => format!("{:.6}", rows[row]),
    }
}

/// A text without what ends a cell or a line.
fn plain(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

/// Where the images stand in one picture, or why they do not.
fn fitted(shape: ImageShape, images: usize) -> Result<Sprite, String> {
    let least = LEAST_PX.min(shape.width.max(shape.height));
    let sprite = Sprite::fit(shape, images, MOST_PX, least);
    sprite.ok_or_else(|| format!("{images} images of {least} pixels do not fit into {MOST_PX} x {MOST_PX} pixels"))
}

/// In the text format of protocol buffers.
fn config(name: &str, (rows, axes): (usize, usize), sprite: Option<&Sprite>) -> String {
    let name = name.replace('\\', r"\\").replace('"', "\\\"");
    let sprite = sprite.map(|Sprite { width, height, .. }| {
        format!(
            "  sprite {{\n    image_path: \"{SPRITE}\"\n    single_image_dim: {width}\n    single_image_dim: {height}\n  }}\n"
        )
    });
    format!(
        "embeddings {{\n  tensor_name: \"{name}\"\n  tensor_shape: {rows}\n  tensor_shape: {axes}\n  tensor_path: \"{VECTORS}\"\n  \
         metadata_path: \"{METADATA}\"\n{}}}\n",
        sprite.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_hold_no_tab_and_names_no_open_quote() {
        let texts = Column::Texts(vec![Some(vec!["a\tb".into(), "c\nd".into()]), None]);
        assert_eq!((cell(&texts, 0), cell(&texts, 1)), ("a b, c d".to_owned(), String::new()));
        assert_eq!(cell(&Column::Number(vec![-1.0 / 3.0]), 0), "-0.333333");
        assert_eq!(cell(&Column::Text(vec![None]), 0), "");
        let told = config("a\"b\\c", (5, 3), None);
        assert!(told.contains(r#"tensor_name: "a\"b\\c""#) && !told.contains("sprite"), "{told}");
    }

    #[test]
    fn a_million_images_are_small_and_more_are_left_out() {
        let shape = ImageShape { height: 64, width: 64, channels: 3 };
        assert_eq!(fitted(shape, 1 << 20).map(|sprite| sprite.width), Ok(8));
        let reason = "1048577 images of 8 pixels do not fit into 8192 x 8192 pixels";
        assert_eq!(fitted(shape, (1 << 20) + 1), Err(reason.to_owned()));
        let tiny = ImageShape { height: 4, width: 6, channels: 1 };
        assert_eq!(fitted(tiny, 9).map(|sprite| (sprite.width, sprite.height)), Ok((6, 4)));
    }
}
