"""Several servers on one PostgreSQL behind HAProxy, under load by patient clients, while one after
the other is killed, frozen, cut off, restarted, and the database fails over.

Each trouble says what must hold while it lasts; when all are over, the books are judged by what
the clients know.
"""

import json
import os
import signal
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from faults.trouble import append
from harness.cluster import CLIENTS, Cluster, client_addresses
from harness.nameserver import NameServer
from harness.network import wait_for
from judges import books


@dataclass(frozen=True)
class Plan:
    """How many servers, how much load, which troubles."""

    servers: int
    rate: float
    troubles: tuple = field(default=())
    # The release before, for a rolling upgrade; the same program if there is none.
    before: Path | None = None


def endure(report, server, folder, plan):
    """Starts the cluster, loads and troubles it, judges it."""
    scene = Scene(report, folder, plan)
    with report.check("many servers: one address, one database") as check:
        addresses = client_addresses(["load"])
        with NameServer(check, folder / "named", addresses, CLIENTS) as nameserver:
            cluster = Cluster(plan.before or server, folder / "ca", plan.servers, nameserver)
            cluster.drains = plan.before is None
            scene.release = server
            with cluster.started(check):
                check.quiet_if_passed = True
                scene.play(check, cluster, addresses["load"])
                books.judge(report, cluster, cluster.folder / "admin-token", folder,
                            "many servers", CRL_LAG_SECS)


class Scene:
    """Load in the background, troubles one after the other."""

    def __init__(self, report, folder, plan):
        self._report = report
        self._plan = plan
        self.folder = folder
        self.cluster = None
        # What an upgrade leads to.
        self.release = None

    def play(self, check, cluster, address):
        """Every trouble once; the load ends when they are over."""
        self.cluster = cluster
        self.note("start")
        load = check.start(*self._load(address))
        wait_for(self._has_certificates, "the load's first certificates", 60)
        for trouble in self._plan.troubles:
            with self._report.check(f"many servers: {trouble.__doc__.splitlines()[0]}") as one:
                trouble(one, self)
            wait_for(self._is_whole, "every server takes clients again", 60)
        (self.folder / "over").touch()
        code = load.wait(within=150)
        check.require(code in (0, 1), f"the load tool ended with {code}")

    def note(self, what):
        """For the judge: from when to when errors of connections are to be expected."""
        append(self.folder / "events", {"at": time.time(), "what": what, "life": 0})

    def holder(self):
        """The server that publishes; waits until it is agreed upon."""
        wait_for(lambda: self.cluster.holder() is not None, "one holder of the lease", 15)
        return self.cluster.holder()

    def others(self, member):
        """The servers beside this one."""
        return [other for other in self.cluster.members if other is not member]

    def followed(self, check, former, since):
        """Another server holds every lease of this one within ten seconds."""
        heirs = self.others(former)
        for work in LEASES:
            wait_for(lambda: sum(heir.holds(work) for heir in heirs) == 1, f"takeover of {work}",
                     max(1, since + TAKEOVER_SECS - time.monotonic()))
        check.note(f"taken over after {time.monotonic() - since:.1f} s\n")

    def replace(self, check, member, program=None):
        """Stops one in order and starts it again, perhaps of another release."""
        self.note("kill")
        code = member.stop()
        check.require(code == 0, f"server {member.number} ended with {code} when asked to stop")
        member.server = program or member.server
        member.serve(check)
        wait_for(lambda: self.cluster.takes_clients(member), "clients come back", 30)
        self.note("ready")

    def _load(self, address):
        cluster = self.cluster
        tool = Path(os.environ.get("CA_LOAD", self.release.parent / "ca-load"))
        return (tool, "mix", "--directory", cluster.directory(), "--root", cluster.root, "--pki",
                cluster.pki_url, "--token", cluster.folder / "admin-token", "--rate",
                self._plan.rate, "--secs", LONGEST_SECS, "--zone", "load.test", "--responder",
                f"{address}:{cluster.http_port}", "--accounts", 8, "--journal",
                self.folder / "journal", "--until", self.folder / "over")

    def _has_certificates(self):
        journal = self.folder / "journal"
        return journal.exists() and '"certificate"' in journal.read_text()

    def _is_whole(self):
        members = self.cluster.members
        return all(self.cluster.takes_clients(member) for member in members)


def one_is_killed(check, scene):
    """one is killed: its work is another's within ten seconds"""
    victim = scene.holder()
    scene.note("kill")
    since = time.monotonic()
    victim.kill()
    scene.followed(check, victim, since)
    victim.serve(check)
    wait_for(lambda: scene.cluster.takes_clients(victim), "clients come back", 30)
    scene.note("ready")
    check.require(not victim.holds("crl.tls"), "it took its work back from a server that is well")


def one_is_frozen(check, scene):
    """one is frozen: its work is another's, and when it wakes it publishes nothing"""
    victim = scene.holder()
    scene.note("kill")
    since = time.monotonic()
    victim.signal(signal.SIGSTOP)
    try:
        scene.followed(check, victim, since)
        published = victim.published()
    finally:
        victim.signal(signal.SIGCONT)
    wait_for(victim.is_ready, "it wakes", 20)
    scene.note("ready")
    # The figure is as old as the last look at the leases: a second.
    wait_for(lambda: not victim.holds("crl.tls"), "it tells that the lease is another's", 5)
    check.require(victim.published() == published, "it published beside its successor")


def one_is_cut_off(check, scene):
    """one is cut off from the database: it answers 503 with Retry-After and recovers by itself"""
    victim = scene.holder()
    scene.note("kill")
    since = time.monotonic()
    victim.host.pull_cable("back")
    try:
        answers = [refusal(scene.cluster, victim) for _ in range(3)]
        scene.followed(check, victim, since)
        wait_for(lambda: not victim.is_ready(), "/readyz says 503", 5)
        answers.append(refusal(scene.cluster, victim))
    finally:
        victim.host.plug_in("back")
    wait_for(victim.is_ready, "it recovers", 20)
    scene.note("ready")
    for status, retry_after, took in answers:
        check.note(f"{status}, Retry-After {retry_after}, after {took:.1f} s\n")
    check.require(all(status == 503 and retry_after for status, retry_after, _ in answers),
                  f"it answered {answers}")
    check.require(all(took < PATIENCE_SECS for _, _, took in answers), f"too late: {answers}")


def each_is_restarted(check, scene):
    """each is restarted in turn"""
    for member in scene.cluster.members:
        scene.replace(check, member)


def each_is_upgraded(check, scene):
    """a rolling upgrade: migrated while the release before serves, then each replaced in turn"""
    scene.cluster.server = scene.release
    scene.cluster.command(check, "migrate")
    for member in scene.cluster.members:
        scene.replace(check, member, scene.release)


def the_configuration_changes(check, scene):
    """the configuration changes on one server after the other"""
    scene.cluster.append(MORE_CONFIGURATION)
    for member in scene.cluster.members:
        scene.replace(check, member)


def the_database_fails_over(check, scene):
    """the database's primary is gone and its standby promoted"""
    scene.cluster.postgresql.start_standby()
    time.sleep(5)  # commits under synchronous replication
    scene.note("kill")
    scene.cluster.postgresql.fail_over()
    wait_for(lambda: all(member.is_ready() for member in scene.cluster.members),
             "every server finds the new primary", 30)
    scene.note("ready")


def refusal(cluster, member):
    """What one server says to a client that goes to it directly: status, Retry-After, seconds."""
    begun = time.monotonic()
    tls = ssl.create_default_context(cafile=str(cluster.root))
    tls.check_hostname = False  # the certificate is for the balanced address
    url = f"https://{member.host.front}:8443/api/v1/whoami"
    bearer = (cluster.folder / "admin-token").read_text().strip()
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {bearer}"})
    try:
        with urllib.request.urlopen(request, timeout=40, context=tls) as response:
            status, headers = response.status, response.headers
    except urllib.error.HTTPError as error:
        status, headers = error.code, error.headers
    return status, headers.get("Retry-After"), time.monotonic() - begun


LEASES = ("crl.tls", "audit.seal", "upkeep")
TAKEOVER_SECS = 10
# A revocation is in every server's CRL within this.
CRL_LAG_SECS = 5
PATIENCE_SECS = 10
LONGEST_SECS = 3600
MORE_CONFIGURATION = """
[[acme]]
name = "added"
profiles = ["tls-server"]
default_profile = "tls-server"
external_account = "off"
challenges = ["http-01"]
allow = ["dns:**"]
"""
FAST = (one_is_killed, one_is_cut_off)
LONG = (one_is_killed, one_is_frozen, one_is_cut_off, each_is_restarted,
        the_configuration_changes, the_database_fails_over)
