"""Several servers on one PostgreSQL behind HAProxy, each on a host of its own.

HAProxy runs with the very files of deploy/haproxy, and all servers with one configuration file.
"""

import contextlib
import json
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path

from harness.authority import Authority
from harness.namespaces import BACK, FRONT, Host, add_client_address
from harness.network import answers, wait_for
from harness.processes import Background
from harness.replicated import Replicated

DEPLOY = Path(__file__).resolve().parents[2] / "deploy/haproxy"
CLIENTS = f"{FRONT}.1"


class Cluster(Authority):
    """To its clients it is an authority like any other."""

    def __init__(self, server, folder, count, nameserver=None, more=lambda authority: ""):
        super().__init__(server, folder, nameserver, more)
        self.balancer = Host("lb", 2)
        self.databases = (Host("db-1", 11), Host("db-2", 12))
        self.members = [Member(self, number) for number in range(1, count + 1)]
        self.postgresql = None
        # Whether the program knows `[listen] drain`.
        self.drains = True
        self._balancing = []
        self._admin = folder.parent / "haproxy-admin.sock"

    @contextlib.contextmanager
    def started(self, check):
        """Makes the CA at the balancer's address, moves it to PostgreSQL, starts every server."""
        with contextlib.ExitStack() as world:
            self._make(check)
            self.postgresql = Replicated(check, self.databases, [f"{BACK}.0/24"])
            world.callback(self.postgresql.stop)
            self.postgresql.start_primary()
            self._balance(check, "postgresql.cfg", {
                f"POSTGRESQL_{n}": host.back for n, host in enumerate(self.databases, 1)})
            world.callback(self._stop_balancing)
            wait_for(lambda: self._database_answers(check), "the database behind HAProxy", 20)
            self._edit_configuration()
            # Quickstart continued: it migrates the new database and admits the same token.
            self._quickstart(check)
            self._process.stop()
            self._share_configuration()
            world.callback(self.stop)
            self.serve(check)
            self._balance(check, "ca-server.cfg", {"HAPROXY_ADMIN": self._admin} | {
                f"CA_SERVER_{n}": f"{FRONT}.{20 + n}" for n in (1, 2, 3)})
            wait_for(lambda: all(self.takes_clients(member) for member in self.members),
                     "every server behind HAProxy", 30)
            yield self

    def serve(self, check):
        """Starts the servers one after the other: the first holds the leases."""
        for member in self.members:
            member.serve(check)

    def stop(self):
        """Stops all; returns the worst exit code."""
        return max([member.stop() for member in self.members if member.runs()], default=0)

    def reload(self):
        """Asks all to read their configuration again."""
        for member in self.members:
            member.reload()

    @property
    def pki_urls(self):
        """Past the balancer: each server has its own copy of a CRL, and a moment to fetch it."""
        return [f"http://{member.host.front}:8080" for member in self.members]

    def holder(self, work="crl.tls"):
        """The server that holds a lease, if exactly one says so."""
        holders = [member for member in self.members if member.holds(work)]
        return holders[0] if len(holders) == 1 else None

    def takes_clients(self, member):
        """Whether HAProxy sends clients to a server."""
        if not self._admin.exists():
            return False
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self._admin))
            asked.sendall(b"show stat\n")
            table = b"".join(iter(lambda: asked.recv(65536), b"")).decode()
        rows = [line.split(",") for line in table.splitlines()]
        states = {row[1]: row[17] for row in rows if row[0] == "public"}
        return states.get(f"ca-{member.number}", "").startswith("UP")

    def _make(self, check):
        self._quickstart(check)
        code = self._process.stop()
        check.require(code == 0, f"quickstart ended with {code} when it was asked to stop")

    def _quickstart(self, check):
        """At the balancer's address: it is what clients type."""
        at = f"{self.balancer.front}"
        addresses = (f"--public={at}:8443", f"--pki={at}:8080", f"--ops={at}:9090")
        self._start(check, *self.balancer.prefix, self.server, "quickstart", "--data",
                    self.folder, *addresses)

    def _start(self, check, *command):
        self._process = check.start(*command)
        wait_for(self._is_ready, "ca-server: readiness", 60)

    def _edit_configuration(self):
        super()._edit_configuration()
        self.set("url", json.dumps(f"postgres://postgres@{self.balancer.back}/ca"))
        self.append("\n[api]\nrequests_per_minute = 1000000\nburst = 100000\n")

    def _share_configuration(self):
        for listener, port in (("public", 8443), ("pki", 8080), ("ops", 9090)):
            self.set(listener, f'"0.0.0.0:{port}"')
        if self.drains:
            self.replace("[listen]\n", '[listen]\ndrain = "5s"\n')

    def _database_answers(self, check):
        """Several times: HAProxy takes all for up until it has asked them."""
        ask = (self.postgresql.programs / "pg_isready", "-q", "--host", self.balancer.back)
        return all(check.run_either_way(*ask)[0] == 0 for _ in range(6))

    def _balance(self, check, file, environment):
        process = check.start(*self.balancer.prefix, "haproxy", "-db", "-f", DEPLOY / file,
                              env=environment)
        self._balancing.append(process)

    def _stop_balancing(self):
        for process in self._balancing:
            process.stop()


class Member:
    """One of the servers."""

    def __init__(self, cluster, number):
        self.number = number
        self.host = Host(f"ca-{number}", 20 + number)
        self.server = cluster.server
        self.log = cluster.folder.parent / "logs" / f"server-{number}.log"
        self._cluster = cluster
        self._process = None

    def serve(self, check):
        """Starts it and waits until it says that it is ready."""
        command = (*self.host.prefix, self.server, "serve", "--config", self._cluster.config_file)
        check.note(f"{command} & (log: {self.log})\n")
        self._process = Background(command, self.log)
        wait_for(self._is_ready, f"server {self.number}: readiness", 60)

    def stop(self):
        """Tells it to stop, and waits for its end."""
        process, self._process = self._process, None
        return process.stop(grace_secs=45)

    def kill(self):
        """Ends it as a crash does."""
        process, self._process = self._process, None
        process.kill()

    def signal(self, number):
        """Sends a signal."""
        os.kill(self._process.process_id, number)

    def reload(self):
        """SIGHUP."""
        self._process.hang_up()

    def runs(self):
        """Whether it was started and not ended since."""
        return self._process is not None and not self._process.has_ended()

    def published(self):
        """How many CRLs it published, by its log."""
        return self.log.read_text(errors="replace").count("CRL published")

    def is_ready(self):
        """Whether it says that it is ready."""
        return answers(f"http://{self.host.front}:9090/readyz")

    def holds(self, work):
        """Whether it says that it holds a lease; not if it says nothing."""
        try:
            address = f"http://{self.host.front}:9090/metrics"
            with urllib.request.urlopen(address, timeout=2) as response:
                return f'ca_lease_held{{work="{work}"}} 1\n' in response.read().decode()
        except (OSError, urllib.error.URLError):
            return False

    def _is_ready(self):
        if self._process.has_ended():
            raise ValueError(f"server {self.number} ended at its start, see the log")
        return self.is_ready()


def client_addresses(names):
    """An address of the clients' host for each suite."""
    return {name: add_client_address(101 + number) for number, name in enumerate(names)}
