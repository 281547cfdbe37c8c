"""Kills and token failures at random moments, and what the server's process looks like meanwhile."""

import json
import random
import time
from pathlib import Path

from harness.checks import Failed


class Trouble:
    """One server after the other on the same data, and one token."""

    def __init__(self, authority, token, folder):
        self._authority = authority
        self._token = token
        self._events = folder / "events"
        self._samples = folder / "samples"
        self._life = 0

    def begin(self, check):
        """The first life."""
        self._note("start")
        self._authority.serve(check)
        self._note("ready")

    def make(self, check, load, plan):
        """Goes on until the load has ended; then the token is there and the server serves."""
        begun = time.monotonic()
        due = schedule(plan)
        while not load.has_ended():
            self._sample()
            self._restart_if_it_ended(check)
            elapsed = time.monotonic() - begun
            if due and due[0][0] <= elapsed:
                _, happens, secs = due.pop(0)
                happens(self, check, secs)
            time.sleep(0.5)
        code = load.wait()
        check.require(code in (0, 1), f"the load tool ended with {code}")

    def kill(self, check, _):
        """SIGKILL, and started again at once."""
        self._sample()
        self._note("kill")
        self._authority.kill()
        self._life += 1
        self._authority.serve(check)
        self._note("ready")

    def lose_token(self, check, secs):
        """The token's files are somewhere else for a while."""
        self._note("token away")
        self._token.take_away()
        try:
            until = time.monotonic() + secs
            while time.monotonic() < until:
                self._sample()
                time.sleep(0.5)
        finally:
            self._token.give_back()
            self._note("token back")
        check.note(f"the token was away for {secs:.1f} s\n")

    def _restart_if_it_ended(self, check):
        """A server that ends by itself is a failure, told at the end; the load goes on."""
        if self._authority.has_ended():
            self._note("died")
            self._life += 1
            self._authority.serve(check)
            self._note("ready")

    def _note(self, what):
        append(self._events, {"at": time.time(), "what": what, "life": self._life})

    def _sample(self):
        try:
            status = Path(f"/proc/{self._authority.process_id}/status").read_text()
        except OSError:
            return
        kib = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines()
               if line.startswith(("VmRSS", "VmHWM"))}
        sizes = {name: size(self._authority.folder / name) for name in ("ca.db", "ca.db-wal")}
        if len(kib) == 2:
            append(self._samples, {"at": time.time(), "life": self._life} | kib | sizes)


def schedule(plan):
    """A kill each minute, the token away in every second one, never both at a time."""
    due = []
    for minute in range(max(1, int(plan.minutes))):
        if plan.kills:
            due.append((minute * 60 + random.uniform(8, 25), Trouble.kill, 0))
        if plan.token_failures and minute % 2 == 0:
            due.append((minute * 60 + random.uniform(32, 42), Trouble.lose_token,
                        random.uniform(3, 8)))
    return due


def append(file, line):
    """Adds a line of JSON."""
    with file.open("a") as to:
        to.write(json.dumps(line) + "\n")


def size(file):
    """How many bytes a file has; none if it is not there."""
    return file.stat().st_size if file.exists() else 0


def read(file):
    """Lines of JSON."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    if not lines:
        raise Failed(f"{file} is empty")
    return lines
