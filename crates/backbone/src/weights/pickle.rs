//! A reader for the pickles of torch's state dicts: it builds data and never runs anything.
//!
//! Python's pickle is a small machine whose instructions may call any function by name. This one knows the
//! instructions that state dicts use and a list of names ([`Name`]). Whatever else a pickle calls becomes a value of which
//! nothing is known but the name: training scripts keep settings and figures beside the weights. Names by which a pickle would
//! reach the system it refuses outright. Values live in one list and refer to each other by position, so that no nesting, however deep,
//! costs stack.

mod machine;

use super::numbers::Kind;

/// A value's position in [`Pickle::nodes`].
pub(super) type Id = usize;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// Something that weights do not need: None, numbers of no use, types, sets.
    Opaque,
    Bool(bool),
    Int(i128),
    Text(String),
    /// A tuple or a list.
    Sequence(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Name(Name),
    Storage(Storage),
    Tensor(View),
    /// A class or a function that is not known, or what would come of calling it: its name.
    Foreign(String),
}

/// Modules that no weights need, by which code would be run, files read or machines reached.
const REFUSED_MODULES: [&str; 36] = [
    "os",
    "posix",
    "nt",
    "subprocess",
    "sys",
    "runpy",
    "importlib",
    "imp",
    "shutil",
    "socket",
    "pty",
    "ctypes",
    "multiprocessing",
    "threading",
    "signal",
    "webbrowser",
    "code",
    "codeop",
    "pdb",
    "bdb",
    "timeit",
    "cProfile",
    "profile",
    "asyncio",
    "http",
    "urllib",
    "ftplib",
    "smtplib",
    "requests",
    "aiohttp",
    "pip",
    "pickle",
    "marshal",
    "dill",
    "operator",
    "functools",
];
/// What of Python's own names is data.
const BUILTINS: [&str; 12] =
    ["list", "dict", "tuple", "int", "float", "str", "bytes", "bytearray", "complex", "slice", "range", "object"];

/// What a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Dict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Storage(Kind),
    /// Data that is read over: types, devices, sets, bytes.
    Ignored,
    /// A class or function of which nothing is known.
    Foreign,
}

/// Numbers in a row, somewhere else in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) kind: Kind,
    /// First value, where the storage is a view of another.
    pub(super) offset: usize,
}

/// A tensor: where its values lie in a storage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    pub(super) storage: Storage,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// One pickle, read to its end.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Id,
    /// Bytes that it took.
    pub(super) len: usize,
}

impl Name {
    fn of(module: &str, name: &str) -> Option<Name> {
        Some(match (module, name) {
            ("collections", "OrderedDict" | "defaultdict") => Name::Dict,
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Name::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Name::RebuildParameter,
            ("torch", "Size") => Name::Size,
            ("torch" | "torch.cuda", storage) if storage.ends_with("Storage") => {
                Name::Storage(Kind::of_storage(storage)?)
            }
            ("torch", "device" | "float32" | "float64" | "float16" | "bfloat16" | "int64" | "float" | "double")
            | ("collections", "Counter")
            | ("_codecs", "encode")
            | ("__builtin__" | "builtins", "set" | "frozenset") => Name::Ignored,
            ("torch" | "torch.cuda", storage) if storage.ends_with("Storage") => return None,
            ("__builtin__" | "builtins", data) if BUILTINS.contains(&data) => Name::Foreign,
            ("__builtin__" | "builtins", _) => return None,
            _ if module.split('.').next().is_none_or(|root| REFUSED_MODULES.contains(&root)) => return None,
            _ => Name::Foreign,
        })
    }
}

impl Pickle {
    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    /// A dict's entries whose keys are texts.
    pub(super) fn entries(&self, id: Id) -> impl Iterator<Item = (&str, Id)> {
        let pairs: &[(Id, Id)] = if let Node::Dict(pairs) = self.node(id) { pairs } else { &[] };
        pairs.iter().filter_map(|&(key, value)| match self.node(key) {
            Node::Text(text) => Some((text.as_str(), value)),
            _ => None,
        })
    }

    /// The entry of a dict; the last one where a key stands twice, as in Python.
    pub(super) fn entry(&self, id: Id, key: &str) -> Option<Id> {
        self.entries(id).filter(|(name, _)| *name == key).last().map(|(_, value)| value)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::fault::CheckpointFault;
    use super::*;

    fn message(bytes: &[u8]) -> String {
        Pickle::read(bytes).unwrap_err().to_string()
    }

    #[test]
    fn python_twos_ordered_dicts_and_byte_strings_are_read() {
        // OrderedDict([["key", 7]]) as Python 2 writes it.
        let pickle = Pickle::read(b"\x80\x02ccollections\nOrderedDict\n](]U\x03keyK\x07ee\x85R.").unwrap_err();
        assert!(matches!(pickle, CheckpointFault::Malformed { .. }), "the inner list lacks its mark");
        let pickle = Pickle::read(b"\x80\x02ccollections\nOrderedDict\n](](U\x03keyK\x07ee\x85R.").unwrap();
        let value = pickle.entry(pickle.root, "key").unwrap();
        assert!(matches!(pickle.node(value), Node::Int(7)));
    }

    #[test]
    fn numbers_have_signs() {
        for (bytes, expected) in [
            (&b"J\xff\xff\xff\xff."[..], -1),
            (b"M\xff\xff.", 65_535),
            (b"\x8a\x02\x00\x80.", -32_768),
            (b"\x8a\x00.", 0),
            (b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", 0x1950_a86a_20f9_469c_fc6c),
        ] {
            let pickle = Pickle::read(bytes).unwrap();
            assert!(matches!(pickle.node(pickle.root), Node::Int(value) if *value == expected), "{bytes:?}");
        }
    }

    #[test]
    fn names_outside_the_list_are_refused_however_they_are_written() {
        assert!(message(b"cposix\nsystem\n(U\x02lstR.").contains("asks for `posix.system`"));
        assert!(message(b"\x8c\x08builtins\x8c\x04eval\x93.").contains("asks for `builtins.eval`"));
        assert!(message(b"ctorch\nQInt8Storage\n.").contains("asks for `torch.QInt8Storage`"));
        // The instructions that name a class and call it in one.
        assert!(message(b"(iposix\nsystem\n.").contains("instruction 0x69 at byte 1"));
        assert!(message(b"(cposix\nsystem\no.").contains("asks for `posix.system`"));
    }

    #[test]
    fn what_scripts_keep_beside_the_weights_is_passed_over() {
        // {"args": Namespace with a state, "best": a numpy scalar, "x": 7}
        let pickle = Pickle::read(
            b"\x80\x02}(U\x04argscargparse\nNamespace\n)\x81}U\x02lrG?\x84z\xe1G\xae\x14{sbU\x04bestcnumpy.core.multiarray\nscalar\n\
              cnumpy\ndtype\n(U\x02f8K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbU\x08abcdefgh\x86RU\x01xK\x07u.",
        )
        .unwrap();
        let entry = |key| pickle.node(pickle.entry(pickle.root, key).unwrap());
        assert!(matches!(entry("args"), Node::Foreign(name) if name == "argparse.Namespace"));
        assert!(matches!(entry("best"), Node::Foreign(name) if name == "numpy.core.multiarray.scalar"));
        assert!(matches!(entry("x"), Node::Int(7)));
    }

    #[test]
    fn nonsense_is_an_error() {
        for (bytes, expected) in [
            (&b""[..], "ends early"),
            (b"X\xff\xff\xff\xffabc", "ends early"),
            (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc", "ends early"),
            (b"cposix", "ends early"),
            (b".", "a value is missing"),
            (b"e", "a mark is missing"),
            (b"h\x05", "before it is made"),
            (b"}(K\x01u.", "a key has no value"),
            (b"K\x01K\x02a.", "no list or dict"),
            (b"K\x01Q.", "not to a storage"),
            (b"K\x01)R.", "cannot be"),
            (b"ctorch\nFloatStorage\n)R.", "cannot be"),
            (b"ctorch._utils\n_rebuild_tensor_v2\n)R.", "not made of storage"),
        ] {
            assert!(message(bytes).contains(expected), "{bytes:?}: {}", message(bytes));
        }
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let mut bytes = vec![b']'; 300_000];
        bytes.extend(vec![b'a'; 299_999]);
        bytes.push(b'.');
        assert_eq!(Pickle::read(&bytes).unwrap().nodes.len(), 300_000);
    }
}
