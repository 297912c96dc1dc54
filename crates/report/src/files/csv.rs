//! Tables as CSV: RFC 4180, lines end with a line feed.

/// A table being written.
pub(super) struct Csv(String);

impl Csv {
    pub(super) fn new(head: &[&str]) -> Self {
        let mut csv = Self(String::new());
        csv.row(head.iter().map(|name| (*name).to_owned()));
        csv
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        for (i, cell) in cells.into_iter().enumerate() {
            if i > 0 {
                self.0.push(',');
            }
            self.0.push_str(&quoted(cell));
        }
        self.0.push('\n');
    }

    pub(super) fn text(self) -> String {
        self.0
    }
}

/// A number in full; one that is not finite is an empty cell.
pub(super) fn number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

fn quoted(cell: String) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_would_break_a_row_are_quoted() {
        let mut csv = Csv::new(&["a", "b,c"]);
        csv.row(["plain".to_owned(), "say \"so\"\nnow".to_owned()]);
        csv.row([number(0.1), number(f64::NAN)]);
        assert_eq!(csv.text(), "a,\"b,c\"\nplain,\"say \"\"so\"\"\nnow\"\n0.1,\n");
    }
}
