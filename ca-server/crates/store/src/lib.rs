//! sea-orm behind the ports.
