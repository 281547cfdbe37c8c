//! Files appear whole, all together as far as a file system can, and never replace others.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::Error;

/// A file that will be written.
pub(crate) struct Staged {
    /// Where to.
    pub(crate) path: PathBuf,
    /// Its content, which may be secret.
    pub(crate) content: Zeroizing<Vec<u8>>,
    /// Who may read it.
    pub(crate) access: Access,
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Public,
    /// Only its owner.
    Owner,
}

/// Refuses to begin where a file of this ceremony, or the rest of one, is there already.
pub(crate) fn refuse_existing(paths: &[PathBuf]) -> Result<(), Error> {
    let there = |path: &Path| fs::symlink_metadata(path).is_ok();
    let partial: Vec<PathBuf> = paths.iter().map(|path| partial(path)).collect();
    let partial: Vec<&PathBuf> = partial.iter().filter(|path| there(path)).collect();
    if !partial.is_empty() {
        return Err(Error::Output(format!(
            "an earlier run broke off while it wrote; delete {} and run the ceremony again",
            list(&partial)
        )));
    }
    let existing: Vec<&PathBuf> = paths.iter().filter(|path| there(path)).collect();
    if existing.is_empty() {
        return Ok(());
    }
    let advice = if existing.len() == paths.len() {
        "this ceremony was held already; give its outputs other names to hold it again"
    } else {
        "if they are the rest of a run that broke off, archive them elsewhere (a certificate among \
         them was signed and may need to be revoked) and run the ceremony again; if not, give the \
         outputs other names"
    };
    Err(Error::Output(format!(
        "nothing is ever overwritten, and {} exists: {advice}",
        list(&existing)
    )))
}

/// Writes all files.
///
/// First every file is written under another name and made durable, then each gets its own name.
/// A crash before the first naming leaves only `.partial` files, one after it whole files only;
/// [`refuse_existing`] tells the next run's operator which it was. On an error nothing of a file
/// that has not got its name is left.
pub(crate) fn publish(staged: &[Staged]) -> Result<(), Error> {
    let outcome = write_all(staged).and_then(|()| {
        staged.iter().try_for_each(|file| {
            name(&partial(&file.path), &file.path).map_err(|error| failed(&file.path, &error))
        })
    });
    for file in staged {
        // Already gone where all went well.
        let _ = fs::remove_file(partial(&file.path));
    }
    outcome?;
    staged
        .iter()
        .try_for_each(|file| make_folder_durable(&file.path).map_err(|e| failed(&file.path, &e)))
}

fn write_all(staged: &[Staged]) -> Result<(), Error> {
    for file in staged {
        let folder = folder_of(&file.path);
        fs::create_dir_all(folder)
            .and_then(|()| write_one(&partial(&file.path), file))
            .map_err(|error| failed(&file.path, &error))?;
    }
    Ok(())
}

fn write_one(path: &Path, file: &Staged) -> io::Result<()> {
    let mode = match file.access {
        Access::Public => 0o644,
        Access::Owner => 0o600,
    };
    let mut handle = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    handle.write_all(&file.content)?;
    handle.sync_all()
}

/// A link fails where the name is taken, which a rename does not. File systems of memory sticks
/// know no links: there the name is looked up first, which suffices on a machine with one user.
fn name(partial: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(partial, path) {
        Ok(()) => fs::remove_file(partial),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if fs::symlink_metadata(path).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(partial, path),
    }
}

fn make_folder_durable(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    File::open(folder)?.sync_all()?;
    // The folder itself may be new.
    File::open(folder_of(folder))?.sync_all()
}

fn partial(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".partial");
    path.with_file_name(name)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::Output(format!("{} cannot be written: {error}", path.display()))
}

fn list(paths: &[&PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(path: PathBuf, access: Access) -> Staged {
        Staged {
            path,
            content: Zeroizing::new(b"content".to_vec()),
            access,
        }
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn writes_whole_files_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            staged(folder.path().join("root.pem"), Access::Public),
            staged(folder.path().join("keys/root.key"), Access::Owner),
        ];

        publish(&files).unwrap();

        assert_eq!(names_in(folder.path()), ["keys", "root.pem"]);
        assert_eq!(names_in(&folder.path().join("keys")), ["root.key"]);
        assert_eq!(
            fs::read(folder.path().join("root.pem")).unwrap(),
            b"content"
        );
    }

    #[test]
    fn keeps_secrets_from_other_users() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");

        publish(&[staged(path.clone(), Access::Owner)]).unwrap();

        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn never_replaces_a_file_and_leaves_no_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.pem");
        fs::write(&path, "old").unwrap();

        let error = publish(&[staged(path.clone(), Access::Public)]).unwrap_err();

        assert_eq!(error.exit_code(), 8);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names_in(folder.path()), ["root.pem"]);
    }

    #[test]
    fn leaves_whole_files_where_it_cannot_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a", "b", "c"].map(|name| staged(folder.path().join(name), Access::Public));
        fs::write(folder.path().join("b"), "old").unwrap();

        publish(&files).unwrap_err();

        assert_eq!(names_in(folder.path()), ["a", "b"]);
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"content");
        assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"old");
    }

    #[test]
    fn tells_what_to_do_about_an_earlier_run() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [
            folder.path().join("root.pem"),
            folder.path().join("root.json"),
        ];
        let advice = || refuse_existing(&paths).unwrap_err().to_string();

        assert!(refuse_existing(&paths).is_ok());
        fs::write(&paths[0], "").unwrap();
        assert!(advice().contains("broke off, archive"), "{}", advice());
        fs::write(&paths[1], "").unwrap();
        assert!(advice().contains("was held already"), "{}", advice());
        fs::write(folder.path().join(".root.pem.partial"), "").unwrap();
        assert!(advice().contains("delete"), "{}", advice());
    }
}
