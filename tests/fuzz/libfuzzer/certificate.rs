#![no_main]
libfuzzer_sys::fuzz_target!(|unverified: &[u8]| ca_fuzz::certificate(unverified));
