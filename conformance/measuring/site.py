"""A CA for one measurement: fresh data, its own kind of key and database, pinned to a core."""

import contextlib
import json
import os
import time
from pathlib import Path

from harness import intermediate, postgres
from harness.authority import Authority
from harness.softhsm import Token

SERVER_CORE = ("taskset", "-c", "0")
CLIENT_CORE = ("taskset", "-c", "1")


class Site:
    """A serving CA, the load tool, and what the machine can do with this CA's key."""

    def __init__(self, check, authority, folder):
        self.check = check
        self.authority = authority
        self.folder = folder
        self._tool = Path(os.environ.get("CA_LOAD", authority.server.parent / "ca-load"))

    @property
    def process_id(self):
        """The server's."""
        return self.authority.process_id

    def load(self, kind, *arguments, pid=None):
        """Puts load and returns what the tool tells."""
        file = self.folder / f"load-{time.time_ns()}.json"
        self.check.run_either_way(*CLIENT_CORE, self._tool, kind, *arguments, "--json", file,
                                  "--pid", pid or self.process_id, within=80)
        told = json.loads(file.read_text())
        self.check.require(not told["errors"], f"errors: {told['errors']}")
        self.check.require(told["client"]["of_one_core"] < 0.95 or kind in ("fetch", "ocsp"),
                           "the figure is the client's own")
        return told

    def orders(self, count, *more):
        """ACME orders with http-01."""
        return self.load("acme", "--directory", self.authority.directory(), "--root",
                         self.authority.root, "--orders", count, "--responder",
                         f"127.0.0.1:{self.authority.http_port}", *more)

    def certificates(self, count, *more):
        """JSON issuance by bearer token, over 64 connections."""
        return self.load("certificates", "--url", self.authority.external_url, "--root",
                         self.authority.root, "--token", self.authority.folder / "admin-token",
                         "--profile=tls-server", "--connections=64", "--requests", count, *more)

    def limits(self):
        """What the server's core, key and disk can do, with the server idle."""
        output = self.check.run(*SERVER_CORE, self.authority.server, "limits", "--json",
                                "--each", "250", "--config", self.authority.config_file)
        return json.loads(output)


@contextlib.contextmanager
def site(check, server, folder, curve="p256", token=False, on_postgres=False):
    """Makes and serves a CA until the end."""
    os.environ["RUST_LOG"] = "warn"
    folder.mkdir(parents=True)
    authority = Authority(server, folder / "ca", prefix=SERVER_CORE)
    authority.quickstart(check)
    authority.stop()
    authority.set("http_port", str(authority.http_port))
    authority.append(NO_LIMITS)
    if token:
        key = Token(check, folder / "token").uri("tls")
        intermediate.replace(check, authority, key, curve)
    elif curve != "p256":
        intermediate.replace(check, authority, "file:other.key", curve)
    with contextlib.ExitStack() as stack:
        if on_postgres:
            url = stack.enter_context(postgres.database(check, SERVER_CORE))
            authority.set("url", json.dumps(url))
            authority.command(check, "migrate")
        authority.serve(check)
        try:
            yield Site(check, authority, folder)
        finally:
            authority.stop()


NO_LIMITS = """
[api]
requests_per_minute = 10000000
burst = 1000000

[limits.address]
requests_per_minute = 0
new_accounts_per_minute = 0

[limits.account]
requests_per_minute = 0
new_orders_per_minute = 0
unfinished_orders = 0
"""
