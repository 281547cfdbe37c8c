//! The schema: real steps up and down for SQLite and PostgreSQL.
