//! Which network with which heads: the content of `network.json`.

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::error::{Error, Result, check_shape};

/// Version of the `network.json` that this crate writes.
pub const NETWORK_SCHEMA: u32 = 1;

/// One attribute that the network predicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The attribute; also in the names of the head's tensors.
    pub name: String,
    /// Number of classes.
    pub classes: usize,
    /// Several labels at once (one sigmoid a class) instead of exactly one (softmax).
    #[serde(default)]
    pub multi: bool,
}

impl Head {
    /// A head whose classes exclude each other.
    pub fn exclusive(name: impl Into<String>, classes: usize) -> Self {
        Head { name: name.into(), classes, multi: false }
    }

    /// A head whose classes may hold together.
    pub fn multi(name: impl Into<String>, classes: usize) -> Self {
        Head { name: name.into(), classes, multi: true }
    }
}

/// Everything that fixes a network's shape and its input.
///
/// **Example**
/// ```
/// use latentwalk_backbone::{Head, NetworkSpec};
/// let spec = NetworkSpec::new("small", 1, vec![Head::exclusive("category", 10)]);
/// assert!(spec.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Version of this description, see [`NETWORK_SCHEMA`].
    pub schema: u32,
    /// Name of a row of [`crate::ARCHITECTURES`].
    pub arch: String,
    /// Channels of the input images.
    pub in_channels: usize,
    /// Length of the FC vector; the row's own where absent.
    #[serde(default)]
    pub fc: Option<usize>,
    /// One head per attribute, in the order of targets and logits.
    pub heads: Vec<Head>,
    /// Mean that was subtracted from each channel, for pixels scaled to 0..1.
    pub mean: Vec<f32>,
    /// Standard deviation that each channel was divided by, for pixels scaled to 0..1.
    pub std: Vec<f32>,
}

impl NetworkSpec {
    /// A spec with the row's FC length and pixels that are used as they are (mean 0, deviation 1).
    pub fn new(arch: impl Into<String>, in_channels: usize, heads: Vec<Head>) -> Self {
        NetworkSpec {
            schema: NETWORK_SCHEMA,
            arch: arch.into(),
            in_channels,
            fc: None,
            heads,
            mean: vec![0.0; in_channels],
            std: vec![1.0; in_channels],
        }
    }

    /// Bytes of pixels as the network takes them: scaled to 0..1, less the mean, by the deviation.
    ///
    /// **Shapes** both `[b, h, w, c]`, channels last, `c` being [`NetworkSpec::in_channels`].
    ///
    /// # Panics
    /// Where the network has no channels.
    pub fn normalise(&self, bytes: &[u8], out: &mut [f32]) {
        // A byte has 256 values: dividing once for each of them is enough.
        let channel = |c: usize| -> [f32; 256] {
            std::array::from_fn(|value| (value as f32 / 255.0 - self.mean[c]) / self.std[c])
        };
        let channels: Vec<[f32; 256]> = (0..self.in_channels).map(channel).collect();
        let pixels = out.chunks_exact_mut(channels.len()).zip(bytes.chunks_exact(channels.len()));
        for (out, bytes) in pixels {
            for ((out, &byte), values) in out.iter_mut().zip(bytes).zip(&channels) {
                *out = values[usize::from(byte)];
            }
        }
    }

    /// Length of the FC vector.
    ///
    /// **Errors** [`Error::Unknown`].
    pub fn fc_len(&self) -> Result<usize> {
        Ok(self.fc.unwrap_or(Arch::named(&self.arch)?.fc))
    }

    /// Checks that a network can be built from the spec.
    ///
    /// **Errors** name the field, the head or the channel that is wrong.
    pub fn validate(&self) -> Result<()> {
        if self.fc_len()? == 0 {
            return Err(Error::setting("fc", 0, "at least 1"));
        }
        if self.in_channels == 0 {
            return Err(Error::setting("in_channels", 0, "at least 1"));
        }
        self.validate_channels("mean", &self.mean, "finite", f32::is_finite)?;
        self.validate_channels("std", &self.std, "finite and above 0", |v| v.is_finite() && v > 0.0)?;
        self.validate_heads()
    }

    fn validate_channels(&self, field: &str, values: &[f32], must: &str, good: impl Fn(f32) -> bool) -> Result<()> {
        let what = || format!("the list `{field}`, one value per input channel");
        check_shape(what, [self.in_channels], [values.len()])?;
        match values.iter().position(|&v| !good(v)) {
            Some(channel) => Err(Error::setting(format!("{field}[{channel}]"), values[channel], must)),
            None => Ok(()),
        }
    }

    fn validate_heads(&self) -> Result<()> {
        for (index, head) in self.heads.iter().enumerate() {
            if head.name.is_empty() {
                return Err(Error::setting("heads.name", "empty", "the head's name"));
            }
            let minimum = if head.multi { 1 } else { 2 };
            if head.classes < minimum {
                let what = format!("classes of head `{}`", head.name);
                return Err(Error::TooFew { what, got: head.classes, minimum });
            }
            if self.heads[..index].iter().any(|other| other.name == head.name) {
                let got = format!("`{}` for two heads", head.name);
                return Err(Error::setting("heads.name", got, "different for each"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn spec() -> NetworkSpec {
        NetworkSpec::new("small", 2, vec![Head::exclusive("kind", 3)])
    }

    #[test]
    fn bad_specs_name_the_culprit() {
        type Change = fn(&mut NetworkSpec);
        let cases: [(Change, &str); 8] = [
            (|s| s.arch = "vgg".into(), "vgg"),
            (|s| s.fc = Some(0), "`fc`"),
            (|s| s.in_channels = 0, "in_channels"),
            (|s| s.mean = vec![0.0], "the list `mean`, one value per input channel: the shape is [1], but must be [2]"),
            (|s| s.std[1] = 0.0, "`std[1]` is 0, but must be finite and above 0"),
            (|s| s.heads.push(Head::exclusive("kind", 4)), "`heads.name` is `kind` for two heads"),
            (|s| s.heads[0].classes = 1, "classes of head `kind`: 1, but at least 2"),
            (|s| s.heads[0].name.clear(), "heads.name"),
        ];
        assert!(spec().validate().is_ok());
        for (change, expected) in cases {
            let mut bad = spec();
            change(&mut bad);
            let message = bad.validate().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn pixels_are_normalised_channel_by_channel() {
        let spec = NetworkSpec {
            mean: vec![0.5, 0.25, 0.0],
            std: vec![0.5, 1.0, 2.0],
            ..NetworkSpec::new("small", 3, Vec::new())
        };
        let expected = [255.0, 0.0, 51.0].map(|byte: f32| byte / 255.0);
        let expected = [(expected[0] - 0.5) / 0.5, expected[1] - 0.25, expected[2] / 2.0];
        let mut pixels = [0.0; 6];
        spec.normalise(&[255, 0, 51, 255, 0, 51], &mut pixels);
        assert_eq!(pixels[..], [expected, expected].concat());
    }

    #[test]
    fn json_round_trips_and_refuses_unknown_keys() {
        let text = serde_json::to_string(&spec()).unwrap();
        assert_eq!(serde_json::from_str::<NetworkSpec>(&text).unwrap(), spec());
        let unknown = text.replacen("\"fc\"", "\"fcs\"", 1);
        assert!(serde_json::from_str::<NetworkSpec>(&unknown).unwrap_err().to_string().contains("fcs"));
    }
}
