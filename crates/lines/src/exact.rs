//! Numbers as decimal strings: `serde_json` reads bare ones to within one unit in the last place only.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    values.iter().map(f64::to_string).collect::<Vec<_>>().serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let number =
        |text: &String| text.parse::<f64>().map_err(|_| serde::de::Error::custom(format!("`{text}` is not a number")));
    texts.iter().map(number).collect()
}

/// Two of them.
pub(crate) mod pair {
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(pair: &(f64, f64), serializer: S) -> Result<S::Ok, S::Error> {
        super::serialize(&[pair.0, pair.1], serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(f64, f64), D::Error> {
        match super::deserialize(deserializer)?[..] {
            [low, high] => Ok((low, high)),
            _ => Err(serde::de::Error::custom("a slab has two borders")),
        }
    }
}

/// Several lists of them.
pub(crate) mod list {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Exact(#[serde(with = "super")] Vec<f64>);

    pub(crate) fn serialize<S: Serializer>(lists: &[Vec<f64>], serializer: S) -> Result<S::Ok, S::Error> {
        lists.iter().map(|list| Exact(list.clone())).collect::<Vec<_>>().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<f64>>, D::Error> {
        Ok(Vec::<Exact>::deserialize(deserializer)?.into_iter().map(|list| list.0).collect())
    }
}
