//! JSON has no NaN: it is written as `null`, and these readers turn that back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serializer};

/// Reads a number, `null` as NaN.
pub(crate) fn nan_if_null<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(input)?.unwrap_or(f64::NAN))
}

/// Reads named numbers, `null` as NaN.
pub(crate) fn pairs<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<(String, f64)>, D::Error> {
    let read = Vec::<(String, Option<f64>)>::deserialize(input)?;
    Ok(read.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}

/// Reads named lists of numbers, `null` as NaN.
pub(crate) fn curves<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<(String, Vec<f64>)>, D::Error> {
    let read = Vec::<(String, Vec<Option<f64>>)>::deserialize(input)?;
    let numbers = |list: Vec<Option<f64>>| list.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect();
    Ok(read.into_iter().map(|(name, list)| (name, numbers(list))).collect())
}

/// Reads numbers, `null` as NaN.
pub(crate) fn list<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<f64>, D::Error> {
    let read = Vec::<Option<f64>>::deserialize(input)?;
    Ok(read.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// Bytes as base64 text, a third of the size of a list of numbers.
pub(crate) mod bytes {
    use super::{Deserialize, Deserializer, Engine, STANDARD, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], output: S) -> Result<S::Ok, S::Error> {
        output.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(input)?).map_err(serde::de::Error::custom)
    }
}
