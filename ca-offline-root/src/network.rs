//! Whether this machine is on a network.

use std::io;
use std::path::Path;

/// Returns the names of all interfaces that are up, loopback left out.
///
/// An error means that it cannot be told: the caller refuses then.
#[cfg(target_os = "linux")]
pub fn interfaces_up() -> io::Result<Vec<String>> {
    interfaces_up_in(Path::new("/sys/class/net"))
}

/// Returns the names of all interfaces that have an address, loopback left out.
#[cfg(not(target_os = "linux"))]
pub fn interfaces_up() -> io::Result<Vec<String>> {
    let mut names: Vec<String> = if_addrs::get_if_addrs()?
        .into_iter()
        .filter(|interface| !interface.is_loopback())
        .map(|interface| interface.name)
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Returns the interfaces that are up in a folder laid out as Linux' `/sys/class/net`.
///
/// The flags decide and not the addresses: an interface that is up without an address hears and
/// sends already (IPv6 router discovery, DHCP).
pub fn interfaces_up_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // `bonding_masters` and its like are files among the folders.
        if !entry.path().is_dir() {
            continue;
        }
        let flags = read_flags(&entry.path().join("flags"))?;
        if flags & IFF_UP != 0 && flags & IFF_LOOPBACK == 0 {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn read_flags(path: &Path) -> io::Result<u32> {
    let text = std::fs::read_to_string(path)?;
    let digits = text.trim().trim_start_matches("0x");
    u32::from_str_radix(digits, 16)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "unreadable interface flags"))
}

/// `<linux/if.h>`.
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(interfaces: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, flags) in interfaces {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("flags"), flags).unwrap();
        }
        folder
    }

    #[test]
    fn names_what_is_up_and_passes_over_loopback() {
        let folder = folder_with(&[
            ("lo", "0x9\n"),
            ("wlan0", "0x1003\n"),
            ("eth0", "0x1002\n"),
            ("eth1", "0x1043\n"),
        ]);
        std::fs::write(folder.path().join("bonding_masters"), "").unwrap();

        let up = interfaces_up_in(folder.path()).unwrap();

        assert_eq!(up, ["eth1", "wlan0"]);
    }

    #[test]
    fn does_not_guess_when_flags_are_unreadable() {
        let folder = folder_with(&[("eth0", "up\n")]);

        assert!(interfaces_up_in(folder.path()).is_err());
        assert!(interfaces_up_in(&folder.path().join("missing")).is_err());
    }
}
