"""What one suite works with."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from harness.authority import Authority
from harness.checks import Report
from harness.nameserver import NameServer
from harness.pipelines import Pipelines


@dataclass(frozen=True)
class Bench:
    """The shared server and name server, and a folder and an address for this suite alone."""

    name: str
    folder: Path
    server: Path
    authority: Authority
    nameserver: NameServer
    pipelines: Pipelines
    report: Report

    def check(self, name):
        """Opens a check under the suite's name."""
        return self.report.check(f"{self.name}: {name}")

    def host(self, name):
        """A DNS name which leads to this suite's address."""
        return f"{name}.{self.name}.{self.nameserver.ZONE}"

    @property
    def address(self):
        """The loopback address on which this suite's client answers challenges."""
        return self.nameserver.addresses[self.name]


@dataclass(frozen=True)
class Issued:
    """The files a client holds after it got a certificate."""

    leaf: Path
    chain: Path
    key: Path
    lifetime: timedelta = timedelta(hours=24)
