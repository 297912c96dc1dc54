//! What is found: along a way, nearest to the start, and how near that is.

use ndarray::Axis;
use rayon::prelude::*;

use super::mapped::Mapped;
use super::{Answer, Case, TowardCases, TowardStudy, ValueLines};
use crate::checks;
use crate::error::Result;
use crate::kernel::product;
use crate::metric::Metric;

/// Cases that look at a block of images one after another.
const CASES_AT_ONCE: usize = 16;
/// Images of such a block: 50 axes of them take 25 KiB.
const ROWS_AT_ONCE: usize = 64;

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
        let starts = Mapped::new(&way.metric, study.starts)?;
        // The slab, and how far its images stand along the line, are the same for every start.
        let slabs: Vec<Slab> =
            (0..study.classes as u32).map(|class| Slab::new(study, way, class)).collect::<Result<_>>()?;
        // Some cases of a value at a time: a block of its images, once in the cache, is looked at for all of them.
        let of_value = |to: usize| (0..self.cases.len()).filter(move |&case| self.cases[case].to as usize == to);
        let lists: Vec<(usize, Vec<usize>)> = (0..study.classes).map(|to| (to, of_value(to).collect())).collect();
        let tasks: Vec<(usize, &[usize])> =
            lists.iter().flat_map(|(to, cases)| cases.chunks(CASES_AT_ONCE).map(|cases| (*to, cases))).collect();
        let found: Vec<Vec<Option<usize>>> =
            tasks.par_iter().map(|(to, cases)| self.nearest_in_slab(&slabs[*to], &starts, cases)).collect();
        let mut rows = vec![None; self.cases.len()];
        for (&case, row) in tasks.iter().flat_map(|(_, cases)| *cases).zip(found.into_iter().flatten()) {
            rows[case] = row;
        }
        Ok(self.cases.par_iter().zip(rows).map(|(case, row)| self.judge(case, row)).collect())
    }

    /// For each case of a slab's value: the slab's row nearest to the line through its start, none of the start's own group.
    fn nearest_in_slab(&self, slab: &Slab, starts: &Mapped, cases: &[usize]) -> Vec<Option<usize>> {
        let study = &self.study;
        let mut searches: Vec<Option<Search<'_>>> = cases
            .iter()
            .map(|&case| {
                let start = self.cases[case].start;
                let course = slab.course(study.start_labels[study.target][start])?;
                let point = starts.row(start);
                let (square, at) = (product(&point, &point), product(&point, &course.unit));
                Some(Search { point, square, at, course, own: study.start_groups[start], best: None })
            })
            .collect();
        let mut squares = [0.0; ROWS_AT_ONCE];
        for first in (0..slab.rows.len()).step_by(ROWS_AT_ONCE) {
            let rows = &slab.rows[first..(first + ROWS_AT_ONCE).min(slab.rows.len())];
            for search in searches.iter_mut().flatten() {
                let squares = &mut squares[..rows.len()];
                slab.points.squares_from(first, &search.point, search.square, squares);
                for ((&row, square), along) in rows.iter().zip(squares).zip(&search.course.along[first..]) {
                    let off = *square - (along - search.at).powi(2);
                    if search.best.is_none_or(|(nearest, _)| off < nearest) && study.pool_groups[row] != search.own {
                        search.best = Some((off, row));
                    }
                }
            }
        }
        searches.into_iter().map(|search| search?.best.map(|(_, row)| row)).collect()
    }

    /// The pool row nearest to the start among those that `wanted` admits for the case's value.
    ///
    /// **Errors.** A metric of another width.
    pub fn nearest(&self, metric: &Metric, wanted: impl Fn(usize, u32) -> bool + Sync) -> Result<Vec<Answer>> {
        let study = &self.study;
        let (pool, starts) = (Mapped::new(metric, study.pool)?, Mapped::new(metric, study.starts)?);
        let of_start = |cases: &&[Case]| -> Vec<Answer> {
            let (at, own) = (starts.row(cases[0].start), study.start_groups[cases[0].start]);
            let squares = pool.all_squares_from(&at, product(&at, &at));
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
        let of_start = |cases: &(usize, &[Case])| -> Vec<Vec<f64>> {
            let (first, cases) = *cases;
            let start = starts.row(cases[0].start);
            let squares = pool.all_squares_from(&start, product(&start, &start));
            let of_case = |(at, case): (usize, &Case)| -> Vec<f64> {
                let carriers = &self.carriers[case.to as usize];
                let closeness = |answer: &Answer| match answer.row.filter(|_| answer.hit) {
                    None => 0.0,
                    Some(_) if carriers.len() == 1 => 1.0,
                    Some(found) => {
                        let farther = carriers.iter().filter(|&&row| squares[row] > squares[found]).count();
                        farther as f64 / (carriers.len() - 1) as f64
                    }
                };
                ways.iter().map(|answers| closeness(&answers[at])).collect()
            };
            (first..).zip(cases).map(of_case).collect()
        };
        // The cases of a start follow each other.
        let mut by_start: Vec<(usize, &[Case])> = Vec::new();
        for cases in self.cases.chunk_by(|a, b| a.start == b.start) {
            let first = by_start.last().map_or(0, |(first, cases)| first + cases.len());
            by_start.push((first, cases));
        }
        let by_case: Vec<Vec<f64>> = by_start.par_iter().flat_map_iter(of_start).collect();
        Ok((0..ways.len()).map(|way| by_case.iter().map(|ways| ways[way]).collect()).collect())
    }
}

/// One case's way through a slab.
struct Search<'a> {
    point: Vec<f64>,
    square: f64,
    at: f64,
    course: &'a SlabCourse,
    own: usize,
    /// The nearest so far: its squared distance from the line, and its row.
    best: Option<(f64, usize)>,
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
    fn new(study: &TowardStudy<'_>, way: &ValueLines, class: u32) -> Result<Self> {
        let line = &way.lines[class as usize];
        line.check()?;
        checks::width("the direction", study.pool.ncols(), line.weights.len())?;
        checks::usable("the direction", 0, line.weights.iter().copied())?;
        let position =
            |row: usize| -> f64 { study.pool.row(row).iter().zip(&line.weights).map(|(&v, w)| f64::from(v) * w).sum() };
        let rows: Vec<usize> = (0..study.pool.nrows()).filter(|&row| line.holds(position(row))).collect();
        // The slab's images alone are mapped: all of a large pool would take as much memory again.
        let points = Mapped::new(&way.metric, study.pool.select(Axis(0), &rows).view())?;
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
