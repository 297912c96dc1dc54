//! Descriptions that travel inside the binary.

/// The built-in descriptions: name, text, and the files that it names.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "fashion-mnist",
        text: include_str!("../../../../fixtures/fashion-mnist/fashion-mnist.toml"),
        files: &[
            (
                "t10k-images-idx3-ubyte.gz",
                include_bytes!("../../../../fixtures/fashion-mnist/t10k-images-idx3-ubyte.gz") as &[u8],
            ),
            (
                "t10k-labels-idx1-ubyte.gz",
                include_bytes!("../../../../fixtures/fashion-mnist/t10k-labels-idx1-ubyte.gz"),
            ),
        ],
        needs_files: false,
    },
    BuiltIn {
        name: "garments",
        text: include_str!("../../../../fixtures/garments/garments.toml"),
        files: &[],
        needs_files: false,
    },
    BuiltIn {
        name: "fashion-mnist-60k",
        text: include_str!("../../../../fixtures/fashion-mnist/fashion-mnist-60k.toml"),
        files: &[],
        needs_files: true,
    },
    BuiltIn {
        name: "imaterialist",
        text: include_str!("../../../../fixtures/imaterialist/imaterialist.toml"),
        files: &[],
        needs_files: true,
    },
];

/// A description whose text travels inside the binary, with its data or without.
pub struct BuiltIn {
    /// What the user calls it.
    pub name: &'static str,
    /// The description's TOML.
    pub text: &'static str,
    /// File names of the description and their content, where they are embedded.
    pub files: &'static [(&'static str, &'static [u8])],
    /// Whether the user has to name a folder with files.
    pub needs_files: bool,
}
