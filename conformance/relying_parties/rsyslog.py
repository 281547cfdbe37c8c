"""rsyslog: receives the audit log over TLS, through both of its TLS libraries."""

import json
import re

from harness.authority import Authority
from harness.network import free_port, wait_for


def suite(bench):
    """A receiver of every event, which is away for a while."""
    authority = Authority(bench.server, bench.folder / "ca")
    receiver = Rsyslog(bench)
    with bench.check("a CA is made that hands its audit log to rsyslog") as check:
        receiver.make_certificate(check)
        authority.quickstart(check)
        authority.stop()
        hand_on(authority, receiver, "")
    gets_every_event(bench, authority, receiver)
    gets_them_through_gnutls(bench, authority, receiver)


def gets_every_event(bench, authority, receiver):
    """RFC 5425 as rsyslog does it with OpenSSL: it answers close_notify."""
    with bench.check("gets every event, and can read it") as check:
        receiver.start(check, "ossl")
        authority.serve(check)
        make_event(check, authority, "one")
        wait_for(lambda: receiver.has("one"), "the event", 40)
        received = receiver.received()
        check.require(all(app == "ca-server" for app, *_ in received), "another app-name")
        check.require(all(facility == "13" for _, facility, *_ in received), "another facility")
        kinds = {kind for _, _, kind, *_ in received}
        check.require("external-account-key.created" in kinds, f"only {kinds}")
    with bench.check("gets what happened while it was away") as check:
        receiver.stop()
        make_event(check, authority, "two")
        wait_for(lambda: is_sealed(check, authority, "two"), "the event's seal", 40)
        receiver.start(check, "ossl")
        make_event(check, authority, "three")
        wait_for(lambda: receiver.has("two") and receiver.has("three"), "both events", 60)
    with bench.check("has every event that the server exports, each as it is there") as check:
        code = authority.stop()
        check.require(code == 0, f"the server ended with {code}")
        receiver.stop()
        compare(check, authority, receiver)


def gets_them_through_gnutls(bench, authority, receiver):
    """With GnuTLS rsyslog sends no close_notify: that has to be agreed upon."""
    with bench.check("an end without close_notify confirms nothing by default") as check:
        receiver.start(check, "gtls")
        authority.serve(check)
        wait_for(lambda: "close_notify" in check.log.read_text(), "the server's complaint", 40)
        authority.stop()
    with bench.check("it does where confirmation is end-of-stream") as check:
        hand_on(authority, receiver, 'confirmation = "end-of-stream"\n')
        authority.serve(check)
        make_event(check, authority, "four")
        wait_for(lambda: receiver.has("four"), "the event", 60)
        authority.stop()
        receiver.stop()
        compare(check, authority, receiver)


class Rsyslog:
    """An rsyslogd that writes what it parsed into a file, on the same port in every life."""

    def __init__(self, bench):
        self.folder = bench.folder / "rsyslog"
        self.folder.mkdir()
        self.certificate = self.folder / "certificate.pem"
        self.port = free_port()
        self.file = self.folder / "received"
        self._process = None

    def make_certificate(self, check):
        """One that is its own root, and no CA's."""
        check.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=logs.test",
                  "-addext", "subjectAltName=DNS:logs.test",
                  "-addext", "basicConstraints=critical,CA:FALSE",
                  "-keyout", self.folder / "key.pem", "-out", self.certificate)

    def start(self, check, driver):
        """Starts it with one of its TLS libraries."""
        configuration = self.folder / f"{driver}.conf"
        configuration.write_text(CONFIGURATION.format(
            folder=self.folder, driver=driver, port=self.port, file=self.file))
        self._process = check.start("rsyslogd", "-n", "-f", configuration,
                                    "-i", self.folder / "pid")

    def stop(self):
        """Ends it; it writes what it has read."""
        self._process.stop()

    def received(self):
        """What it read, as it split it: app-name, facility, msgid, structured data, message."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [line.split("\t", 4) for line in lines if line.count("\t") >= 4]

    def has(self, comment):
        """Whether it has the event of the key with this comment."""
        return any(f'"comment":"{comment}"' in message for *_, message in self.received())


def hand_on(authority, receiver, more):
    """Adds the receiver to the server's configuration, or changes it."""
    before = authority.config_file.read_text().split("\n[audit.syslog]\n")[0]
    authority.config_file.write_text(
        f'{before}\n[audit.syslog]\naddress = "127.0.0.1:{receiver.port}"\n'
        f'ca = "{receiver.certificate}"\nserver_name = "logs.test"\n{more}')


def make_event(check, authority, comment):
    """Lets an operator do something."""
    authority.command(check, "eab", "create", "--comment", comment)


def is_sealed(check, authority, comment):
    """Whether the event is in the chain."""
    events = exported(check, authority)
    return any(event["details"].get("comment") == comment and event["position"]
               for event in events)


def exported(check, authority):
    """The log as the server exports it."""
    lines = authority.command(check, "audit", "export").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{\"sequence\"")]


def compare(check, authority, receiver):
    """Nothing is missing up to the last that came, and nothing is other than it was."""
    events = {event["position"]: event for event in exported(check, authority)}
    positions = set()
    for *_, data, message in receiver.received():
        received = json.loads(message)
        position = received["position"]
        positions.add(position)
        sequence = re.search(r'\[meta sequenceId="(\d+)"\]', data)
        check.require(sequence and int(sequence[1]) == position, f"another sequence: {data}")
        if "left_out_octets" in received["details"]:
            received["details"] = events[position]["details"]
        check.require(received == events[position], f"event {position} came as {received}")
    missing = set(range(1, max(positions, default=0) + 1)) - positions
    check.require(positions and not missing, f"missing: {sorted(missing)}")


CONFIGURATION = """
global(
    workDirectory="{folder}"
    defaultNetstreamDriver="{driver}"
    defaultNetstreamDriverCAFile="{folder}/certificate.pem"
    defaultNetstreamDriverCertFile="{folder}/certificate.pem"
    defaultNetstreamDriverKeyFile="{folder}/key.pem"
)
module(load="imtcp" streamDriver.name="{driver}" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="parsed" type="string"
    string="%app-name%\\t%syslogfacility%\\t%msgid%\\t%structured-data%\\t%msg%\\n")
ruleset(name="file") {{ action(type="omfile" file="{file}" template="parsed") }}
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="file")
"""
