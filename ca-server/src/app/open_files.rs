//! How many files the process may have open: each connection is one.

/// Raises the limit as far as it is of use and allowed, and returns it. Thousands of idle clients
/// must not use up the descriptors that the store and validation need.
pub(super) fn raise() -> usize {
    match rlimit::increase_nofile_limit(OPEN_FILES) {
        Ok(limit) if limit < OPEN_FILES => {
            tracing::warn!(
                limit,
                wanted = OPEN_FILES,
                "few open files are allowed: see LimitNOFILE"
            );
            usize::try_from(limit).unwrap_or(usize::MAX)
        }
        Ok(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it is");
            FEW_OPEN_FILES
        }
    }
}

/// What Linux allows unless told otherwise.
const FEW_OPEN_FILES: usize = 1_024;

/// Three listeners full of connections, and room for everything else.
const OPEN_FILES: u64 = 65_536;
