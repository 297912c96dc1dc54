//! Making a result: one maker a key, a temporary folder, and a commit that is whole or does not happen.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::disk::{create_folder, hash_reader, parent, remove_folder, sync_folder, tree, write_synced};
use crate::error::{Error, Result, io_at};
use crate::key::Key;
use crate::lock::Lock;
use crate::manifest::{Commit, FileEntry, MANIFEST, Manifest};
use crate::problem::Problem;
use crate::recipe::Recipe;
use crate::store::{Artifact, Found, Kind, Store, check_stage};

/// What [`Store::begin`] found: a result that is ready, or leave to make it.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one value a stage: a Box would save nothing")]
pub enum Begin {
    /// The result is there, made earlier or by another process meanwhile.
    Ready(Artifact),
    /// The result is to be made, by nobody but the holder of this.
    Make(Pending),
}

/// A result being made. Dropped without [`Pending::commit`], it leaves nothing but its partial work.
#[derive(Debug)]
pub struct Pending {
    store: Store,
    recipe: Recipe,
    key: Key,
    dir: PathBuf,
    damaged: Option<Problem>,
    committed: bool,
    _lock: Lock,
}

impl Store {
    /// Finds the result of a recipe or takes the right to make it; waits while another process makes the same one.
    ///
    /// A thread that holds a [`Pending`] and asks for the same recipe again waits for itself, for ever.
    ///
    /// **Errors**: [`Error::Text`], [`Error::Newer`], [`Error::Io`], [`Error::Full`].
    pub fn begin(&self, recipe: &Recipe) -> Result<Begin> {
        self.begin_with(recipe, &mut || {})
    }

    /// As [`Store::begin`], and calls `on_wait` once before it waits for another maker.
    ///
    /// **Errors**: as [`Store::begin`].
    pub fn begin_with(&self, recipe: &Recipe, on_wait: &mut dyn FnMut()) -> Result<Begin> {
        check_stage(&recipe.stage)?;
        let (stage, key) = (&recipe.stage, recipe.key());
        if let Found::Whole(artifact) = self.look(stage, &key)? {
            return Ok(Begin::Ready(artifact));
        }
        let lock = Lock::exclusive(&self.lock_path(Kind::Make, stage, &key), on_wait)?;
        let damaged = match self.look(stage, &key)? {
            Found::Whole(artifact) => return Ok(Begin::Ready(artifact)),
            Found::Damaged(problem) => Some(problem),
            Found::Missing => None,
        };
        if damaged.is_some() {
            self.move_away(Kind::Damaged, stage, &key)?;
        }
        Ok(Begin::Make(self.pending(recipe, damaged, lock)?))
    }

    /// Takes the right to make a result once more, whether or not it is there.
    ///
    /// A stored result stays where it is until the new one is committed in its place.
    ///
    /// **Errors**: as [`Store::begin`].
    pub fn begin_anew(&self, recipe: &Recipe, on_wait: &mut dyn FnMut()) -> Result<Pending> {
        check_stage(&recipe.stage)?;
        let lock = Lock::exclusive(&self.lock_path(Kind::Make, &recipe.stage, &recipe.key()), on_wait)?;
        self.pending(recipe, None, lock)
    }

    fn pending(&self, recipe: &Recipe, damaged: Option<Problem>, lock: Lock) -> Result<Pending> {
        let key = recipe.key();
        let dir = self.tmp_dir(Kind::Make, &recipe.stage, &key);
        remove_folder(&dir)?;
        create_folder(&dir)?;
        let (store, recipe) = (self.clone(), recipe.clone());
        Ok(Pending { store, recipe, key, dir, damaged, committed: false, _lock: lock })
    }

    /// Takes a result out of `objects` in one step; gives the folder in `tmp` that it now is.
    pub(crate) fn move_away(&self, kind: Kind, stage: &str, key: &Key) -> Result<PathBuf> {
        let (from, to) = (self.object_dir(stage, key), self.tmp_dir(kind, stage, key));
        remove_folder(&to)?;
        fs::rename(&from, &to).map_err(io_at("move aside", &from))?;
        Ok(to)
    }
}

impl Pending {
    /// The folder to write the result's files into; empty at first.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The key of the result being made.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The damaged result that is being replaced, if there was one.
    pub fn damaged(&self) -> Option<&Problem> {
        self.damaged.as_ref()
    }

    /// True if an earlier attempt left work to take up again.
    pub fn has_partial(&self) -> bool {
        self.partial_path().is_dir()
    }

    /// A folder for work that outlives a kill, checkpoints for example; the next attempt at this key finds it again.
    ///
    /// Created by this call, removed when the result is committed.
    ///
    /// **Errors**: [`Error::Io`], [`Error::Full`].
    pub fn partial(&self) -> Result<PathBuf> {
        let path = self.partial_path();
        create_folder(&path)?;
        Ok(path)
    }

    fn partial_path(&self) -> PathBuf {
        self.store.partial_dir(&self.recipe.stage, &self.key)
    }

    /// Makes the result final: hashes and syncs its files, writes the manifest last and renames the folder into place.
    ///
    /// After a crash or an error at any point there is either the whole result or none, and the partial work is kept.
    ///
    /// **Errors**: [`Error::Unstorable`] for links, names that are not UTF-8, a `manifest.json` of the stage's own and
    /// a duration that is no number; [`Error::Io`], [`Error::Full`].
    pub fn commit(mut self, commit: Commit) -> Result<Artifact> {
        if !commit.seconds.is_finite() || commit.seconds < 0.0 {
            let what = format!("a duration of {} seconds", commit.seconds);
            return Err(self.unstorable(what, "it must be a finite number, zero or more"));
        }
        let files = self.seal_files()?;
        let manifest = Manifest::new(&self.recipe, files, commit);
        let path = self.dir.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&manifest).map_err(|e| io_at("write", &path)(e.into()))?;
        write_synced(&path, &text)?;
        sync_folder(&self.dir)?;
        // From the rename on, a reader's lock must keep gc away; it is taken before, while the maker's lock still does.
        let in_use = Lock::shared(&self.store.lock_path(Kind::Use, &self.recipe.stage, &self.key))?;
        let place = self.publish()?;
        self.clear_up();
        Ok(Artifact::new(place, manifest, in_use))
    }

    /// Hashes and syncs every file and folder of the result.
    fn seal_files(&self) -> Result<Vec<FileEntry>> {
        let tree = tree(&self.dir)?;
        if let Some(odd) = tree.odd.first() {
            return Err(self.unstorable(odd.display().to_string(), "it is neither a plain file nor a folder"));
        }
        let mut files = Vec::with_capacity(tree.files.len());
        for relative in &tree.files {
            files.push(self.seal_file(relative)?);
        }
        for folder in &tree.folders {
            sync_folder(&self.dir.join(folder))?;
        }
        files.sort_by(|one, two| one.path.cmp(&two.path));
        Ok(files)
    }

    fn seal_file(&self, relative: &Path) -> Result<FileEntry> {
        if relative == Path::new(MANIFEST) {
            return Err(self.unstorable(relative.display().to_string(), "the name is that of the store's own record"));
        }
        let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
        let parts = parts.ok_or_else(|| self.unstorable(relative.display().to_string(), "its name is not UTF-8"))?;
        let path = self.dir.join(relative);
        let file = File::open(&path).map_err(io_at("open", &path))?;
        let (blake3, bytes) = hash_reader(&file).map_err(io_at("read", &path))?;
        file.sync_all().map_err(io_at("sync", &path))?;
        Ok(FileEntry { path: parts.join("/"), bytes, blake3 })
    }

    /// Renames the finished folder into place; gives the place.
    fn publish(&mut self) -> Result<PathBuf> {
        let place = self.store.object_dir(&self.recipe.stage, &self.key);
        let stage_folder = parent(&place);
        create_folder(stage_folder)?;
        sync_folder(parent(stage_folder))?;
        if place.exists() {
            self.store.move_away(Kind::Removed, &self.recipe.stage, &self.key)?;
        }
        fs::rename(&self.dir, &place).map_err(io_at("move a finished result to", &place))?;
        self.committed = true;
        sync_folder(stage_folder)?;
        Ok(place)
    }

    /// Removes what the result has made needless. It is final by now: what cannot be removed is left to gc.
    fn clear_up(&self) {
        let stage = &self.recipe.stage;
        for kind in [Kind::Damaged, Kind::Removed] {
            let _ = remove_folder(&self.store.tmp_dir(kind, stage, &self.key));
        }
        let _ = remove_folder(&self.partial_path());
    }

    fn unstorable(&self, what: String, reason: &'static str) -> Error {
        Error::Unstorable { stage: self.recipe.stage.clone(), what, reason }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // The lock is a field and so is freed after this.
        if !self.committed {
            let _ = remove_folder(&self.dir);
        }
    }
}

#[cfg(test)]
mod tests;
