//! `/etc/hosts`, read as the system's own resolver does.

use std::net::IpAddr;

/// Returns the addresses that a hosts file gives to `name`, in the file's order.
pub(super) fn addresses(file: &str, name: &str) -> Vec<IpAddr> {
    file.lines()
        .filter_map(|line| {
            let line = line.split('#').next()?;
            let mut words = line.split_whitespace();
            let address: IpAddr = words.next()?.parse().ok()?;
            words
                .any(|alias| alias.trim_end_matches('.').eq_ignore_ascii_case(name))
                .then_some(address)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_line_that_names_the_host() {
        let file = "# comment\n10.0.0.1 a.example A\n\n::2\tb.example a.example. # a.example\n\
                    10.0.0.3 c.example # a.example\nnonsense a.example\n";

        let found = addresses(file, "a.example");

        let expected: Vec<IpAddr> = ["10.0.0.1", "::2"]
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(addresses(file, "d.example"), Vec::<IpAddr>::new());
    }
}
