//! What is found: along a way, nearest to the start, and how near that is.

use latentwalk_arithmetic::ascending;
use rayon::prelude::*;

use super::mapped::{Mapped, product};
use super::{Answer, Case, TowardCases, TowardStudy, ValueLines};
use crate::checks;
use crate::error::Result;
use crate::metric::Metric;

impl TowardCases<'_> {
    /// What a way finds: one answer a case.
    ///
    /// **Errors.** A metric or lines of another width, another number of lines than classes.
    pub fn along(&self, way: &ValueLines) -> Result<Vec<Answer>> {
        let study = &self.study;
        checks::length("lines of the way", study.classes, way.lines.len())?;
        for (what, list) in [("courses of the way", &way.courses), ("places of the way", &way.places)] {
            if !list.is_empty() {
                checks::length(what, study.classes, list.len())?;
            }
        }
        let (pool, starts) = (Mapped::new(&way.metric, study.pool)?, Mapped::new(&way.metric, study.starts)?);
        // The slab, and how far its images stand along the line, are the same for every start.
        let slabs: Vec<Slab> =
            (0..study.classes as u32).map(|class| Slab::new(study, way, class, &pool)).collect::<Result<_>>()?;
        let answer = |case: &Case| {
            let (slab, start, own) = (&slabs[case.to as usize], starts.row(case.start), study.start_groups[case.start]);
            let Some(course) = slab.course(study.start_labels[study.target][case.start]) else {
                return self.judge(case, None);
            };
            let (square, at) = (product(start, start), product(start, &course.unit));
            let mut best: Option<(f64, usize)> = None;
            for (place, &row) in slab.rows.iter().enumerate() {
                if study.pool_groups[row] == own {
                    continue;
                }
                let off = slab.points.square_from(place, start, square) - (course.along[place] - at).powi(2);
                if best.is_none_or(|(nearest, _)| off < nearest) {
                    best = Some((off, row));
                }
            }
            self.judge(case, best.map(|(_, row)| row))
        };
        Ok(self.cases.par_iter().map(answer).collect())
    }

    /// The pool row nearest to the start among those that `wanted` admits for the case's value.
    ///
    /// **Errors.** A metric of another width.
    pub fn nearest(&self, metric: &Metric, wanted: impl Fn(usize, u32) -> bool + Sync) -> Result<Vec<Answer>> {
        let study = &self.study;
        let (pool, starts) = (Mapped::new(metric, study.pool)?, Mapped::new(metric, study.starts)?);
        let of_start = |cases: &&[Case]| -> Vec<Answer> {
            let (at, own) = (starts.row(cases[0].start), study.start_groups[cases[0].start]);
            let square = product(at, at);
            let squares: Vec<f64> = (0..pool.len()).map(|row| pool.square_from(row, at, square)).collect();
            let nearest = |to: u32| {
                let rows = (0..pool.len()).filter(|&row| study.pool_groups[row] != own && wanted(row, to));
                rows.reduce(|best, next| if squares[next] < squares[best] { next } else { best })
            };
            cases.iter().map(|case| self.judge(case, nearest(case.to))).collect()
        };
        // The cases of a start follow each other.
        let by_start: Vec<&[Case]> = self.cases.chunk_by(|a, b| a.start == b.start).collect();
        Ok(by_start.par_iter().flat_map_iter(of_start).collect())
    }

    /// Of each answer of each way: the share of the pool's images of the wanted value that lie farther from the start; 0 for a
    /// failure.
    ///
    /// What takes the place of [`Answer::kept`] where no attribute is informative. All ways at once, since the distances are the same
    /// for all. **Errors.** A metric of another width, another number of answers than cases.
    pub fn closeness(&self, metric: &Metric, ways: &[Vec<Answer>]) -> Result<Vec<Vec<f64>>> {
        ways.iter().try_for_each(|answers| checks::length("answers of a way", self.cases.len(), answers.len()))?;
        let (pool, starts) = (Mapped::new(metric, self.study.pool)?, Mapped::new(metric, self.study.starts)?);
        let of_case = |at: usize| -> Vec<f64> {
            let case = &self.cases[at];
            let start = starts.row(case.start);
            let length = product(start, start);
            let square = |row: usize| pool.square_from(row, start, length);
            let squares = ascending(self.carriers[case.to as usize].iter().map(|&row| square(row)));
            let farther = |limit: f64| squares.len() - squares.partition_point(|&square| square <= limit);
            let closeness = |answer: &Answer| match answer.row.filter(|_| answer.hit) {
                None => 0.0,
                Some(_) if squares.len() == 1 => 1.0,
                Some(found) => farther(square(found)) as f64 / (squares.len() - 1) as f64,
            };
            ways.iter().map(|answers| closeness(&answers[at])).collect()
        };
        let by_case: Vec<Vec<f64>> = (0..self.cases.len()).into_par_iter().map(of_case).collect();
        Ok((0..ways.len()).map(|way| by_case.iter().map(|ways| ways[way]).collect()).collect())
    }
}

/// The pool's rows in the slab of a line toward a value.
struct Slab {
    rows: Vec<usize>,
    points: Mapped,
    /// One for every class of a start, or one for all.
    courses: Vec<Option<SlabCourse>>,
}

/// The way of a line through a slab.
struct SlabCourse {
    /// Direction of the line in the metric's space, of length 1.
    unit: Vec<f64>,
    /// How far each row stands along it.
    along: Vec<f64>,
}

impl Slab {
    fn new(study: &TowardStudy<'_>, way: &ValueLines, class: u32, pool: &Mapped) -> Result<Self> {
        let line = &way.lines[class as usize];
        line.check()?;
        checks::width("the direction", study.pool.ncols(), line.weights.len())?;
        checks::usable("the direction", 0, line.weights.iter().copied())?;
        let position =
            |row: usize| -> f64 { study.pool.row(row).iter().zip(&line.weights).map(|(&v, w)| f64::from(v) * w).sum() };
        let rows: Vec<usize> = (0..pool.len()).filter(|&row| line.holds(position(row))).collect();
        let points = pool.select(&rows);
        let course = |from: Option<u32>| -> Result<Option<SlabCourse>> {
            // Through any start: the direction is the same.
            let unit = way.metric.line(&way.course(from, class)?, study.pool.row(0))?.unit().to_vec();
            Ok(Some(SlabCourse { along: points.along(&unit), unit }))
        };
        let courses = match way.places.is_empty() {
            true => vec![course(None)?],
            // No case leads to the class that its start has.
            false => (0..study.classes as u32)
                .map(|from| if from == class { Ok(None) } else { course(Some(from)) })
                .collect::<Result<_>>()?,
        };
        Ok(Self { rows, points, courses })
    }

    /// The way from a start of a class.
    fn course(&self, from: Option<u32>) -> Option<&SlabCourse> {
        let at = if self.courses.len() == 1 { 0 } else { from? as usize };
        self.courses.get(at)?.as_ref()
    }
}
