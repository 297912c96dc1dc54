//! A network in a folder.

use std::path::Path;

use super::model::Network;
use crate::device::BackboneDevice;
use crate::error::{Error, Result};
use crate::spec::{NETWORK_SCHEMA, NetworkSpec};
use crate::state::{content, decode, encode, read, write_whole};

/// The spec's file in a network's folder.
pub const NETWORK_FILE: &str = "network.json";
/// The weights' file in a network's folder.
pub const WEIGHTS_FILE: &str = "model.safetensors";

impl Network {
    /// Writes [`NETWORK_FILE`] and [`WEIGHTS_FILE`] into an existing folder; equal networks give equal bytes.
    ///
    /// The tensors have torchvision's names; `torch.nn.Module.load_state_dict` takes them as they are.
    ///
    /// **Errors** [`Error::Io`].
    pub fn save(&self, dir: &Path) -> Result<()> {
        let path = dir.join(WEIGHTS_FILE);
        let weights = encode(&self.state()?, None).map_err(|error| content(&path, error))?;
        write_whole(&path, &weights)?;
        let path = dir.join(NETWORK_FILE);
        let mut text = serde_json::to_vec_pretty(&self.spec).map_err(|error| content(&path, error))?;
        text.push(b'\n');
        write_whole(&path, &text)
    }

    /// Reads a network that [`Network::save`] wrote.
    ///
    /// **Errors** a missing or damaged file, a newer schema, a tensor that is missing, unexpected, of another shape
    /// or not finite.
    pub fn load(dir: &Path, device: &BackboneDevice) -> Result<Self> {
        let path = dir.join(NETWORK_FILE);
        let spec: NetworkSpec = serde_json::from_slice(&read(&path)?).map_err(|error| content(&path, error))?;
        if spec.schema > NETWORK_SCHEMA {
            return Err(Error::NewerSchema { path, got: spec.schema, newest: NETWORK_SCHEMA });
        }
        let mut network = Network::new(spec, 0, device)?;
        let path = dir.join(WEIGHTS_FILE);
        let state = decode(&path, &read(&path)?)?;
        network.check_state(&state).map_err(|error| content(&path, error))?;
        network.set_state(state)?;
        Ok(network)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{network, told};

    #[test]
    fn saving_is_deterministic_and_loading_exact() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let net = network(5);
        net.save(a.path()).unwrap();
        network(5).save(b.path()).unwrap();
        for file in [NETWORK_FILE, WEIGHTS_FILE] {
            assert_eq!(std::fs::read(a.path().join(file)).unwrap(), std::fs::read(b.path().join(file)).unwrap());
        }
        let loaded = Network::load(a.path(), &BackboneDevice::cpu()).unwrap();
        assert_eq!((loaded.spec(), loaded.parameters()), (net.spec(), net.parameters()));
        assert_eq!(loaded.state().unwrap(), net.state().unwrap());
        assert_ne!(loaded.state().unwrap(), network(6).state().unwrap());
    }

    #[test]
    fn foreign_or_damaged_files_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let message = |dir: &Path| told(&Network::load(dir, &BackboneDevice::cpu()).unwrap_err());
        assert!(message(dir.path()).contains(NETWORK_FILE));
        network(5).save(dir.path()).unwrap();
        let json = dir.path().join(NETWORK_FILE);
        let text = std::fs::read_to_string(&json).unwrap();
        std::fs::write(&json, text.replace("\"schema\": 1", "\"schema\": 9")).unwrap();
        assert!(message(dir.path()).contains("schema 9 is newer than 1"));
        std::fs::write(&json, text.replace("\"kind\"", "\"sort\"")).unwrap();
        assert!(message(dir.path()).contains("`heads.sort.bias` is missing"));
        std::fs::write(&json, text.replace("\"classes\": 3", "\"classes\": 4")).unwrap();
        assert!(message(dir.path()).contains("has shape [3]"));
        std::fs::write(&json, &text).unwrap();
        let weights = dir.path().join(WEIGHTS_FILE);
        let bytes = std::fs::read(&weights).unwrap();
        std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
        assert!(message(dir.path()).contains(WEIGHTS_FILE));
        std::fs::remove_file(&weights).unwrap();
        assert!(message(dir.path()).contains("cannot read"));
    }
}
