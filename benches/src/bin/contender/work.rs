//! The names of the rows.

use anyhow::{Context as _, Result, bail};

/// How a network computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    F32,
    /// On a card only.
    Tf32,
    Bf16,
}

impl Precision {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Tf32 => "tf32",
            Precision::Bf16 => "bf16",
        }
    }
}

/// One piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Work {
    /// `resnet50 f32 224 b8`: vectors of random pixels.
    Infer { arch: String, precision: Precision, side: usize, batch: usize },
    /// `memory b32`: the same for ResNet-50 at 224 pixels in `f32`; the answer is the peak of resident memory.
    Memory { batch: usize },
    /// `product f32`: one large matrix product.
    Product { precision: Precision },
    /// `jpeg`, `jpeg scaled`: files to normalised pixels.
    Jpeg { scaled: bool },
    /// `extract f32`, `extract f32 process`: files to Parquet by the real command, without and with its start.
    Extract { precision: Precision, start: bool },
    /// `train resnet18 64 b64`, `train resnet50 224 b64 bf16`: training steps.
    Train { arch: String, side: usize, batch: usize, precision: Precision },
}

impl Work {
    /// **Errors** a name that no row has.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        let words: Vec<&str> = name.split(' ').collect();
        Ok(match words[..] {
            ["jpeg"] => Work::Jpeg { scaled: false },
            ["jpeg", "scaled"] => Work::Jpeg { scaled: true },
            ["extract", kind] => Work::Extract { precision: precision(kind)?, start: false },
            ["extract", kind, "process"] => Work::Extract { precision: precision(kind)?, start: true },
            ["product", kind] => Work::Product { precision: precision(kind)? },
            ["memory", size] => Work::Memory { batch: batch(size)? },
            ["train", arch, side, size] => train(arch, side, size, "f32")?,
            ["train", arch, side, size, kind] => train(arch, side, size, kind)?,
            [arch, kind, side, size] => Work::Infer {
                arch: arch.to_owned(),
                precision: precision(kind)?,
                side: side.parse()?,
                batch: batch(size)?,
            },
            _ => bail!("`{name}` is no work"),
        })
    }
}

fn train(arch: &str, side: &str, size: &str, kind: &str) -> Result<Work> {
    Ok(Work::Train { arch: arch.to_owned(), side: side.parse()?, batch: batch(size)?, precision: precision(kind)? })
}

fn precision(word: &str) -> Result<Precision> {
    match word {
        "f32" => Ok(Precision::F32),
        "tf32" => Ok(Precision::Tf32),
        "bf16" => Ok(Precision::Bf16),
        _ => bail!("`{word}` is no precision; give f32, bf16 or, on a card, tf32"),
    }
}

fn batch(word: &str) -> Result<usize> {
    let size = word.strip_prefix('b').and_then(|digits| digits.parse().ok());
    size.with_context(|| format!("`{word}` is no batch size; give one as b32"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn rows_are_understood_by_their_names() {
        let infer = Work::Infer { arch: "resnet50".to_owned(), precision: Precision::Bf16, side: 224, batch: 8 };
        assert_eq!(Work::parse("resnet50 bf16 224 b8").unwrap(), infer);
        let train = |precision| Work::Train { arch: "small".to_owned(), side: 32, batch: 64, precision };
        assert_eq!(Work::parse("train small 32 b64").unwrap(), train(Precision::F32));
        assert_eq!(Work::parse("train small 32 b64 tf32").unwrap(), train(Precision::Tf32));
        assert_eq!(Work::parse("jpeg scaled").unwrap(), Work::Jpeg { scaled: true });
        let extract = Work::Extract { precision: Precision::F32, start: true };
        assert_eq!(Work::parse("extract f32 process").unwrap(), extract);
        assert_eq!(Work::parse("memory b32").unwrap(), Work::Memory { batch: 32 });
        for bad in ["", "resnet50", "resnet50 f16 224 b8", "memory 32", "train small big b64"] {
            assert!(Work::parse(bad).is_err(), "{bad}");
        }
    }
}
