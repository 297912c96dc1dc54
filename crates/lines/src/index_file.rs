//! An index on disk: the library's two files and a description that says whether they may be read.
//!
//! The library panics or exits on damaged files, so their sizes and checksums are compared before it sees them. Its format
//! depends on the machine's byte order and word size: this is a cache and no interchange format.

use std::fs;
use std::path::Path;

use hnsw_rs::prelude::{AnnT, HnswIo};
use latentwalk_arithmetic::Fnv;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, content, io};
use crate::index::{HnswIndex, HnswOptions, SquaredL2};
use crate::space::Space;

const VERSION: u32 = 1;
const LIBRARY: &str = "hnsw_rs 0.3";
const BASENAME: &str = "lines";
const DESCRIPTION: &str = "lines.hnsw.json";
const FILES: [&str; 2] = ["lines.hnsw.graph", "lines.hnsw.data"];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    library: String,
    machine: String,
    rows: usize,
    axes: usize,
    options: HnswOptions,
    /// Hash of the mapped rows, hexadecimal.
    fingerprint: String,
    files: Vec<FileState>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileState {
    name: String,
    bytes: u64,
    checksum: String,
}

impl HnswIndex {
    /// Writes the index into a folder, which is made if it is missing; earlier files of an index are replaced.
    ///
    /// The description is written last: a folder without it holds no index. **Errors.** A file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).map_err(|source| io(folder, source))?;
        remove_old(folder)?;
        let named = self.graph.file_dump(folder, BASENAME).map_err(|reason| {
            // The library's error is no `std::io::Error`; that one takes it along.
            io(folder, std::io::Error::other(Box::<dyn std::error::Error + Send + Sync>::from(reason)))
        })?;
        expect(folder, "the base name", BASENAME, &named)?;
        let files = FILES.iter().map(|name| state(folder, name)).collect::<Result<_>>()?;
        let description = Description {
            version: VERSION,
            library: LIBRARY.into(),
            machine: machine(),
            rows: self.n,
            axes: self.k,
            options: self.options,
            fingerprint: hex(self.fingerprint),
            files,
        };
        let path = folder.join(DESCRIPTION);
        let json = serde_json::to_vec_pretty(&description).map_err(|error| content(&path, error))?;
        fs::write(&path, json).map_err(|source| io(&path, source))
    }

    /// Reads what [`HnswIndex::save`] wrote, for the space that it was built over.
    ///
    /// The folder may have been moved. Each load leaks the library's reader (a path and a name, some hundred bytes),
    /// which the graph borrows for life; no memory map is used.
    ///
    /// **Errors.** Missing, damaged or foreign files, another version, an index over other rows, another number of
    /// rows or axes, a machine of another byte order or word size.
    pub fn load(folder: &Path, space: &Space) -> Result<Self> {
        let path = folder.join(DESCRIPTION);
        let json = fs::read(&path).map_err(|source| io(&path, source))?;
        let description: Description = serde_json::from_slice(&json).map_err(|error| content(&path, error))?;
        check(&path, &description, space)?;
        for (name, saved) in FILES.iter().zip(&description.files) {
            let found = state(folder, name)?;
            let file = folder.join(name);
            expect(&file, "bytes", saved.bytes, found.bytes)?;
            expect(&file, "checksum", &saved.checksum, &found.checksum)?;
        }
        let reader: &'static mut HnswIo = Box::leak(Box::new(HnswIo::new(folder, BASENAME)));
        let mut graph = reader.load_hnsw::<f32, SquaredL2>().map_err(|reason| content(folder, reason))?;
        expect(&path, "rows in the graph", space.len(), graph.get_nb_point())?;
        graph.set_searching_mode(true);
        let options = description.options;
        Ok(Self { graph, options, n: space.len(), k: space.width(), fingerprint: space.fingerprint() })
    }
}

fn check(path: &Path, description: &Description, space: &Space) -> Result<()> {
    expect(path, "version", VERSION, description.version)?;
    expect(path, "library", LIBRARY, &description.library)?;
    expect(path, "machine", machine(), &description.machine)?;
    expect(path, "rows", space.len(), description.rows)?;
    expect(path, "axes", space.width(), description.axes)?;
    expect(path, "fingerprint of the rows", hex(space.fingerprint()), &description.fingerprint)?;
    let names: Vec<&str> = description.files.iter().map(|file| file.name.as_str()).collect();
    expect(path, "files", FILES.join(" "), names.join(" "))?;
    description.options.check()
}

fn expect<E: ToString, G: ToString>(path: &Path, what: &'static str, expected: E, got: G) -> Result<()> {
    let (expected, got) = (expected.to_string(), got.to_string());
    if expected == got { Ok(()) } else { Err(Error::Mismatch { path: path.to_path_buf(), what, expected, got }) }
}

/// The library picks another name when its files exist, and panics when it cannot create them: both are settled here.
fn remove_old(folder: &Path) -> Result<()> {
    let description = folder.join(DESCRIPTION);
    if description.exists() {
        fs::remove_file(&description).map_err(|source| io(&description, source))?;
    }
    for path in FILES.map(|name| folder.join(name)) {
        fs::File::create(&path).map_err(|source| io(&path, source))?;
        fs::remove_file(&path).map_err(|source| io(&path, source))?;
    }
    Ok(())
}

fn state(folder: &Path, name: &str) -> Result<FileState> {
    let path = folder.join(name);
    let bytes = fs::read(&path).map_err(|source| io(&path, source))?;
    let checksum = hex(Fnv::new().bytes(&bytes).value());
    Ok(FileState { name: name.into(), bytes: bytes.len() as u64, checksum })
}

fn machine() -> String {
    let order = if cfg!(target_endian = "little") { "little" } else { "big" };
    format!("{order}-endian {}-bit", usize::BITS)
}

fn hex(value: u64) -> String {
    format!("{value:016x}")
}
