//! Where private keys live: PKCS#11 tokens and encrypted files.
