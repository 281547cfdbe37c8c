//! The API with a real store and a real issuer behind it: what each route demands and leaves.

mod audit;
mod call;
mod certificate;
mod client;
mod description;
mod eab_credential;
mod grant;
mod page;
mod rates;
mod routes;
mod token;
mod world;
