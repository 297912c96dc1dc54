//! Images that somebody chose, as a direction: fitted at once, judged honestly, saved beside the run.

use std::path::PathBuf;
use std::sync::MutexGuard;

use latentwalk_artifacts::write_atomic;
use latentwalk_probe::verdict::{CardOptions, Selection, SelectionCard, judge_selection};
use latentwalk_run::{OWN_LINE, Run, Walker, position};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::session::{Session, held};

/// Longest name of a selection.
const LONGEST_NAME: usize = 60;
/// Most selections of a run, and most points of a polygon.
const MOST: usize = 200;
const MOST_POINTS: usize = 2_000;

/// A selection that is asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SelectionAsked {
    pub(crate) name: String,
    /// The attributes on whose axes polygons were drawn; without them, images were chosen one by one.
    #[serde(default)]
    pub(crate) axes: Option<(String, String)>,
    pub(crate) positive: Group,
    /// Without it, all other images.
    #[serde(default)]
    pub(crate) negative: Option<Group>,
}

/// Images of one side.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Group {
    /// Those whose positions on both axes lie inside.
    Polygon(Vec<(f64, f64)>),
    Rows(Vec<usize>),
}

/// A selection with its direction, as it is saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    name: String,
    axes: Option<(String, String)>,
    card: SelectionCard,
    weights: Vec<f64>,
}

/// What is told of a selection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Card {
    name: String,
    /// The name by which walks know it.
    line: String,
    axes: Option<(String, String)>,
    #[serde(flatten)]
    card: SelectionCard,
    sentence: String,
}

impl Saved {
    fn told(&self) -> Card {
        Card {
            name: self.name.clone(),
            line: format!("{OWN_LINE}{}", self.name),
            axes: self.axes.clone(),
            card: self.card.clone(),
            sentence: self.card.sentence(),
        }
    }
}

/// Makes the directions of a run's saved selections known to walks, as `own:NAME`.
///
/// # Errors
/// [`Error::Saved`]; weights that are none of this run.
pub fn add_saved_lines(run: &Run, walker: &Walker) -> Result<()> {
    read(run, walker).map(|_| ())
}

/// Reads what was saved earlier, and makes it known to walks.
fn read(run: &Run, walker: &Walker) -> Result<Vec<Saved>> {
    let path = file(run);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let unread = |reason: String| {
        Error::Saved(format!("{} cannot be read: {reason}\nhint: move it away to go on without it", path.display()))
    };
    let bytes = std::fs::read(&path).map_err(|error| unread(error.to_string()))?;
    let saved: Vec<Saved> = serde_json::from_slice(&bytes).map_err(|error| unread(error.to_string()))?;
    for one in &saved {
        walker.add_line(&one.name, one.weights.clone())?;
    }
    Ok(saved)
}

fn file(run: &Run) -> PathBuf {
    run.store_root().join("selections").join(format!("{}.json", run.record().name))
}

impl Session {
    fn saved(&self) -> MutexGuard<'_, Vec<Saved>> {
        held(&self.selections)
    }

    /// Takes up what was saved earlier.
    pub(crate) fn read_selections(&self) -> Result<()> {
        *self.saved() = read(&self.run, &self.walker)?;
        Ok(())
    }

    fn write_selections(&self, saved: &[Saved]) -> Result<()> {
        let path = file(&self.run);
        let unwritten = |reason: String| Error::Saved(format!("{} cannot be written: {reason}", path.display()));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| unwritten(error.to_string()))?;
        }
        let text = serde_json::to_vec_pretty(saved).map_err(|error| unwritten(error.to_string()))?;
        write_atomic(&path, &text).map_err(|error| unwritten(error.to_string()))
    }

    /// All selections.
    pub(crate) fn selections(&self) -> Vec<Card> {
        self.saved().iter().map(Saved::told).collect()
    }

    /// Fits, judges and saves a selection.
    pub(crate) fn select(&self, asked: &SelectionAsked) -> Result<Card> {
        let name = asked.name.trim();
        // Browsers leave the last two out of an address.
        let no_name = name.is_empty() || name == "." || name == "..";
        if no_name || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(Error::Asked(format!("a name has 1 to {LONGEST_NAME} characters")));
        }
        {
            let saved = self.saved();
            if saved.iter().any(|known| known.name == name) {
                let message = format!("there is a selection `{name}` already\nhint: choose another name, or delete it");
                return Err(Error::Asked(message));
            }
            if saved.len() >= MOST {
                return Err(Error::Asked(format!("there are {MOST} selections already\nhint: delete one")));
            }
        }
        let axes = match &asked.axes {
            None => Vec::new(),
            Some((x, y)) => [x, y].into_iter().map(|axis| self.walker.weights(axis)).collect::<Result<_, _>>()?,
        };
        let points = &self.walker.data().points;
        let mut chosen: Vec<Option<bool>> = vec![asked.negative.is_none().then_some(false); points.z.nrows()];
        if let Some(negative) = &asked.negative {
            self.rows_of(negative, &axes)?.into_iter().for_each(|row| chosen[row] = Some(false));
        }
        for row in self.rows_of(&asked.positive, &axes)? {
            if asked.negative.is_some() && chosen[row].is_some() {
                let message = format!("the image {row} is on both sides\nhint: draw groups that do not overlap");
                return Err(Error::Asked(message));
            }
            chosen[row] = Some(true);
        }
        let selection = Selection { name, z: points.z.view(), chosen: &chosen, groups: &points.groups, axes: &axes };
        let options = CardOptions::default();
        let (weights, card) = judge_selection(&selection, &options).map_err(|error| Error::Asked(error.to_string()))?;
        let own = Saved { name: name.to_owned(), axes: asked.axes.clone(), card, weights };
        let mut saved = self.saved();
        if saved.iter().any(|known| known.name == name) {
            return Err(Error::Asked(format!("there is a selection `{name}` already")));
        }
        let all: Vec<Saved> = saved.iter().cloned().chain([own.clone()]).collect();
        self.write_selections(&all)?;
        self.walker.add_line(name, own.weights.clone())?;
        *saved = all;
        self.forget_lines();
        Ok(own.told())
    }

    /// Deletes a selection.
    pub(crate) fn unselect(&self, name: &str) -> Result<()> {
        let mut saved = self.saved();
        let left: Vec<Saved> = saved.iter().filter(|known| known.name != name).cloned().collect();
        if left.len() == saved.len() {
            return Err(Error::Absent(format!("there is no selection `{name}`")));
        }
        self.write_selections(&left)?;
        *saved = left;
        self.walker.remove_line(name);
        self.forget_lines();
        Ok(())
    }

    /// A selection's weights as a NumPy file: k numbers of 64 bits, on the coordinates of the run's decomposition.
    pub(crate) fn direction_npy(&self, name: &str) -> Result<Vec<u8>> {
        let saved = self.saved();
        let found = saved.iter().find(|known| known.name == name);
        let found = found.ok_or_else(|| Error::Absent(format!("there is no selection `{name}`")))?;
        Ok(npy(&found.weights))
    }

    fn rows_of(&self, group: &Group, axes: &[Vec<f64>]) -> Result<Vec<usize>> {
        let points = &self.walker.data().points;
        match group {
            Group::Rows(rows) => {
                rows.iter().try_for_each(|&row| self.check_row(row))?;
                Ok(rows.clone())
            }
            Group::Polygon(corners) => {
                let [x, y] = axes else {
                    return Err(Error::Asked("a polygon needs the two `axes` that it was drawn on".to_owned()));
                };
                if !(3..=MOST_POINTS).contains(&corners.len())
                    || corners.iter().any(|(x, y)| !(x.is_finite() && y.is_finite()))
                {
                    return Err(Error::Asked(format!("a polygon has 3 to {MOST_POINTS} corners, which are numbers")));
                }
                let on = |row: usize, axis: &[f64]| position(points.z.row(row), axis);
                Ok((0..points.z.nrows()).filter(|&row| is_inside(corners, (on(row, x), on(row, y)))).collect())
            }
        }
    }
}

/// By the number of edges that a ray crosses.
fn is_inside(corners: &[(f64, f64)], (x, y): (f64, f64)) -> bool {
    let edges = corners.iter().zip(corners.iter().cycle().skip(1));
    edges.fold(false, |inside, (a, b)| {
        let crosses = (a.1 > y) != (b.1 > y) && x < a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0);
        inside != crosses
    })
}

fn npy(values: &[f64]) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({},), }}", values.len());
    // Magic, version and length take 10 bytes; numbers begin at a multiple of 64.
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polygons_hold_what_lies_inside_even_where_they_are_hollow() {
        let hollow = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 1.0), (0.0, 4.0)];
        let inside = [(1.0, 0.5), (0.5, 2.0), (3.5, 2.0)];
        let outside = [(2.0, 3.0), (-1.0, 1.0), (5.0, 0.0), (2.0, -0.1)];
        assert!(inside.iter().all(|&point| is_inside(&hollow, point)));
        assert!(outside.iter().all(|&point| !is_inside(&hollow, point)));
    }

    #[test]
    fn a_direction_is_a_file_of_numpys() {
        let bytes = npy(&[1.5, -2.0]);
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
        let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!(((10 + length) % 64, bytes[10 + length - 1]), (0, b'\n'));
        assert_eq!(bytes[10 + length..], [1.5_f64.to_le_bytes(), (-2.0_f64).to_le_bytes()].concat());
    }
}
