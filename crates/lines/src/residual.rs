//! The metric of what the attributes leave unexplained.

use latentwalk_arithmetic::dot;
use ndarray::ArrayView2;

use crate::checks;
use crate::error::{Error, Result};
use crate::linalg;
use crate::metric::{Factor, Metric, MetricKind, add_outer};

impl Metric {
    /// Mahalanobis distance with the covariance of what is left of the training rows after the additive effects of all
    /// attributes are taken out.
    ///
    /// Two images that differ in nuisances alone are near in it, and no attribute loses weight because it varies much.
    /// (The within-class metric of one attribute takes the others for nuisances.)
    ///
    /// **Shapes.** `z` is n × k; `labels` has one list for each attribute, n long; `classes` is the number of classes of
    /// each; `train_rows` are rows of `z`.
    /// **Units and conventions.** Least squares on an intercept and one column for every class but the first of each
    /// attribute, and one for the rows that carry no label of it: they are taken as a level of their own, so that they
    /// neither count as a class nor leave their mean in the covariance. Classes that never occur and attributes that follow
    /// from others cost no parameter. The residuals' scatter is divided by rows − parameters; `shrinkage` times its mean
    /// diagonal is added to the diagonal ([`DEFAULT_SHRINKAGE`](crate::DEFAULT_SHRINKAGE)). With a single attribute and no
    /// label missing this is [`Metric::within_class`].
    /// **Errors.** No attributes, values that are not usable, lists of lengths that do not fit, labels outside the classes,
    /// no more rows than parameters, a covariance that stays singular.
    pub fn residual(
        z: ArrayView2<'_, f32>,
        labels: &[Vec<Option<u32>>],
        classes: &[usize],
        train_rows: &[usize],
        shrinkage: f64,
    ) -> Result<Self> {
        checks::option("shrinkage", shrinkage, 0.0, 1e6)?;
        let fit = Design::new(z, labels, classes, train_rows)?.fit(z)?;
        Self::mahalanobis(MetricKind::Residual, fit.covariance, z.ncols(), shrinkage)
    }

    /// [`Metric::residual`], in which a change of another attribute counts more: what separates the values of the attributes in
    /// `others` is `weight` times farther, squared, than what the residual metric alone says.
    ///
    /// **Units and conventions.** With `M` the residual metric and `U` an orthonormal basis, in its space, of the effects of all
    /// values of `others`, the squared distance is `|x|² + weight · |Uᵀx|²`. A weight of 0 is the residual metric; the larger
    /// it is, the closer a line comes to one along which the others' effects do not change.
    /// **Errors.** As [`Metric::residual`]; a negative weight, an attribute that does not exist.
    pub fn residual_others(
        z: ArrayView2<'_, f32>,
        labels: &[Vec<Option<u32>>],
        classes: &[usize],
        train_rows: &[usize],
        shrinkage: f64,
        (others, weight): (&[usize], f64),
    ) -> Result<Self> {
        checks::option("the weight of the other attributes", weight, 0.0, 1e9)?;
        others.iter().try_for_each(|&q| checks::inside("the other attributes", classes.len(), q))?;
        checks::option("shrinkage", shrinkage, 0.0, 1e6)?;
        let k = z.ncols();
        let design = Design::new(z, labels, classes, train_rows)?;
        let Fit { covariance, effects } = design.fit(z)?;
        let base = Self::mahalanobis(MetricKind::Residual, covariance, k, shrinkage)?;
        let Factor::Lower { factor, inverse } = &base.factor else { return Ok(base) };
        let columns = others.iter().flat_map(|&q| design.columns_of_classes(q, classes[q]));
        let mapped = columns.map(|column| linalg::lower_times(inverse, &effects[column * k..(column + 1) * k]));
        // Of `I + weight · UUᵀ` the inverse is `I − weight / (1 + weight) · UUᵀ`; `M⁻¹ = C Cᵀ` becomes `C (…) Cᵀ`.
        let share = weight / (1.0 + weight);
        let mut covariance = vec![0.0; k * k];
        (0..k).for_each(|column| {
            let of_factor: Vec<f64> = (0..k).map(|row| factor[row * k + column]).collect();
            add_outer(&mut covariance, &of_factor);
        });
        for axis in linalg::orthonormal(mapped) {
            let moved = linalg::lower_times(factor, &axis);
            let scaled: Vec<f64> = moved.iter().map(|v| v * share).collect();
            for (row, &v) in covariance.chunks_exact_mut(k).zip(&scaled) {
                row.iter_mut().zip(&moved).for_each(|(entry, m)| *entry -= v * m);
            }
        }
        Self::mahalanobis(MetricKind::ResidualOthers, covariance, k, 0.0)
    }

    /// Weights whose line leaves the positions along `others` as they are in the start, `w' = w − W (WᵀM⁻¹W)⁻¹ WᵀM⁻¹ w`, and how much
    /// of the direction is left, `|L⁻¹w'| / |L⁻¹w|` from 0 to 1: near 0 the others say what `w` says, and `w'` is rounding noise.
    ///
    /// **Shapes.** All k long. **Units and conventions.** Weights in raw PCA space. Of others that depend on each other a part is
    /// enough. **Errors.** Another width, values that are not usable, a direction of length zero. **Source.** Conditional manipulation of Shen et al., "Interpreting
    /// the latent space of GANs for semantic face editing", in a metric.
    pub fn keeping(&self, w: &[f64], others: &[Vec<f64>]) -> Result<(Vec<f64>, f64)> {
        for weights in others.iter().map(Vec::as_slice).chain([w]) {
            checks::width("the direction", self.k, weights.len())?;
            checks::usable("the direction", 0, weights.iter().copied())?;
        }
        let mapped: Vec<Vec<f64>> = others.iter().map(|other| self.map_weights(other)).collect();
        let own = self.map_weights(w);
        let p = others.len();
        let gram: Vec<f64> = (0..p * p).map(|ij| dot(&mapped[ij / p], &mapped[ij % p])).collect();
        let right: Vec<f64> = mapped.iter().map(|other| dot(other, &own)).collect();
        let (shares, _) = linalg::solve_semidefinite(&gram, &right, p, 1);
        let mut kept = w.to_vec();
        for (other, share) in others.iter().zip(&shares) {
            kept.iter_mut().zip(other).for_each(|(k, o)| *k -= share * o);
        }
        let left = self.map_weights(&kept);
        let [left, whole] = [left, own].map(|mapped| dot(&mapped, &mapped).sqrt());
        if whole == 0.0 {
            return Err(Error::ZeroDirection);
        }
        Ok(if others.is_empty() { (kept, 1.0) } else { (kept, left / whole) })
    }
}

/// Where each class of an attribute lies when the additive effects of other attributes are taken out: a difference of two of them is
/// what changes, on average, between images that differ in the two classes alone.
///
/// **Shapes.** `z` is n × k; `own` is n long with labels below `classes`; `others` has a list of labels and a number of classes for
/// each other attribute. The result has k values per class. **Units and conventions.** Least squares as in [`Metric::residual`];
/// places are relative to their mean over the labelled training rows: a class's place points away from the others. Without others, differences are those of the class means. Of others that follow from
/// the attribute itself nothing is taken out. **Errors.** As [`Metric::residual`]; a class without training rows.
pub fn class_effects(
    z: ArrayView2<'_, f32>,
    (own, classes): (&[Option<u32>], usize),
    others: &[(&[Option<u32>], usize)],
    train_rows: &[usize],
) -> Result<Vec<Vec<f64>>> {
    // What stands first is kept where others depend on it.
    let lists: Vec<Vec<Option<u32>>> =
        std::iter::once(own).chain(others.iter().map(|(labels, _)| *labels)).map(<[_]>::to_vec).collect();
    let counts: Vec<usize> = std::iter::once(classes).chain(others.iter().map(|(_, count)| *count)).collect();
    let design = Design::new(z, &lists, &counts, train_rows)?;
    let mut rows_of = vec![0usize; classes];
    design.rows.iter().filter_map(|&row| own[row]).for_each(|class| rows_of[class as usize] += 1);
    if let Some(class) = rows_of.iter().position(|&rows| rows == 0) {
        let what = format!("labelled training rows of class {class}");
        return Err(Error::TooFewRows { what, rows: 0, needed: 1 });
    }
    let (k, (effects, _)) = (z.ncols(), design.effects(z));
    let of = |column: usize| effects[column * k..(column + 1) * k].to_vec();
    let mut places: Vec<Vec<f64>> =
        std::iter::once(vec![0.0; k]).chain(design.columns_of_classes(0, classes).map(of)).collect();
    let all = rows_of.iter().sum::<usize>() as f64;
    let mut middle = vec![0.0; k];
    for (place, &rows) in places.iter().zip(&rows_of) {
        middle.iter_mut().zip(place).for_each(|(m, p)| *m += rows as f64 / all * p);
    }
    places.iter_mut().for_each(|place| place.iter_mut().zip(&middle).for_each(|(p, m)| *p -= m));
    Ok(places)
}

/// What least squares on all attributes gives.
struct Fit {
    /// Of what is left, k × k row-major.
    covariance: Vec<f64>,
    /// Of every column on every axis, p × k.
    effects: Vec<f64>,
}

/// The rows that take part and, for each, the columns of the design matrix that are one.
struct Design {
    rows: Vec<usize>,
    /// As many for each row: the intercept's column stands for an attribute's first class.
    columns: Vec<Vec<usize>>,
    /// The first column of each attribute: its classes but the first, then the rows without a label of it.
    firsts: Vec<usize>,
    p: usize,
}

impl Design {
    fn new(
        z: ArrayView2<'_, f32>,
        labels: &[Vec<Option<u32>>],
        classes: &[usize],
        train_rows: &[usize],
    ) -> Result<Self> {
        let n = z.nrows();
        checks::some("the list of axes", z.ncols())?;
        checks::some("the list of attributes", labels.len())?;
        checks::length("numbers of classes of the attributes", labels.len(), classes.len())?;
        for (list, &count) in labels.iter().zip(classes) {
            checks::length("labels", n, list.len())?;
            checks::some("the list of classes", count)?;
        }
        let mut design = Self { rows: Vec::new(), columns: Vec::new(), firsts: Vec::new(), p: 1 };
        for &count in classes {
            design.firsts.push(design.p);
            design.p += count;
        }
        for &row in train_rows {
            checks::inside("training rows", n, row)?;
            checks::usable("training points", row, z.row(row).iter().map(|&v| f64::from(v)))?;
            design.rows.push(row);
            design.columns.push(columns_of(row, labels, classes, &design.firsts)?);
        }
        Ok(design)
    }

    /// The columns of an attribute's classes; the first class is the one that the others are compared with.
    fn columns_of_classes(&self, q: usize, classes: usize) -> std::ops::Range<usize> {
        self.firsts[q]..self.firsts[q] + classes - 1
    }

    /// Summed in the order of the rows.
    fn fit(&self, z: ArrayView2<'_, f32>) -> Result<Fit> {
        let k = z.ncols();
        let (effects, parameters) = self.effects(z);
        if self.rows.len() <= parameters {
            let what = "training rows for the residual metric".to_owned();
            return Err(Error::TooFewRows { what, rows: self.rows.len(), needed: parameters + 1 });
        }
        let mut scatter = vec![0.0; k * k];
        let mut rest = vec![0.0; k];
        for (&row, columns) in self.rows.iter().zip(&self.columns) {
            rest.iter_mut().zip(z.row(row)).for_each(|(r, &v)| *r = f64::from(v));
            for &column in columns {
                rest.iter_mut().zip(&effects[column * k..]).for_each(|(r, effect)| *r -= effect);
            }
            add_outer(&mut scatter, &rest);
        }
        let freedom = (self.rows.len() - parameters) as f64;
        scatter.iter_mut().for_each(|v| *v /= freedom);
        Ok(Fit { covariance: scatter, effects })
    }

    /// The effect of every column on every axis, p × k, and how many columns are independent.
    fn effects(&self, z: ArrayView2<'_, f32>) -> (Vec<f64>, usize) {
        let (p, k) = (self.p, z.ncols());
        let (mut gram, mut right) = (vec![0.0; p * p], vec![0.0; p * k]);
        for (&row, columns) in self.rows.iter().zip(&self.columns) {
            for &a in columns {
                columns.iter().for_each(|&b| gram[a * p + b] += 1.0);
                right[a * k..(a + 1) * k].iter_mut().zip(z.row(row)).for_each(|(r, &v)| *r += f64::from(v));
            }
        }
        linalg::solve_semidefinite(&gram, &right, p, k)
    }
}

/// Columns of a row's design that are one, the intercept's among them.
fn columns_of(row: usize, labels: &[Vec<Option<u32>>], classes: &[usize], firsts: &[usize]) -> Result<Vec<usize>> {
    let mut columns = vec![0];
    for ((list, &classes), &first) in labels.iter().zip(classes).zip(firsts) {
        match list[row] {
            None => columns.push(first + classes - 1),
            Some(label) => {
                checks::label(row, classes, label)?;
                columns.extend((label as usize).checked_sub(1).map(|above| first + above));
            }
        }
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ndarray::Array2;

    use super::*;
    use crate::metric::Factor;

    const N: usize = 24;

    /// Multiples of a quarter: exact in f32 and in Python.
    fn points() -> Array2<f32> {
        Array2::from_shape_fn((N, 3), |(i, j)| ((i * (7 + 4 * j) + 3 * j) % 17) as f32 * 0.25)
    }

    fn labels() -> Vec<Vec<Option<u32>>> {
        let a = (0..N).map(|i| (i != 5).then_some((i % 3) as u32)).collect();
        let b = (0..N).map(|i| (i != 11).then_some(((i * i + i / 4) % 2) as u32)).collect();
        vec![a, b]
    }

    fn train() -> Vec<usize> {
        (0..22).collect()
    }

    fn make(labels: &[Vec<Option<u32>>], classes: &[usize], rows: &[usize]) -> Result<Metric> {
        Metric::residual(points().view(), labels, classes, rows, 0.01)
    }

    /// `C Cᵀ`: the covariance with its shrinkage.
    fn covariance(metric: &Metric) -> Vec<f64> {
        let Factor::Lower { factor, .. } = &metric.factor else { panic!("a diagonal metric") };
        let k = metric.width();
        let at = |i: usize, j: usize| (0..k).map(|m| factor[i * k + m] * factor[j * k + m]).sum::<f64>();
        (0..k * k).map(|ij| at(ij / k, ij % k)).collect()
    }

    fn assert_close(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        // f64 throughout; the normal equations of four columns lose a digit or two.
        got.iter().zip(expected).for_each(|(g, e)| assert!((g - e).abs() < 1e-12 * (1.0 + e.abs()), "{got:?}"));
    }

    /// numpy 2, z, a and b as above without rows 22, 23, a missing label being -1:
    /// `X = column_stack([ones, a==1, a==2, a==-1, b==1, b==-1])`, `R = z - X @ lstsq(X, z)[0]`, `S = R.T @ R / (22 - 6)`,
    /// `M = S + 0.01 * trace(S) / 3 * eye(3)`. A single row without a label is fitted exactly: the same as without it.
    const GOLDEN: [f64; 9] = [
        1.780024035549903,
        0.490132176598837,
        0.625743777252907,
        0.490132176598837,
        1.377436144924903,
        0.615223019622093,
        0.625743777252907,
        0.615223019622093,
        1.840252959968508,
    ];

    #[test]
    fn the_covariance_agrees_with_numpy() {
        let metric = make(&labels(), &[3, 2], &train()).unwrap();
        assert_eq!((metric.kind(), metric.kind().name(), metric.width()), (MetricKind::Residual, "residual", 3));
        assert_close(&covariance(&metric), &GOLDEN);
    }

    /// With the effect `e` of `b == 1` from above: `C = cholesky(M)`, `u = solve(C, e)` at length 1,
    /// `C @ (eye(3) - 3 / (1 + 3) * outer(u, u)) @ C.T`.
    const GOLDEN_OTHERS: [f64; 9] = [
        1.585_917_622_061_181_5,
        0.829_281_771_098_877_6,
        0.674_500_364_527_321,
        0.829_281_771_098_877_6,
        0.784_861_971_912_196_2,
        0.530_033_784_984_649_8,
        0.674_500_364_527_321,
        0.530_033_784_984_649_8,
        1.828_006_044_681_570_7,
    ];

    #[test]
    fn what_separates_others_counts_more() {
        let make = |weight: f64| {
            Metric::residual_others(points().view(), &labels(), &[3, 2], &train(), 0.01, (&[1], weight)).unwrap()
        };
        assert_close(&covariance(&make(3.0)), &GOLDEN_OTHERS);
        assert_close(&covariance(&make(0.0)), &GOLDEN);
        assert_eq!(make(3.0).kind().name(), "residual-others");
        let json = serde_json::to_string(&make(3.0)).unwrap();
        assert_eq!(serde_json::from_str::<Metric>(&json).unwrap(), make(3.0));
        let refused = Metric::residual_others(points().view(), &labels(), &[3, 2], &train(), 0.01, (&[2], 1.0));
        assert!(matches!(refused, Err(Error::Outside { got: 2, count: 2, .. })));
    }

    #[test]
    fn kept_positions_stay_along_the_line() {
        let metric = make(&labels(), &[3, 2], &train()).unwrap();
        let others = [vec![0.3, -1.0, 0.2], vec![0.6, -2.0, 0.4]];
        let (kept, _) = metric.keeping(&[1.0, 0.5, -0.5], &others).unwrap();
        let start = points();
        let line = metric.line(&kept, start.row(3)).unwrap();
        let along = line.displacement();
        for other in &others {
            assert!(dot(along, other).abs() < 1e-12, "the second depends on the first");
        }
        assert!(dot(along, &kept) > 0.0);
        assert_eq!(metric.keeping(&[1.0, 0.5, -0.5], &[]).unwrap().0, [1.0, 0.5, -0.5]);
        let (same, left) = metric.keeping(&[1.0, 0.5, -0.5], &others).unwrap();
        assert!(same == kept && left > 0.01 && left < 1.0, "{left}");
        assert_eq!(metric.keeping(&[1.0, 0.5, -0.5], &[]).unwrap().1, 1.0);
        assert!(metric.keeping(&others[0], &others).unwrap().1 < 1e-9, "nothing is left of what is kept");
        assert!(matches!(metric.keeping(&[0.0; 3], &others), Err(Error::ZeroDirection)));
        assert!(metric.keeping(&[1.0, 0.5], &others).is_err());
    }

    #[test]
    fn rows_without_a_label_are_a_level_of_their_own() {
        // Of the first attribute every third row is unlabelled; these rows lie far away together.
        let mut z = points();
        let mut lists = labels();
        lists[0][5] = Some(2);
        for row in (0..N).step_by(3) {
            lists[0][row] = None;
            z.row_mut(row).mapv_inplace(|v| v + 100.0);
        }
        let metric = Metric::residual(z.view(), &lists, &[3, 2], &train(), 0.0).unwrap();
        let spread: f64 = (0..3).map(|j| covariance(&metric)[j * 3 + j]).sum();
        assert!(spread < 10.0, "{spread}: their mean is no residual");
    }

    #[test]
    fn classes_that_never_occur_and_attributes_that_follow_cost_nothing() {
        let mut more = labels();
        // A copy of the first attribute with its classes renamed and 0, 1 and 4 never used; one that is always the same.
        more.push(more[0].iter().map(|label| label.map(|l| [5, 2, 3][l as usize])).collect());
        more.push(vec![Some(1); N]);
        assert_close(&covariance(&make(&more, &[3, 2, 6, 3], &train()).unwrap()), &GOLDEN);
        more.reverse();
        assert_close(&covariance(&make(&more, &[3, 6, 2, 3], &train()).unwrap()), &GOLDEN);
    }

    #[test]
    fn with_one_attribute_it_is_the_within_class_metric() {
        let one = &labels()[..1];
        let residual = make(one, &[3], &train()).unwrap();
        let within = Metric::within_class(points().view(), &one[0], &train(), 3, 0.01).unwrap();
        assert_close(&covariance(&residual), &covariance(&within));
        assert_ne!(residual.kind(), within.kind());
    }

    #[test]
    fn a_nuisance_is_nearer_than_an_attribute_of_the_same_size() {
        // Axis 0 is the first attribute, axis 1 the second, axis 2 a nuisance; all spread alike but for small noise.
        let at = |i: usize, j: usize| ((i >> j) & 1) as f32 * 4.0 + ((i * (5 + 2 * j) + j) % 11) as f32 * 0.02;
        let z = Array2::from_shape_fn((64, 3), |(i, j)| at(i, j));
        let lists: Vec<Vec<Option<u32>>> =
            (0..2).map(|j| (0..64).map(|i| Some(((i >> j) & 1) as u32)).collect()).collect();
        let rows: Vec<usize> = (0..64).collect();
        let metric = Metric::residual(z.view(), &lists, &[2, 2], &rows, 1e-4).unwrap();
        let length = |d: [f64; 3]| linalg::norm(&metric.map_point(&d));
        let (first, second, nuisance) = (length([4.0, 0.0, 0.0]), length([0.0, 4.0, 0.0]), length([0.0, 0.0, 4.0]));
        assert!(nuisance < first / 10.0 && nuisance < second / 10.0, "{first} {second} {nuisance}");
        let within = Metric::within_class(z.view(), &lists[0], &rows, 2, 1e-4).unwrap();
        let length = |d: [f64; 3]| linalg::norm(&within.map_point(&d));
        assert!(length([0.0, 4.0, 0.0]) < length([4.0, 0.0, 0.0]) / 10.0, "the other attribute is a nuisance there");
    }

    #[test]
    fn a_residual_metric_reads_back_as_it_was_written() {
        let metric = make(&labels(), &[3, 2], &train()).unwrap();
        let json = serde_json::to_string(&metric).unwrap();
        assert!(json.contains(r#""kind":"residual""#), "{json}");
        assert_eq!(serde_json::from_str::<Metric>(&json).unwrap(), metric);
        assert!(serde_json::from_str::<Metric>(&json.replace("\"k\":3", "\"k\":2")).is_err());
        assert!(MetricKind::WithinClass < MetricKind::Residual);
    }

    #[test]
    fn bad_labels_and_covariances_are_refused() {
        let (good, rows) = (labels(), train());
        assert!(matches!(make(&[], &[], &rows), Err(Error::Empty { what: "the list of attributes" })));
        let error = make(&good, &[3], &rows).unwrap_err();
        assert!(matches!(error, Error::Shape { expected: 2, got: 1, .. }), "{error}");
        assert!(matches!(make(&good, &[3, 0], &rows), Err(Error::Empty { .. })));
        assert!(matches!(make(&good, &[2, 2], &rows), Err(Error::Outside { got: 2, count: 2, .. })));
        assert!(matches!(make(&good, &[3, 2], &[N]), Err(Error::Outside { got: N, count: N, .. })));
        let short = [good[0].clone(), good[1][1..].to_vec()];
        assert!(matches!(
            make(&short, &[3, 2], &rows),
            Err(Error::Shape { unit: "entries", expected: N, got: 23, .. })
        ));
        let few = make(&good, &[3, 2], &rows[..4]).unwrap_err();
        assert!(matches!(few, Error::TooFewRows { rows: 4, needed: 5, .. }), "{few}");
        assert!(matches!(make(&good, &[3, 2], &[]), Err(Error::TooFewRows { rows: 0, needed: 1, .. })));
        let mut z = points();
        let refused = |z: &Array2<f32>, shrinkage| Metric::residual(z.view(), &good, &[3, 2], &rows, shrinkage);
        assert!(matches!(refused(&z, -1.0), Err(Error::Option { .. })));
        z.column_mut(2).fill(1.0);
        let error = refused(&z, 0.0).unwrap_err();
        assert!(matches!(error, Error::Singular { metric: MetricKind::Residual, axis: 2, .. }), "{error}");
        assert!(refused(&z, 0.1).is_ok(), "shrinkage makes up for an axis without variance");
        z[[3, 1]] = f32::NAN;
        assert!(matches!(refused(&z, 0.1), Err(Error::NotUsable { row: 3, axis: 1, .. })));
    }

    #[test]
    fn effects_are_those_of_one_attribute_alone() {
        // Places of two attributes add up; their labels go together, so that class means mix them.
        let own: Vec<Option<u32>> = (0..40).map(|i| Some(u32::from(i % 4 != 0))).collect();
        let other: Vec<Option<u32>> = (0..40).map(|i| Some(u32::from(i % 4 > 1))).collect();
        let z = Array2::from_shape_fn((40, 2), |(i, j)| {
            [[0.0, 0.0], [2.0, 1.0]][own[i].unwrap() as usize][j]
                + [[0.0, 0.0], [0.0, 8.0]][other[i].unwrap() as usize][j]
        });
        let train: Vec<usize> = (0..40).collect();
        let effects = class_effects(z.view(), (&own, 2), &[(&other, 2)], &train).unwrap();
        let apart = |places: &[Vec<f64>]| [0, 1].map(|axis| places[1][axis] - places[0][axis]);
        assert_close(&apart(&effects), &[2.0, 1.0]);
        // Three rows in four have the second class.
        assert_close(&[effects[0][0], effects[1][0]], &[-1.5, 0.5]);
        let means = class_effects(z.view(), (&own, 2), &[], &train).unwrap();
        assert_close(&apart(&means), &[2.0, 1.0 + 8.0 * 2.0 / 3.0]);
        // What follows from the attribute takes nothing from it.
        let twice = class_effects(z.view(), (&own, 2), &[(&own, 2)], &train).unwrap();
        assert_close(&apart(&twice), &apart(&means));
        let missing = class_effects(z.view(), (&own, 3), &[], &train);
        assert!(matches!(missing, Err(Error::TooFewRows { rows: 0, .. })));
    }
}
