//! The keys of state dicts.

/// Keys under which training scripts keep a state dict. Averaged weights come first: they are the ones to use.
///
/// **Source** the order is timm's (`timm/models/_helpers.py`, `load_state_dict`).
pub(super) const WRAPPERS: [&str; 5] = ["state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model"];

/// Whose names the tensors had in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStyle {
    /// Those of torchvision, which timm's ResNets have too.
    Torchvision,
    /// Those of transformers.
    Transformers,
}

/// torch's counters: nothing uses them.
pub(super) fn ignored(name: &str) -> bool {
    name.ends_with("num_batches_tracked")
}
