//! Where a ceremony reads and writes.

use std::path::{Component, Path, PathBuf};

use crate::Mode;

/// The folder of the ceremony file, and where the outputs of this run go.
#[derive(Debug)]
pub(crate) struct Folders {
    home: PathBuf,
    mode: Mode,
    rehearsal: PathBuf,
}

impl Folders {
    /// Returns the folders for a ceremony file.
    pub(crate) fn of(ceremony: &Path, mode: Mode) -> Self {
        let home = ceremony.parent().unwrap_or(Path::new("")).to_owned();
        let stem = ceremony.file_stem().unwrap_or(ceremony.as_os_str());
        Self {
            home,
            mode,
            rehearsal: Path::new("rehearsal").join(stem),
        }
    }

    /// Returns the folder that relative paths in the ceremony file start at.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Returns where an input lies.
    pub(crate) fn input(&self, written: &Path) -> PathBuf {
        self.home.join(written)
    }

    /// Returns where an output goes, relative to the ceremony's folder: as it is named in
    /// transcripts. Rehearsals stay in their own folder, whatever the ceremony file says.
    pub(crate) fn output_name(&self, written: &Path) -> PathBuf {
        match self.mode {
            Mode::Real => written.to_owned(),
            Mode::Rehearsal => {
                let inside = written.components().filter_map(|part| match part {
                    Component::Normal(name) => Some(name),
                    Component::Prefix(_)
                    | Component::RootDir
                    | Component::CurDir
                    | Component::ParentDir => None,
                });
                self.rehearsal.join(inside.collect::<PathBuf>())
            }
        }
    }

    /// Returns where an output goes.
    pub(crate) fn output(&self, written: &Path) -> PathBuf {
        self.home.join(self.output_name(written))
    }

    /// Returns the way from the transcript's folder back to the ceremony's.
    pub(crate) fn back_from(&self, transcript: &Path) -> PathBuf {
        let name = self.output_name(transcript);
        let folder = name.parent().unwrap_or(Path::new(""));
        if folder
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return folder.components().map(|_| Component::ParentDir).collect();
        }
        std::path::absolute(&self.home).unwrap_or_else(|_| self.home.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_rehearsals_in_their_own_folder() {
        let folders = Folders::of(Path::new("/media/root.toml"), Mode::Rehearsal);
        for (written, output) in [
            ("root.pem", "/media/rehearsal/root/root.pem"),
            ("../keys/root.key", "/media/rehearsal/root/keys/root.key"),
            ("/srv/root.pem", "/media/rehearsal/root/srv/root.pem"),
        ] {
            assert_eq!(folders.output(Path::new(written)), Path::new(output));
        }
    }

    #[test]
    fn finds_the_way_back_from_the_transcript() {
        let folders = Folders::of(Path::new("/media/root.toml"), Mode::Real);

        assert_eq!(folders.back_from(Path::new("root.json")), Path::new(""));
        assert_eq!(
            folders.back_from(Path::new("records/2026/root.json")),
            Path::new("../..")
        );
        assert_eq!(
            folders.back_from(Path::new("/srv/root.json")),
            Path::new("/media")
        );
    }
}
