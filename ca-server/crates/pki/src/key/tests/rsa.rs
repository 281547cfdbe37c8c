//! RSA keys that somebody could factor.

use num_bigint::BigUint;

use super::*;

fn rsa(modulus: &BigUint, exponent: u64) -> Result<PublicKey, PublicKeyError> {
    PublicKey::from_rsa_components(&modulus.to_bytes_be(), &exponent.to_be_bytes())
}

fn why_weak(key: Result<PublicKey, PublicKeyError>) -> &'static str {
    match key {
        Err(PublicKeyError::Weak(why)) => why,
        other => panic!("not weak: {other:?}"),
    }
}

/// The greatest primes of 1024 bits; their product is as close as factors get.
fn close_primes() -> [BigUint; 2] {
    let top = BigUint::from(1_u32) << 1_024_u32;
    [&top - 105_u32, top - 179_u32]
}

#[test]
fn refuses_rsa_of_odd_sizes_and_exponents() {
    let modulus = BigUint::from_bytes_be(&[0xb5; 256]) | BigUint::from(1_u32);
    let one = BigUint::from(1_u32);

    assert_eq!(
        why_weak(rsa(&((&one << 2_047_u32) - 1_u32), 65_537)),
        "RSA below 2048 bits"
    );
    assert_eq!(
        why_weak(rsa(&((&one << 8_193_u32) - 1_u32), 65_537)),
        "RSA above 8192 bits"
    );
    assert_eq!(
        why_weak(rsa(&(&modulus - 1_u32), 65_537)),
        "the RSA modulus is even"
    );
    for exponent in [0, 1, 3, 65_535, 65_536, 65_538] {
        assert!(why_weak(rsa(&modulus, exponent)).contains("even or below 65537"));
    }
    assert!(why_weak(rsa(&modulus, (1 << 33) + 1)).contains("33 bits"));
}

#[test]
fn refuses_rsa_with_a_small_factor() {
    let [large, _] = close_primes();
    for factor in [3_u32, 17, 19, 23, 251, 65_521] {
        let modulus = &large * &large * factor;
        assert_eq!(
            why_weak(rsa(&modulus, 65_537)),
            "the RSA modulus has a small factor"
        );
    }
}

#[test]
fn refuses_rsa_with_factors_that_are_close_to_each_other() {
    let [first, second] = close_primes();

    assert!(why_weak(rsa(&(&first * &second), 65_537)).contains("too close"));
    assert!(why_weak(rsa(&(&first * &first), 65_537)).contains("too close"));
}

#[test]
fn refuses_rsa_with_the_fingerprint_of_roca() {
    let generator_product: BigUint = weak::ROCA_PRIMES
        .iter()
        .map(|prime| BigUint::from(*prime))
        .product();
    let residue = BigUint::from(65_537_u32).modpow(&BigUint::from(12_345_u32), &generator_product);
    // Primes k·M + (65537^a mod M), as the defective library makes them, far from each other.
    let prime = |lead: u32, step: u32| {
        let near = BigUint::from(lead) << 1_021_u32;
        (near / &generator_product + step) * &generator_product + &residue
    };

    let modulus = prime(5, 485) * prime(7, 11);

    assert!(why_weak(rsa(&modulus, 65_537)).contains("ROCA"));
}
