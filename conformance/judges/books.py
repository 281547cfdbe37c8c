"""Whether the server's books hold what its clients know, asked from outside.

The journal is what clients know: certificates in their hands, revocations that were acknowledged,
orders, CRL numbers, errors. The events say when the server was dead and the token away.
"""

import collections
import concurrent.futures
import http.client
import json
import re
import ssl
import threading
import time
import urllib.parse

from faults.trouble import read
from harness.checks import Failed
from harness.network import fetch


def judge(report, authority, bearer, folder, about="endurance", lag_secs=0):
    """Every check is one line. Servers that share their books may serve a CRL that is so old."""
    journal, events = read(folder / "journal"), read(folder / "events")
    told = collections.defaultdict(list)
    for line in journal:
        told[line["what"]].append(line)
    with report.check(f"{about}: the server never ended by itself") as check:
        ended = [event for event in events if event["what"] == "died"]
        check.require(not ended, f"{len(ended)} times")
    with report.check(f"{about}: every operation came to its end, with errors only in trouble") as check:
        errors_are_explained(check, told, events)
    with report.check(f"{about}: every certificate in a client's hands is in the store") as check:
        certificates_are_stored(check, authority, bearer, told["certificate"])
    with report.check(f"{about}: no serial was given twice, none is lost in between") as check:
        burned = serials_are_unique(check, authority, told["certificate"])
    with report.check(f"{about}: acknowledged revocations and burned serials are revoked") as check:
        revocations_are_published(check, authority, told, burned)
    with report.check(f"{about}: CRL numbers never went back") as check:
        crl_numbers_grow(check, told["crl"], lag_secs)
    with report.check(f"{about}: no order is stuck") as check:
        no_order_is_stuck(check, authority, bearer, told)
    with report.check(f"{about}: the audit log's chain is whole") as check:
        time.sleep(12)  # the last events are sealed within ten seconds
        authority.command(check, "audit", "verify")


def errors_are_explained(check, told, events):
    """A transport error needs a dead server; any other a Retry-After, or a token that is away."""
    dead = windows(events, "kill", "ready", after=2)
    away = windows(events, "token away", "token back", after=40)
    # A server that shares its database leaves what the killed one had begun until its time is up.
    open_intents = windows(events, "kill", "ready", after=LONGEST_SETTLING_SECS)
    kinds = collections.Counter()
    unexplained = collections.Counter()
    for line in told["error"]:
        kinds[line["kind"]] += 1
        if line["transport"]:
            fine = within(line["at"], dead)
        elif line["kind"].endswith(": still processing"):
            fine = within(line["at"], open_intents)
        else:
            fine = line["retry_after"] is not None or within(line["at"], dead + away)
        unexplained[line["kind"]] += not fine
    for kind, count in kinds.most_common():
        print(f"  error {count:>6}  {kind}", flush=True)
    check.require(not told["gave up"], f"given up: {told['gave up'][:2]}")
    check.require(not +unexplained, f"unexplained: {+unexplained}")


def certificates_are_stored(check, authority, bearer, held):
    """Asks for each by its serial, and compares fingerprints."""
    check.require(held, "nobody has a certificate")
    missing = []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        api = Api(authority, bearer)

        def compare(line):
            stored = api.get(f"/api/v1/certificates/{line['serial']}")
            if stored is None or stored["fingerprint_sha256"] != line["fingerprint"]:
                missing.append(line)

        list(pool.map(compare, held))
    print(f"  certificates {len(held)} in hand, {len(missing)} missing", flush=True)
    check.require(not missing, f"{len(missing)} of {len(held)}, such as {missing[:1]}")


def serials_are_unique(check, authority, held):
    """By the hands and by the audit log; returns the serials that were burned."""
    counted = collections.Counter(line["serial"] for line in held)
    fingerprints = {line["fingerprint"] for line in held}
    check.require(len(counted) == len(fingerprints), "two certificates share a serial")
    spent, issued, burned = settled(check, authority)
    for kind, serials in (("intended", spent), ("issued", issued), ("burned", burned)):
        check.require(len(serials) == len(set(serials)), f"one was {kind} twice")
    own = set(exported(check, authority, "certificate.issued", "--actor=system"))
    nobodys = set(issued) - set(counted) - own
    print(f"  serials      {len(spent)} spent, {len(issued)} issued ({len(own)} to the server "
          f"itself), {len(burned)} burned, {len(nobodys)} in nobody's hands", flush=True)
    check.require(set(counted) <= set(issued), "one in hand was never issued")
    check.require(not set(issued) & set(burned), "one was both issued and burned")
    # Patient clients fetch what was issued to them, by the order or the idempotency key.
    check.require(not nobodys, f"issued and in nobody's hands: {sorted(nobodys)[:1]}")
    return burned


def settled(check, authority):
    """The serials that were spent, issued and burned, when each has come to its end: a server that
    shares its database waits until an intent's time is up, for another might still be signing."""
    deadline = time.monotonic() + LONGEST_SETTLING_SECS
    while True:
        spent, issued, burned = (exported(check, authority, f"certificate.{kind}")
                                 for kind in ("intended", "issued", "burned"))
        left = set(spent) - set(issued) - set(burned)
        if not left:
            return spent, issued, burned
        check.require(time.monotonic() < deadline, f"{len(left)} are neither issued nor burned")
        time.sleep(5)


def revocations_are_published(check, authority, told, burned):
    """In the CRL all, by openssl's reading; by OCSP each one, too."""
    serials = {line["serial"] for line in told["revoked"]} | set(burned)
    check.require(told["revoked"], "nothing was revoked")
    check.require(not told["contradicted"], f"OCSP once said: {told['contradicted'][:1]}")
    deadline = time.monotonic() + LONGEST_PUBLISHING_SECS
    listed = in_crl(check, authority)
    while not serials <= listed and time.monotonic() < deadline:
        time.sleep(1)
        listed = in_crl(check, authority)
    unlisted = serials - listed
    check.require(not unlisted, f"{len(unlisted)} of {len(serials)} not in the CRL: "
                                f"{sorted(unlisted)[:1]}")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda some: by_ocsp(check, authority, some), batches(sorted(serials)))
    good = [line for lines in answers for line in lines if not line.endswith(": revoked")]
    check.require(not good, f"{len(good)} of {len(serials)} not by OCSP: {good[:1]}")
    print(f"  revocations  {len(told['revoked'])} acknowledged, {len(serials)} with burned serials, "
          f"{len(listed)} in the CRL", flush=True)


def in_crl(check, authority):
    """The serials that the CRL lists now."""
    file, chain = check.log.with_suffix(".crl"), check.log.with_suffix(".pem")
    file.write_bytes(fetch(f"{authority.pki_url}/crl/tls.crl"))
    chain.write_bytes(authority.intermediate.read_bytes() + authority.root.read_bytes())
    text = check.run("openssl", "crl", "-inform", "DER", "-in", file, "-noout", "-text",
                     "-CAfile", chain)
    check.require("verify OK" in text, "the CRL's signature is wrong")
    return {line.lower() for line in re.findall(r"Serial Number: ([0-9A-F]+)", text)}


def by_ocsp(check, authority, serials):
    """What openssl prints about each of some serials."""
    lines = []
    for serial in serials:
        output = check.run("openssl", "ocsp", "-issuer", authority.intermediate, "-no_nonce",
                           "-serial", f"0x{serial}", "-CAfile", authority.root,
                           "-url", f"{authority.pki_url}/ocsp/tls")
        check.require("Response verify OK" in output, f"not verified: {output[-300:]}")
        lines.append(check.find(rf"^0x{serial}: \w+$", output, "no status").group(0))
    return lines


def crl_numbers_grow(check, served, lag_secs):
    """What was served once is not taken back, but for servers that have not heard of it yet."""
    check.require(served, "no CRL was served")
    settled, highest = iter(served), 0
    earlier = next(settled)
    for line in served:
        while earlier["at"] < line["at"] - lag_secs:
            highest = max(highest, int(earlier["number"], 16))
            earlier = next(settled)
        check.require(int(line["number"], 16) >= highest, f"{line} after {highest:x}")


def no_order_is_stuck(check, authority, bearer, told):
    """Every order that a client knows is complete; none is being signed."""
    ordered = {line["url"] for line in told["ordered"]}
    open_ones = ordered - {line["url"] for line in told["completed"]}
    check.require(ordered, "nothing was ordered")
    check.require(not open_ones, f"{len(open_ones)} of {len(ordered)}: {sorted(open_ones)[:1]}")
    api = Api(authority, bearer)
    states = {state: api.count(f"/api/v1/orders?status={state}")
              for state in ("pending", "ready", "processing", "invalid")}
    print(f"  orders       {len(ordered)} complete; others: {states}", flush=True)
    check.require(states["processing"] == 0, f"{states['processing']} orders are processing")
    check.require(states["invalid"] == 0, f"{states['invalid']} orders are invalid")


def windows(events, begins, ends, after):
    """The spans between two kinds of events, and some seconds more."""
    spans, begun = [], None
    for event in events:
        if event["what"] == begins:
            begun = event["at"]
        elif event["what"] == ends and begun is not None:
            spans.append((begun - 0.5, event["at"] + after))
            begun = None
    return spans


def within(moment, spans):
    """Whether a moment lies in one of the spans."""
    return any(begin <= moment <= end for begin, end in spans)


def batches(serials, most=200):
    """A list in pieces."""
    return [serials[start:start + most] for start in range(0, len(serials), most)]


def exported(check, authority, kind, *more):
    """The serials that events of a kind are about."""
    output = authority.command(check, "audit", "export", "--kind", kind, *more)
    return [json.loads(line)["subject"].lower() for line in output.splitlines()
            if line.startswith("{")]


class Api:
    """The JSON API, a connection for each thread."""

    def __init__(self, authority, bearer):
        self._at = urllib.parse.urlsplit(authority.external_url)
        self._tls = ssl.create_default_context(cafile=str(authority.root))
        self._headers = {"Authorization": f"Bearer {bearer.read_text().strip()}"}
        self._own = threading.local()

    def get(self, path):
        """A resource; None if there is none. A server that limits its clients is waited for."""
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPSConnection(
                self._at.hostname, self._at.port, context=self._tls, timeout=30)
        while True:
            self._own.connection.request("GET", path, headers=self._headers)
            response = self._own.connection.getresponse()
            body = response.read()
            if response.status == 200:
                return json.loads(body)
            if response.status == 404:
                return None
            if response.status not in (429, 503):
                raise Failed(f"{path}: {response.status} {body[:200]}")
            time.sleep(int(response.headers["Retry-After"]))

    def count(self, path):
        """How many items a list has over all its pages."""
        total, cursor = 0, None
        while True:
            more = f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""
            page = self.get(f"{path}&limit=1000{more}")
            total += len(page["items"])
            cursor = page.get("next")
            if not cursor:
                return total


LONGEST_SETTLING_SECS = 150
# Seconds; a busy machine takes longer.
LONGEST_PUBLISHING_SECS = 30
