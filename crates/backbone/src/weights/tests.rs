//! Real files of torch, and files with every fault; `fixtures/golden/backbone/parity.py` made them.

use std::path::PathBuf;

use super::*;
use crate::arch::Layout;
use crate::device::BackboneDevice;
use crate::network::Network;
use crate::network::parity::weights;
use crate::spec::{Head, NetworkSpec};
use crate::state::encode;
use crate::testing::told;

fn fixture(name: &str) -> PathBuf {
    latentwalk_testing::fixture("golden/backbone/checkpoints").join(name)
}

fn message(path: &Path) -> String {
    told(&read_checkpoint(path).unwrap_err())
}

/// The message for a file with this content.
fn message_of(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file.pth");
    std::fs::write(&path, bytes).unwrap();
    let message = message(&path);
    assert!(message.contains("file.pth"), "{message}");
    message
}

/// The tensors that the script put into every fixture.
fn tiny() -> Arrays {
    let shapes: [(&str, &[usize]); 9] = [
        ("conv1.weight", &[2, 1, 3, 3]),
        ("bn1.weight", &[2]),
        ("bn1.bias", &[2]),
        ("bn1.running_mean", &[2]),
        ("bn1.running_var", &[2]),
        ("layer1.0.conv1.weight", &[2, 2, 3, 3]),
        ("layer1.0.downsample.0.weight", &[2, 2, 1, 1]),
        ("fc.weight", &[3, 2]),
        ("fc.bias", &[3]),
    ];
    let mut arrays: Arrays = shapes.iter().map(|(name, shape)| ((*name).to_owned(), weights(name, shape))).collect();
    arrays.get_mut("bn1.running_var").unwrap().values.iter_mut().for_each(|v| *v = v.abs() + 1.0);
    arrays
}

#[test]
fn every_form_gives_the_same_tensors() {
    use CheckpointFormat::{Safetensors, TorchLegacy, TorchZip};
    let cases = [
        ("zip.pth", TorchZip, None),
        ("legacy.pth", TorchLegacy, None),
        ("wrapped.pth", TorchZip, Some("state_dict")),
        ("averaged.pth", TorchLegacy, Some("state_dict_ema")),
        ("nested.pth", TorchZip, Some("state_dict")),
        ("double.pth", TorchZip, None),
        ("parameters.pth", TorchZip, None),
        ("protocol4.pth", TorchZip, None),
        ("transformers", Safetensors, None),
    ];
    for (name, format, wrapper) in cases {
        let checkpoint = read_checkpoint(&fixture(name)).unwrap();
        assert_eq!((checkpoint.format(), checkpoint.wrapper()), (format, wrapper), "{name}");
        let transformers = checkpoint.style() == KeyStyle::Transformers;
        assert_eq!(transformers, name == "transformers");
        assert_eq!(checkpoint.arrays, tiny(), "{name}");
    }
}

#[test]
fn short_floats_give_rounded_tensors() {
    // Half a unit in the last of 11 and of 8 bits.
    for (name, tolerance) in
        [("half.pth", 1.0 / 2048.0), ("timm.safetensors", 1.0 / 2048.0), ("bfloat16.pth", 1.0 / 256.0)]
    {
        let checkpoint = read_checkpoint(&fixture(name)).unwrap();
        for (tensor, expected) in tiny() {
            let got = &checkpoint.arrays[&tensor];
            assert_eq!(got.shape, expected.shape);
            let close = |(a, b): (&f32, &f32)| (a - b).abs() <= tolerance * b.abs() + 1e-7;
            assert!(got.values.iter().zip(&expected.values).all(close), "{name}: {tensor}");
        }
    }
}

#[test]
fn views_of_shared_storages_are_unfolded() {
    let mut expected = tiny();
    let bias = &mut expected.get_mut("bn1.bias").unwrap().values;
    bias[1] = bias[0];
    for name in ["views.pth", "views-legacy.pth"] {
        assert_eq!(read_checkpoint(&fixture(name)).unwrap().arrays, expected, "{name}");
    }
}

#[test]
fn code_is_refused_by_name() {
    for (name, global) in [
        ("malicious.pth", ".system`"),
        ("malicious-legacy.pth", ".system`"),
        ("module.pth", "`torch.nn.modules.linear.Linear`"),
    ] {
        let message = message(&fixture(name));
        assert!(message.contains(global) && message.contains(name), "{message}");
        assert!(message.contains("torch.save(model.state_dict(), path)"), "{message}");
    }
}

#[test]
fn what_is_no_checkpoint_is_named() {
    let zip = [&b"PK\x05\x06"[..], &[0; 18]].concat();
    let cases: [(&[u8], &str); 9] = [
        (b"", "an empty file"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"\x1f\x8b\x08\0", "a gzip file"),
        (b"not a checkpoint at all", "something else"),
        (&[b"PK\x03\x04", zip.as_slice()].concat(), "without torch's `data.pkl`"),
        (b"\x80\x02}q\0.", "a pickle that `torch.save` did not write"),
        (b"\x20\0\0\0\0\0\0\0{\"a\":", "not a valid safetensors file"),
        (b"\x02\0\0\0\0\0\0\0{}", "holds no state dict"),
    ];
    for (bytes, expected) in cases {
        assert!(message_of(bytes).contains(expected), "{}", message_of(bytes));
    }
    let message = message(&fixture("no-weights.pth"));
    assert!(message.contains("its keys are `epoch`, `notes`") && message.contains("`state_dict_ema`"), "{message}");
}

#[test]
fn missing_files_and_empty_folders_are_named() {
    let dir = tempfile::tempdir().unwrap();
    assert!(message(dir.path()).contains("neither of model.safetensors, pytorch_model.bin"));
    assert!(message(&dir.path().join("gone.pth")).contains("gone.pth"));
}

#[test]
fn damaged_files_never_give_other_tensors() {
    for name in ["zip.pth", "legacy.pth", "timm.safetensors"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let read = |bytes: &[u8]| parse(bytes).map(|(_, state)| state.arrays);
        for cut in (0..whole.len()).step_by(7) {
            assert!(read(&whole[..cut]).is_err(), "{name} cut at {cut}");
        }
        // Any error will do, and so will other tensors where no checksum guards them: never a panic.
        let (original, mut silent) = (read(&whole).unwrap(), 0);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            silent += usize::from(read(&bytes).is_ok_and(|arrays| arrays != original));
        }
        assert!(name != "zip.pth" || silent == 0, "{silent} changed bytes went unseen");
    }
    let whole = std::fs::read(fixture("zip.pth")).unwrap();
    assert!(message_of(&whole[..whole.len() / 2]).contains("cut short"));
    let whole = std::fs::read(fixture("legacy.pth")).unwrap();
    assert!(message_of(&whole[..whole.len() - 3]).contains("cut short"));
}

#[test]
fn values_that_are_no_weights_name_their_tensor() {
    let nan = message(&fixture("nan.pth"));
    assert!(nan.contains("nan.pth") && nan.contains("`fc.bias` holds NaN"), "{nan}");
    let file = |change: fn(&mut Arrays)| {
        let mut arrays = tiny();
        change(&mut arrays);
        message_of(&encode(&arrays, None).unwrap())
    };
    let negative = file(|arrays| arrays.get_mut("bn1.running_var").unwrap().values[1] = -0.5);
    assert!(negative.contains("`bn1.running_var` holds a negative variance"), "{negative}");
    let infinite = file(|arrays| arrays.get_mut("fc.weight").unwrap().values[1] = f32::INFINITY);
    assert!(infinite.contains("`fc.weight` holds NaN or infinite"), "{infinite}");
}

#[test]
fn settings_that_leave_no_trace_in_the_weights_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["model.safetensors", "config.json"] {
        std::fs::copy(fixture("transformers").join(file), dir.path().join(file)).unwrap();
    }
    assert!(read_checkpoint(dir.path()).is_ok());
    std::fs::write(dir.path().join("config.json"), "{\"downsample_in_bottleneck\": true}").unwrap();
    assert!(message(dir.path()).contains("`downsample_in_bottleneck`"));
}

fn spec(arch: &str) -> NetworkSpec {
    NetworkSpec { fc: Some(12), ..NetworkSpec::new(arch, 2, vec![Head::exclusive("kind", 3)]) }
}

/// A network's state as somebody else's checkpoint.
fn saved(spec: NetworkSpec, seed: u64) -> Arrays {
    let mut state = Network::new(spec, seed, &BackboneDevice::cpu()).unwrap().state().unwrap();
    for (name, array) in &mut state {
        if name.contains("running") {
            array.values.iter_mut().enumerate().for_each(|(i, v)| *v += 0.01 * i as f32);
        }
    }
    state
}

fn load(spec: NetworkSpec, arrays: Arrays) -> Result<(Network, LoadReport)> {
    Network::pretrained(spec, 9, &Checkpoint::of(arrays), &BackboneDevice::cpu())
}

#[test]
fn a_whole_checkpoint_becomes_the_network() {
    let state = saved(spec("small"), 1);
    let (network, report) = load(spec("small"), state.clone()).unwrap();
    assert_eq!(network.state().unwrap(), state);
    assert_eq!(report, LoadReport { matched: state.keys().cloned().collect(), ..Default::default() });
    let device = BackboneDevice::cpu();
    let moved = Network::of_checkpoint(spec("small"), 0, Checkpoint::of(state.clone()), &device).unwrap();
    assert_eq!((moved.0.state().unwrap(), moved.1), (state, report));
}

#[test]
fn other_tops_start_from_the_seed() {
    let mut state = saved(spec("small"), 1);
    state.insert("aux.weight".into(), Array { shape: vec![1], values: vec![0.5] });
    let wider = NetworkSpec { fc: Some(20), ..spec("small") };
    let heads = vec![Head::exclusive("kind", 3), Head::multi("style", 4)];
    let (network, report) = load(NetworkSpec { heads, ..wider.clone() }, state.clone()).unwrap();
    let replaced: Vec<_> = report.replaced.iter().map(|r| r.name.as_str()).collect();
    // The head's bias would fit, but not its weight.
    assert_eq!(replaced, ["fc.bias", "fc.weight", "heads.kind.bias", "heads.kind.weight"]);
    assert_eq!((&report.replaced[0].in_file[..], &report.replaced[0].in_network[..]), (&[12][..], &[20][..]));
    assert_eq!(report.missing, ["heads.style.bias", "heads.style.weight"]);
    assert_eq!(report.unexpected, ["aux.weight"]);
    assert_eq!(report.matched.len() + 4 + 1, state.len());
    // The fresh layers are those of a new network with this seed.
    let fresh = Network::new(wider, 9, &BackboneDevice::cpu()).unwrap().state().unwrap();
    let got = network.state().unwrap();
    for name in replaced {
        assert_eq!(got[name], fresh[name], "{name}");
    }
    assert_eq!(got["layer4.0.conv2.weight"], state["layer4.0.conv2.weight"]);
    assert_eq!(got["bn1.running_var"], state["bn1.running_var"]);
}

#[test]
fn another_architecture_is_named_with_a_hint() {
    let message = |spec: NetworkSpec, arrays: Arrays| told(&load(spec, arrays).unwrap_err());
    let text = message(spec("medium"), saved(spec("small"), 1));
    assert!(
        text.contains("made-up.safetensors: they do not fit `medium`, but look like `small`: tensor `bn1.bias` has"),
        "{text}"
    );
    assert!(text.contains("shape [16] but the network needs [24]"), "{text}");
    assert!(text.contains("hint: choose the architecture `small`"), "{text}");
    // All of ResNet-18's tensors are in a ResNet-34 with the right shapes, and yet it is another network.
    let text = message(spec("resnet18"), saved(spec("resnet34"), 1));
    assert!(
        text.contains("`layer1.2.bn1.bias` is not part of the network")
            && text.contains("choose the architecture `resnet34`"),
        "{text}"
    );
    let mut short = saved(spec("small"), 1);
    short.remove("layer2.0.bn1.running_mean");
    let text = message(spec("small"), short);
    assert!(text.contains("`layer2.0.bn1.running_mean` is missing"), "{text}");
    let mut foreign = saved(spec("small"), 1);
    foreign.insert("layer1.0.se.fc1.weight".into(), Array { shape: vec![1], values: vec![0.0] });
    assert!(message(spec("small"), foreign).contains("`layer1.0.se.fc1.weight` is not part"));
    let grey = NetworkSpec { fc: Some(12), ..NetworkSpec::new("small", 1, vec![]) };
    let text = message(grey, saved(spec("small"), 1));
    assert!(text.contains("images of 2 channels, and the images have 1\nhint: set `images.channels` = 2"), "{text}");
}

/// A checkpoint of which only the shapes matter.
fn shapes(spec: &NetworkSpec) -> Checkpoint {
    let parameters = Layout::of(spec).unwrap().parameters().into_iter();
    Checkpoint::of(parameters.map(|p| (p.name, Array { shape: p.shape, values: Vec::new() })).collect())
}

#[test]
fn every_architecture_is_known_by_its_shapes() {
    for arch in &crate::ARCHITECTURES {
        let checkpoint = shapes(&NetworkSpec::new(arch.name, 3, vec![]));
        assert_eq!(detect_arch(&checkpoint), Some(arch.name));
        assert_eq!((checkpoint.in_channels(), checkpoint.fc_len()), (Some(3), Some(1000)));
    }
    let mut resnext = shapes(&NetworkSpec::new("resnet50", 3, vec![]));
    resnext.arrays.get_mut("layer1.0.conv2.weight").unwrap().shape[1] = 4;
    assert_eq!(detect_arch(&resnext), None);
    assert_eq!(detect_arch(&Checkpoint::of(Arrays::new())), None);
}
