//! RSA keys that can be broken, found with work that stays bounded on hostile input.

use num_bigint::BigUint;
use num_integer::Integer;

use super::PublicKeyError;

/// Refuses an RSA key that is too small, too large, malformed or known to fall.
pub(super) fn refuse_rsa(modulus: &BigUint, exponent: &BigUint) -> Result<(), PublicKeyError> {
    let weak = |why| Err(PublicKeyError::Weak(why));
    if modulus.bits() < 2_048 {
        return weak("RSA below 2048 bits");
    }
    if modulus.bits() > 8_192 {
        return weak("RSA above 8192 bits");
    }
    if !modulus.bit(0) {
        return weak("the RSA modulus is even");
    }
    refuse_exponent(exponent)?;
    if has_small_factor(modulus) {
        return weak("the RSA modulus has a small factor");
    }
    if is_from_a_roca_library(modulus) {
        return weak("the RSA key was made by a library with the ROCA defect (CVE-2017-15361)");
    }
    if falls_to_fermat(modulus) {
        return weak("the RSA modulus' factors are too close to each other");
    }
    Ok(())
}

/// Returns whether an encoded Ed25519 point has an order that divides 8 (RFC 8032 §5.1): any
/// signature by it verifies for many messages.
pub(super) fn has_small_order(key: &[u8]) -> bool {
    let mut magnitude: Vec<u8> = key.to_vec();
    // The top bit is the sign of x; the points come in pairs that differ only there.
    if let Some(last) = magnitude.last_mut() {
        *last &= 0x7f;
    }
    SMALL_ORDER_Y.iter().any(|y| magnitude == y)
}

fn refuse_exponent(exponent: &BigUint) -> Result<(), PublicKeyError> {
    if !exponent.bit(0) || *exponent < BigUint::from(65_537_u32) {
        return Err(PublicKeyError::Weak(
            "the RSA exponent is even or below 65537",
        ));
    }
    // aws-lc refuses longer ones when it verifies.
    if exponent.bits() > 33 {
        return Err(PublicKeyError::Weak(
            "the RSA exponent has more than 33 bits",
        ));
    }
    Ok(())
}

/// Returns whether a prime below 2^16 divides `modulus`.
///
/// One gcd with the product of all of them, taken modulo `modulus`, costs less than 6542 divisions
/// (half a millisecond for 2048 bits). Factors of the product need not be prime, so a wheel does
/// for a sieve.
fn has_small_factor(modulus: &BigUint) -> bool {
    let mut product = BigUint::from(WHEEL.iter().product::<u64>());
    let mut batch = 1_u64;
    for (count, candidate) in (1_u64..=0xffff)
        .step_by(2)
        .filter(is_off_the_wheel)
        .enumerate()
    {
        batch *= candidate;
        if count % 4 == 3 {
            product *= batch;
            batch = 1;
            if product.bits() > 2 * modulus.bits() {
                product %= modulus;
            }
        }
    }
    product *= batch;
    modulus.gcd(&(product % modulus)) != BigUint::from(1_u32)
}

fn is_off_the_wheel(candidate: &u64) -> bool {
    WHEEL.iter().all(|prime| !candidate.is_multiple_of(prime))
}

/// Returns whether `modulus` bears the fingerprint of the defective generator: modulo every small
/// prime it is a power of 65537 ("The Return of Coppersmith's Attack", CCS 2017, §4.2).
///
/// A sound key does so for all of the primes with a probability of about 2^-28.
fn is_from_a_roca_library(modulus: &BigUint) -> bool {
    ROCA_PRIMES.iter().all(|prime| {
        let residue = modulus.mod_floor(&BigUint::from(*prime));
        powers_of_65537(*prime).any(|power| residue == BigUint::from(power))
    })
}

/// Yields the subgroup that 65537 generates modulo `prime`.
fn powers_of_65537(prime: u32) -> impl Iterator<Item = u32> {
    let generator = 65_537 % prime;
    std::iter::successors(Some(1_u32), move |power| {
        let next = power * generator % prime;
        (next != 1).then_some(next)
    })
}

/// Returns whether the first rounds of Fermat's method factor `modulus` (CVE-2022-26320).
fn falls_to_fermat(modulus: &BigUint) -> bool {
    let mut middle = modulus.sqrt();
    if &middle * &middle < *modulus {
        middle += 1_u32;
    }
    let mut remainder = &middle * &middle - modulus;
    for _ in 0..FERMAT_ROUNDS {
        if is_square(&remainder) {
            return true;
        }
        remainder += (&middle << 1_u32) + 1_u32;
        middle += 1_u32;
    }
    false
}

fn is_square(number: &BigUint) -> bool {
    // Rules out all but one in a thousand or so before the costly root.
    let residue = number % SQUARE_FILTER.iter().product::<u64>();
    let residue = residue.iter_u64_digits().next().unwrap_or_default();
    if SQUARE_FILTER
        .iter()
        .any(|modulus| !is_square_modulo(residue, *modulus))
    {
        return false;
    }
    let root = number.sqrt();
    &root * &root == *number
}

fn is_square_modulo(residue: u64, modulus: u64) -> bool {
    let residue = residue % modulus;
    (0..modulus).any(|root| root * root % modulus == residue)
}

const FERMAT_ROUNDS: u32 = 100;
/// The odd primes that the wheel of [`has_small_factor`] skips.
const WHEEL: [u64; 7] = [3, 5, 7, 11, 13, 17, 19];
/// Pairwise coprime; their product fits 64 bits.
const SQUARE_FILTER: [u64; 9] = [64, 63, 65, 11, 17, 19, 23, 29, 31];
/// The odd primes up to 167, as in the paper's test.
pub(super) const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
/// The y coordinates of the eight points of small order, little-endian, and the three of them that
/// can also be written unreduced.
const SMALL_ORDER_Y: [[u8; 32]; 7] = [
    [
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00,
    ],
    [
        0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    [
        0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    [
        0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
];
