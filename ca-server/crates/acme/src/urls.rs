//! Every URL of the ACME server, built from the configured external URL and nothing else.

use url::Url;

use crate::authorization::ChallengeKind;

/// Builds URLs. The `Host` header never has a say (RFC 8555 §6.4).
#[derive(Clone, Debug)]
pub struct Urls {
    base: String,
}

impl Urls {
    /// Takes the URL under which clients reach the server; a path in it is kept as a prefix.
    pub fn new(external_url: &Url) -> Self {
        let mut plain = external_url.clone();
        plain.set_query(None);
        plain.set_fragment(None);
        Self {
            base: plain.as_str().trim_end_matches('/').to_owned(),
        }
    }

    /// Returns the URL that a client used for a request with this path and query.
    pub fn requested(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.base)
    }

    /// Returns the directory's own URL.
    pub fn directory(&self, directory: &str) -> String {
        self.resource(directory, "directory")
    }

    /// Returns newNonce.
    pub fn new_nonce(&self, directory: &str) -> String {
        self.resource(directory, "new-nonce")
    }

    /// Returns newAccount.
    pub fn new_account(&self, directory: &str) -> String {
        self.resource(directory, "new-account")
    }

    /// Returns newOrder.
    pub fn new_order(&self, directory: &str) -> String {
        self.resource(directory, "new-order")
    }

    /// Returns newAuthz.
    pub fn new_authorization(&self, directory: &str) -> String {
        self.resource(directory, "new-authorization")
    }

    /// Returns keyChange.
    pub fn key_change(&self, directory: &str) -> String {
        self.resource(directory, "key-change")
    }

    /// Returns revokeCert.
    pub fn revoke_certificate(&self, directory: &str) -> String {
        self.resource(directory, "revoke-certificate")
    }

    /// Returns renewalInfo, to which clients append `/` and an ARI identifier (RFC 9773 §4.1).
    pub fn renewal_info(&self, directory: &str) -> String {
        self.resource(directory, "renewal-info")
    }

    /// Returns an account.
    pub fn account(&self, directory: &str, account: &str) -> String {
        self.resource(directory, &format!("account/{account}"))
    }

    /// Returns the first page of an account's orders.
    pub fn orders(&self, directory: &str, account: &str) -> String {
        self.resource(directory, &format!("account/{account}/orders"))
    }

    /// Returns the page of an account's orders that begins at `cursor`.
    pub fn orders_page(&self, directory: &str, account: &str, cursor: &str) -> String {
        let cursor: String = url::form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
        self.resource(
            directory,
            &format!("account/{account}/orders?cursor={cursor}"),
        )
    }

    /// Returns an order.
    pub fn order(&self, directory: &str, order: &str) -> String {
        self.resource(directory, &format!("order/{order}"))
    }

    /// Returns an order's finalize URL.
    pub fn finalize(&self, directory: &str, order: &str) -> String {
        self.resource(directory, &format!("order/{order}/finalize"))
    }

    /// Returns an authorization.
    pub fn authorization(&self, directory: &str, authorization: &str) -> String {
        self.resource(directory, &format!("authorization/{authorization}"))
    }

    /// Returns one challenge of an authorization.
    pub fn challenge(&self, directory: &str, authorization: &str, kind: ChallengeKind) -> String {
        self.resource(
            directory,
            &format!("challenge/{authorization}/{}", kind.name()),
        )
    }

    /// Returns an order's certificate with its default chain.
    pub fn certificate(&self, directory: &str, order: &str) -> String {
        self.resource(directory, &format!("certificate/{order}"))
    }

    /// Returns an order's certificate with its n-th alternate chain, from 1.
    pub fn alternate_certificate(&self, directory: &str, order: &str, n: usize) -> String {
        self.resource(directory, &format!("certificate/{order}/{n}"))
    }

    /// Returns the account id in `kid`, if it is an account URL of this directory.
    pub fn account_id<'a>(&self, directory: &str, kid: &'a str) -> Option<&'a str> {
        let id = kid.strip_prefix(&self.resource(directory, "account/"))?;
        let plain = id
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet));
        (plain && !id.is_empty()).then_some(id)
    }

    fn resource(&self, directory: &str, rest: &str) -> String {
        format!("{}/acme/{directory}/{rest}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> Urls {
        Urls::new(&Url::parse(text).unwrap())
    }

    #[test]
    fn keeps_port_and_prefix_and_adds_no_double_slash() {
        assert_eq!(
            urls("https://ca.example:8443").new_nonce("default"),
            "https://ca.example:8443/acme/default/new-nonce"
        );
        assert_eq!(
            urls("https://ca.example/pki/?x#y").directory("default"),
            "https://ca.example/pki/acme/default/directory"
        );
    }

    #[test]
    fn reads_back_only_its_own_account_urls() {
        let urls = urls("https://ca.example");
        let cases = [
            (
                "https://ca.example/acme/default/account/aZ-_9",
                Some("aZ-_9"),
            ),
            ("https://ca.example/acme/other/account/aZ-_9", None),
            ("https://ca.example/acme/default/account/", None),
            ("https://ca.example/acme/default/account/a/orders", None),
            ("https://ca.example/acme/default/account/a?b", None),
            ("http://ca.example/acme/default/account/a", None),
            ("a", None),
        ];

        for (kid, expected) in cases {
            assert_eq!(urls.account_id("default", kid), expected, "{kid}");
        }
    }
}
