-- Fills a SQLite database with :rows certificates of issuer `tls` that live at :now, the first
-- :revoked of them revoked. From a shell: see "Many certificates" in ca-server/docs/performance.md.
INSERT INTO certificate (
    issuer, serial, profile, identifiers, not_before, not_after, key_fingerprint, requested_by,
    state, revoked_at, revocation_reason, revocation_number, der, recorded_at, settle_after
)
WITH RECURSIVE one (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM one WHERE i < :rows)
SELECT
    'tls',
    CAST(char(1) || printf('%08x', :now - 43200 + i * 40000 / :rows) || randomblob(8) AS BLOB),
    'tls-server',
    '[{"type":"dns","value":"h' || i || '.example.internal"}]',
    :now - 43200,
    :now + 43200 + i % 3600,
    randomblob(32),
    'acme:bulk',
    CASE WHEN i <= :revoked THEN 'revoked' ELSE 'valid' END,
    CASE WHEN i <= :revoked THEN :now - i % 3600 END,
    CASE WHEN i <= :revoked THEN 4 END,
    CASE WHEN i <= :revoked THEN i + coalesce(
        (SELECT revocation_epoch FROM issuer_counter WHERE issuer = 'tls'), 0) END,
    zeroblob(800),
    :now - 43200,
    :now - 43100
FROM one;

INSERT INTO issuer_counter (issuer, revocation_epoch, crl_number) VALUES ('tls', :revoked, 0)
ON CONFLICT (issuer) DO UPDATE SET revocation_epoch = revocation_epoch + :revoked;
