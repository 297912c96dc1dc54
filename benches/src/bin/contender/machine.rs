//! What the machine can do.

use serde_json::{Value, json};

use crate::session::Unsupported;
use crate::work::Precision;

/// The facts that the bench prints above its table.
pub(crate) fn described() -> Value {
    json!({"instruction_set": format!("{:?}", latentwalk_engine::instruction_set()), "bf16": bf16()})
}

/// Whether the processor computes in this precision by itself.
///
/// **Errors** [`Unsupported`].
pub(crate) fn check(precision: Precision) -> Result<(), Unsupported> {
    match precision {
        Precision::Bf16 if bf16().is_empty() => {
            Err(Unsupported("this processor has neither AMX-BF16 nor AVX512-BF16".to_owned()))
        }
        Precision::Tf32 => Err(Unsupported("no processor multiplies in tf32".to_owned())),
        _ => Ok(()),
    }
}

/// The processor's instructions for `bf16`.
#[cfg(target_arch = "x86_64")]
fn bf16() -> Vec<&'static str> {
    use std::arch::x86_64::{__cpuid, __cpuid_count};

    let highest = __cpuid(0).eax;
    let amx = highest >= 7 && __cpuid_count(7, 0).edx & (1 << 22) != 0;
    let known = [("AMX-BF16", amx), ("AVX512-BF16", is_x86_feature_detected!("avx512bf16"))];
    known.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn bf16() -> Vec<&'static str> {
    Vec::new()
}

/// Most memory that this process has held, in MB.
///
/// **Errors** [`Unsupported`] where the system does not tell it as Linux does.
pub(crate) fn peak_mb() -> Result<f64, Unsupported> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map(|kib| kib * 1024.0 / 1e6)
        .ok_or_else(|| Unsupported("this system does not tell a process's peak memory".to_owned()))
}
