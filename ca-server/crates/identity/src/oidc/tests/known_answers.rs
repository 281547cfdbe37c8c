//! Signatures that others made: the examples of RFC 7515 appendix A.

use crate::LoginFailure;
use crate::oidc::token::UnverifiedToken;
use crate::oidc::{Algorithm, KeySet};

fn judged(jwk: &str, algorithm: Algorithm, token: &str) -> Result<(), LoginFailure> {
    let set = KeySet::parse(&format!(r#"{{"keys":[{jwk}]}}"#)).unwrap();
    set.verify(&UnverifiedToken::parse(token).unwrap(), algorithm)
}

/// The payload of RFC 7515 appendix A.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

#[test]
fn verifies_the_rsa_signature_of_rfc_7515() {
    let jwk = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let token = format!("eyJhbGciOiJSUzI1NiJ9.{PAYLOAD}.{signature}");

    assert_eq!(judged(jwk, Algorithm::Rs256, &token), Ok(()));
    let changed = token.replace(".cC4h", ".cC4i");
    assert_eq!(
        judged(jwk, Algorithm::Rs256, &changed),
        Err(LoginFailure::BadSignature)
    );
}

#[test]
fn verifies_the_ecdsa_signature_of_rfc_7515() {
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let signature =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let token = format!("eyJhbGciOiJFUzI1NiJ9.{PAYLOAD}.{signature}");

    assert_eq!(judged(jwk, Algorithm::Es256, &token), Ok(()));
    let changed = token.replace(".DtEh", ".DtEi");
    assert_eq!(
        judged(jwk, Algorithm::Es256, &changed),
        Err(LoginFailure::BadSignature)
    );
}
