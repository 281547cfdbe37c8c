"""A PostgreSQL primary with a synchronous standby, each on a host of its own."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

from harness.network import wait_for
from harness.postgres import newest_programs, unprivileged
from harness.processes import run_to_end


class Replicated:
    """Two instances; commits are acknowledged when both have them."""

    def __init__(self, check, hosts, trusted):
        self.check = check
        self.folder = Path(tempfile.mkdtemp(prefix="ca-pg-"))
        self.programs = newest_programs()
        shutil.chown(self.folder, "postgres")
        self.hosts = hosts
        self.trusted = trusted
        self._instances = {}

    def start_primary(self):
        """Makes the primary, with a database `ca` and the roles that the sample names."""
        host = self.hosts[0]
        data = self.folder / host.name
        self._program("initdb", "--pgdata", data, "--username=postgres", "--auth=trust",
                      "--encoding=UTF8", "--no-locale", "--no-sync")
        rules = [f"host all all {network} trust\nhost replication all {network} trust\n"
                 for network in self.trusted]
        with (data / "pg_hba.conf").open("a", encoding="utf-8") as access:
            access.writelines(rules)
        self._start(host)
        self.query(host, "CREATE ROLE haproxy LOGIN")
        self.query(host, "CREATE DATABASE ca")

    def start_standby(self):
        """Copies the primary, follows it, and makes it wait for this copy at each commit."""
        primary, standby = self.hosts
        self.check.run(*primary.prefix, *unprivileged(self.programs / "pg_basebackup"),
                       "--pgdata", self.folder / standby.name, "--write-recovery-conf", "--dbname",
                       f"host={primary.back} user=postgres application_name=standby",
                       "--checkpoint=fast", "--no-sync", cwd="/")
        self._start(standby)
        self.query(primary, "ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        self.query(primary, "SELECT pg_reload_conf()")
        state = "SELECT sync_state FROM pg_stat_replication"
        wait_for(lambda: self.query(primary, state) == "sync", "synchronous replication", 20)

    def fail_over(self):
        """The primary is gone at once; the standby takes its place."""
        primary, standby = self.hosts
        os.kill(self._process_id(primary), signal.SIGKILL)
        self._instances.pop(primary.name).stop()
        self._program("pg_ctl", "promote", "--wait", "--pgdata", self.folder / standby.name)

    def query(self, host, statement):
        """What a statement returns, on one instance."""
        return self.check.run(self.programs / "psql", "--host", self._socket(host), "--username=postgres", "--no-align",
                              "--tuples-only", "--quiet", "--command", statement).strip()

    def stop(self):
        """Ends both and removes what they kept."""
        for instance in self._instances.values():
            instance.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _process_id(self, host):
        file = self.folder / host.name / "postmaster.pid"
        return int(file.read_text().splitlines()[0])

    def _start(self, host):
        settings = {"listen_addresses": host.back, "max_connections": 200,
                    "unix_socket_directories": self._socket(host)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        self._instances[host.name] = self.check.start(
            *host.prefix, *unprivileged(self.programs / "postgres"), "-D",
            self.folder / host.name, *options, cwd="/")
        ready = (self.programs / "pg_isready", "-q", "--host", self._socket(host))
        wait_for(lambda: run_to_end(ready)[0] == 0, f"PostgreSQL on {host.name}", 30)

    def _socket(self, host):
        """A folder beside the data: a copy of the data must not hold the socket's lock."""
        folder = self.folder / f"{host.name}-socket"
        if not folder.exists():
            folder.mkdir()
            shutil.chown(folder, "postgres")
        return folder

    def _program(self, name, *arguments):
        self.check.run(*unprivileged(self.programs / name), *arguments, cwd="/")
