//! Numbers as text: one way each, true minus signs, dashes for what does not exist.

/// What stands for a figure that does not exist.
pub(crate) const DASH: &str = "–";

/// A number with that many decimals; not finite gives a dash.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return DASH.into();
    }
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|b| matches!(b, b'0' | b'.')) => digits.into(),
        Some(digits) => format!("\u{2212}{digits}"),
        None => text,
    }
}

/// A quantity of any size with four significant digits.
pub(crate) fn significant(value: f64) -> String {
    let power = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    match value.is_finite() && !(-4.0..6.0).contains(&power) {
        true => format!("{value:.3e}").replace('-', "\u{2212}"),
        false => fixed(value, (3.0 - power).clamp(0.0, 7.0) as usize),
    }
}

/// A figure between 0 and 1, three decimals. A figure just below 1 is not rounded up to it.
pub(crate) fn share(value: Option<f64>) -> String {
    match value {
        Some(v) if (0.9995..1.0).contains(&v) => ">\u{202f}0.999".into(),
        Some(v) => fixed(v, 3),
        None => DASH.into(),
    }
}

/// A share as a percentage with one decimal; neither 100 % nor 0 % unless it is exactly that.
pub(crate) fn percent(value: Option<f64>) -> String {
    match value {
        Some(v) if (0.9995..1.0).contains(&v) => ">\u{202f}99.9\u{202f}%".into(),
        Some(v) if v > 0.0 && v < 0.0005 => "<\u{202f}0.1\u{202f}%".into(),
        Some(v) if v == 1.0 || v == 0.0 => format!("{}\u{202f}%", fixed(v * 100.0, 0)),
        Some(v) if v.is_finite() => format!("{}\u{202f}%", fixed(v * 100.0, 1)),
        _ => DASH.into(),
    }
}

/// A count with separators between thousands.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A duration in words: `0.4 s`, `42 s`, `3 min 12 s`, `2 h 5 min`.
pub(crate) fn duration(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds.filter(|s| s.is_finite() && *s >= 0.0) else { return DASH.into() };
    if seconds < 9.95 {
        return format!("{seconds:.1}\u{202f}s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole}\u{202f}s"),
        60..3600 => format!("{}\u{202f}min {}\u{202f}s", whole / 60, whole % 60),
        _ => format!("{}\u{202f}h {}\u{202f}min", count(whole / 3600), whole % 3600 / 60),
    }
}

/// Memory in decimal units.
pub(crate) fn bytes(value: Option<u64>) -> String {
    let Some(value) = value else { return DASH.into() };
    match value {
        0..1_000_000 => format!("{:.0}\u{202f}kB", value as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0}\u{202f}MB", value as f64 / 1e6),
        _ => format!("{:.2}\u{202f}GB", value as f64 / 1e9),
    }
}

/// How many decimals positions need, so that a spread of this size keeps three or four digits.
pub(crate) fn decimals_for(spread: f64) -> usize {
    if !spread.is_finite() || spread <= 0.0 {
        return 2;
    }
    (2.0 - spread.log10().floor()).clamp(0.0, 6.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_true_minus_and_no_negative_zero() {
        assert_eq!(fixed(-1.25, 1), "\u{2212}1.2");
        assert_eq!(fixed(-0.0001, 2), "0.00");
        assert_eq!(fixed(f64::NAN, 2), DASH);
        assert_eq!(fixed(f64::NEG_INFINITY, 2), DASH);
    }

    #[test]
    fn quantities_keep_four_digits() {
        assert_eq!(significant(40.011), "40.01");
        assert_eq!(significant(0.0107), "0.01070");
        assert_eq!(significant(1.5e-9), "1.500e\u{2212}9");
        assert_eq!(significant(0.0), "0.000");
        assert_eq!(significant(f64::NAN), DASH);
    }

    #[test]
    fn a_share_below_one_is_never_printed_as_one() {
        assert_eq!(share(Some(0.99997)), ">\u{202f}0.999");
        assert_eq!(share(Some(1.0)), "1.000");
        assert_eq!(share(None), DASH);
        assert_eq!(percent(Some(0.9999)), ">\u{202f}99.9\u{202f}%");
        assert_eq!(percent(Some(0.0001)), "<\u{202f}0.1\u{202f}%");
        assert_eq!(percent(Some(1.0)), "100\u{202f}%");
        assert_eq!(percent(Some(0.123)), "12.3\u{202f}%");
        assert_eq!(percent(Some(f64::NAN)), DASH);
    }

    #[test]
    fn counts_durations_and_bytes() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(duration(Some(0.44)), "0.4\u{202f}s");
        assert_eq!(duration(Some(59.7)), "1\u{202f}min 0\u{202f}s");
        assert_eq!(duration(Some(192.0)), "3\u{202f}min 12\u{202f}s");
        assert_eq!(duration(Some(7500.0)), "2\u{202f}h 5\u{202f}min");
        assert_eq!(duration(Some(f64::NAN)), DASH);
        assert_eq!(bytes(Some(1_340_000_000)), "1.34\u{202f}GB");
        assert_eq!(bytes(None), DASH);
    }

    #[test]
    fn positions_keep_three_digits() {
        assert_eq!(decimals_for(8.0), 2);
        assert_eq!(decimals_for(120.0), 0);
        assert_eq!(decimals_for(0.05), 4);
        assert_eq!(decimals_for(f64::NAN), 2);
    }
}
