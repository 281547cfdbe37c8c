//! Root ceremonies on a machine without a network.
