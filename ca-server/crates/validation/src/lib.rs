//! The only room that calls out: proofs of control and CAA.
