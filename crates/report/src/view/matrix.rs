//! Lines beside attributes: how far each line orders each attribute, and how far the labels go together.

use minijinja::context;
use minijinja::value::Value;

use crate::evidence::LineMatrix;
use crate::number;

/// More attributes than this are headed by numbers, as are names of more than `NAMED_LENGTH` characters.
const NAMED_COLUMNS: usize = 5;
const NAMED_LENGTH: usize = 14;

/// Two tables over the same attributes.
pub(super) fn view(lines: &LineMatrix) -> Value {
    let names = &lines.attributes;
    let numbered = names.len() > NAMED_COLUMNS || names.iter().any(|name| name.chars().count() > NAMED_LENGTH);
    let number = |i: usize| if numbered { Value::from(i + 1) } else { Value::from(()) };
    let heads: Vec<Value> = (0..names.len())
        .map(|i| context! { text => if numbered { (i + 1).to_string() } else { names[i].clone() }, title => &names[i] })
        .collect();
    let rows = |matrix: &[Vec<Option<f64>>], shade: fn(f64) -> f64| -> Vec<Value> {
        let row = |(i, cells): (usize, &Vec<Option<f64>>)| {
            let cells: Vec<Value> = cells.iter().enumerate().map(|(j, cell)| of_cell(*cell, shade, i == j)).collect();
            context! { name => &names[i], number => number(i), cells => cells }
        };
        matrix.iter().enumerate().map(row).collect()
    };
    context! {
        heads => heads,
        split => &lines.split,
        left_out => &lines.left_out,
        auc => rows(&lines.auc, |auc| (auc - 0.5).abs() * 2.0),
        labels => rows(&lines.cramers_v, |v| v),
    }
}

fn of_cell(cell: Option<f64>, shade: fn(f64) -> f64, own: bool) -> Value {
    let shade = cell.filter(|v| v.is_finite()).map_or(0.0, shade);
    let text = cell.filter(|v| v.is_finite()).map_or_else(|| number::DASH.to_owned(), hundredths);
    context! { text => text, shade => format!("{:.3}", shade.clamp(0.0, 1.0)), own => own }
}

/// Two decimals; a figure just below 1 is not rounded up to it.
fn hundredths(value: f64) -> String {
    if (0.995..1.0).contains(&value) { ">\u{202f}0.99".into() } else { number::fixed(value, 2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_below_one_is_never_printed_as_one() {
        assert_eq!([0.9949, 0.997, 1.0, 0.5].map(hundredths), ["0.99", ">\u{202f}0.99", "1.00", "0.50"]);
    }
}
