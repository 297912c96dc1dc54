//! DeepFashion, category and attribute prediction: its list files.
//!
//! Attributes are 1 where present, -1 where absent and 0 where unknown; an image with none of a type is unlabelled for it.

use std::path::Path;

use super::lists::{self, Row};
use super::rows::{Rows, check_name};
use super::table::{RecordPlace, Table};
use crate::attribute::Split;
use crate::error::Result;

/// The list files.
const CATEGORY_NAMES: &str = "list_category_cloth.txt";
const CATEGORIES: &str = "list_category_img.txt";
const ATTRIBUTE_NAMES: &str = "list_attr_cloth.txt";
const ATTRIBUTES: &str = "list_attr_img.txt";
const PARTITION: &str = "list_eval_partition.txt";
/// Where the archive keeps them, below the folder that the description names.
const SUBFOLDERS: [&str; 4] = ["", "Anno", "Anno_coarse", "Eval"];
/// The label columns: the category, then the types of attributes, 1 to 5.
const COLUMNS: [&str; 6] = ["category", "texture", "fabric", "shape", "part", "style"];

/// A description's folder and the folder of the lists below it.
type Place<'a> = (&'a Path, &'a str);

/// Reads the lists.
pub(super) fn scan(place: Place<'_>, wanted: Option<&[&str]>) -> Result<Table> {
    let find = |name: &str| lists::find(place, &SUBFOLDERS, &[name]).ok_or_else(|| lists::missing(place, name));
    let (category_names, categories) = (find(CATEGORY_NAMES)?, find(CATEGORIES)?);
    let (attribute_names, attributes) = (find(ATTRIBUTE_NAMES)?, find(ATTRIBUTES)?);
    let partition = lists::find(place, &SUBFOLDERS, &[PARTITION]);
    let mut files = vec![categories.clone(), category_names.clone(), attribute_names.clone(), attributes.clone()];
    files.extend(partition.clone());
    let mut rows = Rows::new(files, COLUMNS.map(String::from).to_vec(), wanted);
    read_categories(place.0, &categories, &read_names(place.0, &category_names)?, &mut rows)?;
    if (1..COLUMNS.len()).any(|column| rows.keeps(column)) {
        read_attributes(place.0, &attributes, &read_attribute_names(place.0, &attribute_names)?, &mut rows)?;
    }
    if let Some(partition) = partition {
        read_partition(place.0, &partition, &mut rows)?;
    }
    Ok(rows.finish())
}

/// Names, and the numbers that stand behind them.
fn read_names(dir: &Path, file: &str) -> Result<Vec<(String, usize)>> {
    let mut names = Vec::new();
    lists::counted(lists::open(dir, file)?, file, &mut |row| {
        let (name, kind) = row.last()?;
        check_name(name, || row.place())?;
        let kind = kind.parse().map_err(|_| row.wrong(format!("its type is `{kind}`: a number belongs there")))?;
        names.push((name.to_owned(), kind));
        Ok(())
    })?;
    Ok(names)
}

/// Attributes with the columns that their types stand for.
fn read_attribute_names(dir: &Path, file: &str) -> Result<Vec<(usize, String)>> {
    let names = read_names(dir, file)?.into_iter().zip(3..);
    let column = |((name, kind), line): ((String, usize), u64)| match kind {
        1..COLUMNS_END => Ok((kind, name)),
        _ => Err(Row { file, line, text: &name }.wrong(format!("the type of `{name}` is {kind}: types are 1 to 5"))),
    };
    names.map(column).collect()
}

const COLUMNS_END: usize = COLUMNS.len();

fn read_categories(dir: &Path, file: &str, names: &[(String, usize)], rows: &mut Rows) -> Result<()> {
    lists::counted(lists::open(dir, file)?, file, &mut |row| {
        let (path, number) = row.first();
        let index = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let name = index
            .and_then(|index| names.get(index))
            .ok_or_else(|| row.wrong(format!("its category is `{number}`: numbers go from 1 to {}", names.len())))?;
        let at = rows.insert(path, path.to_owned(), RecordPlace::Row { file: 0, row: row.line })?;
        rows.set(at, 0, &name.0);
        Ok(())
    })
}

fn read_attributes(dir: &Path, file: &str, names: &[(usize, String)], rows: &mut Rows) -> Result<()> {
    let mut strangers = 0;
    let mut labels = Vec::new();
    let mut seen = vec![false; rows.len()];
    lists::counted(lists::open(dir, file)?, file, &mut |row| {
        let (path, values) = row.first();
        labels.clear();
        let mut count = 0;
        for value in values.split_ascii_whitespace() {
            match value {
                "1" => labels.push(count),
                "0" | "-1" => {}
                _ => return Err(row.wrong(format!("it has the value `{value}`: 1, -1 and 0 belong there"))),
            }
            count += 1;
        }
        if count as usize != names.len() {
            return Err(row.wrong(format!("it has {count} values where {} attributes are listed", names.len())));
        }
        match rows.find(path) {
            Some(at) if std::mem::replace(&mut seen[at], true) => {
                Err(row.wrong(format!("it repeats the image {path}: each stands there once")))
            }
            Some(at) => {
                let category = rows.cell(at, 0).to_owned();
                rows.set_labels(at, &mut labels, names);
                rows.set(at, 0, &category);
                Ok(())
            }
            None => {
                strangers += 1;
                Ok(())
            }
        }
    })?;
    rows.remark_strangers(file, strangers);
    Ok(())
}

fn read_partition(dir: &Path, file: &str, rows: &mut Rows) -> Result<()> {
    let mut strangers = 0;
    lists::counted(lists::open(dir, file)?, file, &mut |row| {
        let (path, name) = row.first();
        let split = Split::parse(name).ok_or_else(|| crate::Error::unknown_split(name, row.place()))?;
        match rows.find(path) {
            Some(at) => rows.set_split(at, split),
            None => strangers += 1,
        }
        Ok(())
    })?;
    rows.remark_strangers(file, strangers);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn folder() -> TempDir {
        let dir = TempDir::new().unwrap();
        for (name, text) in [
            ("Anno/list_category_cloth.txt", "2\ncategory_name  category_type\nTee            1\nSkirt          2\n"),
            (
                "Anno/list_category_img.txt",
                "3\nimage_name  category_label\nimg/a/1.jpg     1\nimg/b/2.jpg     2\nimg/b/3.jpg 1\n",
            ),
            (
                "Anno/list_attr_cloth.txt",
                "4\nattribute_name  attribute_type\na-line     3\noff the shoulder   4\nabstract print 1\nfloral  1\n",
            ),
            (
                "Anno/list_attr_img.txt",
                "3\nimage_name  attribute_labels\nimg/a/1.jpg   1 -1  1  1\nimg/b/2.jpg  -1  1 0 -1\nimg/c/9.jpg 0 0 0 0\n",
            ),
            (
                "Eval/list_eval_partition.txt",
                "3\nimage_name  evaluation_status\nimg/a/1.jpg  train\nimg/b/2.jpg  val\nimg/b/3.jpg  test\n",
            ),
        ] {
            let path = dir.path().join("data").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn lists_are_joined() {
        let dir = folder();
        let table = scan((dir.path(), "data"), None).unwrap();
        assert_eq!(table.columns, COLUMNS);
        let cells = |at: usize| table.records[at].cells.iter().map(|cell| &**cell).collect::<Vec<_>>();
        assert_eq!(cells(0), ["Tee", "abstract print|floral", "", "a-line", "", ""]);
        assert_eq!(cells(1), ["Skirt", "", "", "", "off the shoulder", ""]);
        assert_eq!(cells(2), ["Tee", "", "", "", "", ""]);
        let splits: Vec<Option<Split>> = table.records.iter().map(|record| record.split).collect();
        assert_eq!(splits, Split::ALL.map(Some));
        assert_eq!(table.remarks, ["data/Anno/list_attr_img.txt: 1 entries name images that are not listed"]);
        assert_eq!(table.files.len(), 5);
        let table = scan((dir.path(), "data"), Some(&["part"])).unwrap();
        assert_eq!((&table.columns[..], &*table.records[1].cells[0]), (&["part".to_owned()][..], "off the shoulder"));
    }

    #[test]
    fn mistakes_are_named() {
        for (name, from, to, expected) in [
            (
                "Anno/list_category_img.txt",
                "2.jpg     2",
                "2.jpg     3",
                "row 4 cannot be read: its category is `3`: numbers go from 1 to 2",
            ),
            ("Anno/list_category_img.txt", "img/b/2", "img/a/1", "row 4 has `img/a/1.jpg`, the id of"),
            ("Anno/list_category_img.txt", "3\n", "4\n", "promises 4 rows, 3 follow"),
            ("Anno/list_attr_cloth.txt", "floral  1", "floral  6", "row 6 cannot be read: the type of `floral` is 6"),
            ("Anno/list_attr_img.txt", "1 0 -1", "1 0", "row 4 cannot be read: it has 3 values where 4 attributes"),
            ("Anno/list_attr_img.txt", "1 0 -1", "1 0 2", "row 4 cannot be read: it has the value `2`"),
            ("Anno/list_attr_img.txt", "img/b/2", "img/a/1", "row 4 cannot be read: it repeats the image img/a/1.jpg"),
            ("Eval/list_eval_partition.txt", "2.jpg  val", "2.jpg  dev", "row 4 has `dev`, which is no split"),
        ] {
            let dir = folder();
            let path = dir.path().join("data").join(name);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{from}");
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let got = scan((dir.path(), "data"), None).unwrap_err().to_string();
            assert!(got.contains(expected) && got.contains(name), "{got}");
        }
        let got = scan((folder().path(), "elsewhere"), None).unwrap_err().to_string();
        assert!(got.contains("list_category_cloth.txt does not exist\nhint: check `images.annotations`"), "{got}");
    }
}
