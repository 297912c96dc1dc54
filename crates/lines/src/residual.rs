//! The metric of what the attributes leave unexplained.

use ndarray::ArrayView2;

use crate::checks;
use crate::error::{Error, Result};
use crate::linalg;
use crate::metric::{Metric, MetricKind, add_outer};

impl Metric {
    /// Mahalanobis distance with the covariance of what is left of the training rows after the additive effects of all
    /// attributes are taken out.
    ///
    /// Two images that differ in nuisances alone are near in it, and no attribute loses weight because it varies much.
    /// (The within-class metric of one attribute takes the others for nuisances.)
    ///
    /// **Shapes.** `z` is n × k; `labels` has one list for each attribute, n long; `classes` is the number of classes of
    /// each; `train_rows` are rows of `z`, of which those with a label of every attribute take part.
    /// **Units and conventions.** Least squares on an intercept and one column for every class but the first of each
    /// attribute. Classes that never occur and attributes that follow from others cost no parameter. The residuals'
    /// scatter is divided by rows − parameters; `shrinkage` times its mean diagonal is added to the diagonal
    /// ([`DEFAULT_SHRINKAGE`](crate::DEFAULT_SHRINKAGE)). With a single attribute this is [`Metric::within_class`].
    /// **Errors.** No attributes, values that are not usable, lists of lengths that do not fit, labels outside the classes,
    /// no more rows than parameters, a covariance that stays singular.
    pub fn residual(
        z: ArrayView2<'_, f32>,
        labels: &[Vec<Option<u32>>],
        classes: &[usize],
        train_rows: &[usize],
        shrinkage: f64,
    ) -> Result<Self> {
        let k = z.ncols();
        checks::some("the list of axes", k)?;
        checks::some("the list of attributes", labels.len())?;
        checks::option("shrinkage", shrinkage, 0.0, 1e6)?;
        let design = Design::new(z, labels, classes, train_rows)?;
        Self::mahalanobis(MetricKind::Residual, design.residual_covariance(z)?, k, shrinkage)
    }
}

/// The rows that take part and, for each, the columns of the design matrix that are one.
struct Design {
    rows: Vec<usize>,
    /// As many for each row: the intercept's column stands for an attribute's first class.
    columns: Vec<Vec<usize>>,
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
        checks::length("numbers of classes of the attributes", labels.len(), classes.len())?;
        for (list, &count) in labels.iter().zip(classes) {
            checks::length("labels", n, list.len())?;
            checks::some("the list of classes", count)?;
        }
        let mut design = Self { rows: Vec::new(), columns: Vec::new(), p: 1 };
        let mut firsts = Vec::with_capacity(classes.len());
        for &count in classes {
            firsts.push(design.p);
            design.p += count - 1;
        }
        for &row in train_rows {
            checks::inside("training rows", n, row)?;
            if let Some(columns) = columns_of(row, labels, classes, &firsts)? {
                checks::usable("labelled training points", row, z.row(row).iter().map(|&v| f64::from(v)))?;
                design.rows.push(row);
                design.columns.push(columns);
            }
        }
        Ok(design)
    }

    /// k × k row-major, summed in the order of the rows.
    fn residual_covariance(&self, z: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
        let k = z.ncols();
        let (effects, parameters) = self.effects(z);
        if self.rows.len() <= parameters {
            let what = "training rows with a label of every attribute for the residual metric".to_owned();
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
        Ok(scatter)
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

/// Columns of a row's design that are one, the intercept's among them; `None` where an attribute is not labelled.
fn columns_of(
    row: usize,
    labels: &[Vec<Option<u32>>],
    classes: &[usize],
    firsts: &[usize],
) -> Result<Option<Vec<usize>>> {
    let mut columns = vec![0];
    let mut complete = true;
    for ((list, &classes), &first) in labels.iter().zip(classes).zip(firsts) {
        match list[row] {
            None => complete = false,
            Some(label) => {
                checks::label(row, classes, label)?;
                // The first class is the one that the others are compared with.
                columns.extend((label as usize).checked_sub(1).map(|above| first + above));
            }
        }
    }
    Ok(complete.then_some(columns))
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

    /// numpy 2, z, a and b as above without rows 5, 11, 22, 23: `X = column_stack([ones, a==1, a==2, b==1])`,
    /// `R = z - X @ lstsq(X, z)[0]`, `S = R.T @ R / (20 - 4)`, `S + 0.01 * trace(S) / 3 * eye(3)`.
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
}
