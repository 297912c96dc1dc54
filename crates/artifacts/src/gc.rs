//! Removing what nobody wants any more, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use crate::disk::{names, remove_folder, tree};
use crate::error::Result;
use crate::key::Key;
use crate::lock::Lock;
use crate::store::{Kind, Loaded, Store, keyed_folders};

/// What [`Store::gc`] is to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcOptions {
    /// The results to keep, and with them the partial work of those that are not finished.
    pub keep: BTreeSet<Key>,
    /// Only says what would be removed.
    pub dry_run: bool,
}

/// What [`Store::gc`] did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcReport {
    /// What was removed.
    pub removed: Vec<Removed>,
    /// The sum of the removed sizes.
    pub bytes: u64,
    /// How many results were kept because they are wanted.
    pub kept: usize,
    /// What is not wanted but stays, because somebody makes or reads it just now.
    pub in_use: Vec<Removed>,
}

/// One folder that gc removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// What it is.
    pub kind: RemovedKind,
    /// Its stage.
    pub stage: String,
    /// Its key.
    pub key: Key,
    /// Its size.
    pub bytes: u64,
}

/// What a removed folder was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedKind {
    /// A stored result.
    Artifact,
    /// Unfinished work.
    Partial,
    /// Something that a crash left in `tmp`.
    Leftover,
}

/// The locks that guard a removal, held until it is done.
enum Guard {
    Held(Vec<Lock>),
    Free,
    Busy,
}

impl Store {
    /// Removes results that are not to be kept, unfinished work that is finished or not wanted, and what crashes left.
    ///
    /// What another holder makes or reads (a [`crate::Pending`], an [`crate::Artifact`], in this process or another) is
    /// left alone and reported, and so is everything that the store did not create.
    ///
    /// **Errors**: [`crate::Error::Io`]; what was removed until then stays removed.
    pub fn gc(&self, options: &GcOptions) -> Result<GcReport> {
        let mut report = GcReport::default();
        self.sweep_objects(options, &mut report)?;
        self.sweep_tmp(options, &mut report)?;
        self.sweep_partial(options, &mut report)?;
        if !options.dry_run {
            self.sweep_locks()?;
        }
        Ok(report)
    }

    /// Keys with unfinished work that the next attempt can take up; a caller that wants it kept adds them to
    /// [`GcOptions::keep`].
    ///
    /// **Errors**: [`crate::Error::Io`].
    pub fn partial_keys(&self) -> Result<Vec<Key>> {
        Ok(keyed_folders(&self.root().join("partial"))?.into_iter().map(|(_, key)| key).collect())
    }

    fn sweep_objects(&self, options: &GcOptions, report: &mut GcReport) -> Result<()> {
        for (stage, key) in self.keys()? {
            if options.keep.contains(&key) {
                report.kept += 1;
                continue;
            }
            let guard = self.guard(&[Kind::Make, Kind::Use], &stage, &key, options.dry_run)?;
            let place = self.object_dir(&stage, &key);
            // Out of `objects` in one step first, so that a kill on the way leaves no half of a result there.
            let remove = || remove_folder(&self.move_away(Kind::Removed, &stage, &key)?);
            report.settle(
                guard,
                Removed { kind: RemovedKind::Artifact, stage: stage.clone(), key, bytes: 0 },
                &place,
                remove,
            )?;
        }
        Ok(())
    }

    fn sweep_tmp(&self, options: &GcOptions, report: &mut GcReport) -> Result<()> {
        let folder = self.root().join("tmp");
        for name in names(&folder)? {
            let Some((_, stage, key)) = Kind::parse(&name) else { continue };
            let place = folder.join(&name);
            let guard = self.guard(&[Kind::Make], &stage, &key, options.dry_run)?;
            let what = Removed { kind: RemovedKind::Leftover, stage, key, bytes: 0 };
            report.settle(guard, what, &place, || remove_folder(&place))?;
        }
        Ok(())
    }

    fn sweep_partial(&self, options: &GcOptions, report: &mut GcReport) -> Result<()> {
        for (stage, key) in keyed_folders(&self.root().join("partial"))? {
            let guard = self.guard(&[Kind::Make], &stage, &key, options.dry_run)?;
            let finished = matches!(self.load(&stage, &key)?, Loaded::Manifest(_));
            if options.keep.contains(&key) && !finished {
                continue;
            }
            let place = self.partial_dir(&stage, &key);
            let what = Removed { kind: RemovedKind::Partial, stage, key, bytes: 0 };
            report.settle(guard, what, &place, || remove_folder(&place))?;
        }
        Ok(())
    }

    /// Removes the lock files of keys that have nothing left; the others are there for the next time.
    fn sweep_locks(&self) -> Result<()> {
        let folder = self.root().join("locks");
        for name in names(&folder)? {
            let Some((_, stage, key)) = Kind::parse(&name) else { continue };
            if self.object_dir(&stage, &key).exists() || self.partial_dir(&stage, &key).exists() {
                continue;
            }
            if let Some(lock) = Lock::try_exclusive(&folder.join(&name))? {
                lock.remove();
            }
        }
        Ok(())
    }

    fn guard(&self, kinds: &[Kind], stage: &str, key: &Key, dry_run: bool) -> Result<Guard> {
        let mut held = Vec::new();
        for kind in kinds {
            let path = self.lock_path(*kind, stage, key);
            if dry_run {
                if !Lock::is_free(&path)? {
                    return Ok(Guard::Busy);
                }
                continue;
            }
            match Lock::try_exclusive(&path)? {
                Some(lock) => held.push(lock),
                None => return Ok(Guard::Busy),
            }
        }
        Ok(if dry_run { Guard::Free } else { Guard::Held(held) })
    }
}

impl GcReport {
    /// Removes a folder if its guard allows it, and books it either way.
    fn settle(
        &mut self,
        guard: Guard,
        mut what: Removed,
        place: &Path,
        remove: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        // Gone since it was listed: another gc was faster.
        if !place.is_dir() {
            return Ok(());
        }
        if matches!(guard, Guard::Busy) {
            self.in_use.push(what);
            return Ok(());
        }
        what.bytes = tree(place)?.bytes;
        if let Guard::Held(_locks) = guard {
            remove()?;
        }
        self.bytes += what.bytes;
        self.removed.push(what);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
