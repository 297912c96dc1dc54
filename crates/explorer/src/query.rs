//! The part of an address behind the question mark; a key may come several times.

use crate::error::{Error, Result};

/// Keys and values, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    pub(crate) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    pub(crate) fn first<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        self.all(key).next()
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>> {
        let parse = |text: &str| text.parse().map_err(|_| Error::Asked(format!("`{key}={text}` is no whole number")));
        self.first(key).map(parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_come_several_times_and_values_are_decoded() {
        let query = Query::parse("label=sleeve:long&label=a%20b%3A%C3%BC&q=x+y&seed=5&empty=&bare&bad=%zz%4");
        assert_eq!(query.all("label").collect::<Vec<_>>(), ["sleeve:long", "a b:ü"]);
        assert_eq!((query.first("q"), query.first("empty"), query.first("bare")), (Some("x y"), Some(""), Some("")));
        assert_eq!((query.first("bad"), query.first("none")), (Some("%zz%4"), None));
        assert_eq!(query.number::<u64>("seed").unwrap(), Some(5));
        assert!(query.number::<u64>("q").unwrap_err().to_string().contains("q=x y"));
        assert_eq!(Query::parse(""), Query(Vec::new()));
    }
}
