"""Checks: each prints one line, and keeps a log of every command it ran."""

import contextlib
import re
import shlex
import threading
import traceback

from harness.processes import Background, run_to_end


class Failed(Exception):
    """What was expected did not happen."""


class Report:
    """Counts checks; suites in several threads report to the same one."""

    def __init__(self, logs):
        self.logs = logs
        self.logs.mkdir(parents=True)
        self.passed = 0
        self.failed = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def check(self, name):
        """Runs the block as one check: it fails by raising."""
        check = Check(self._new_log(name))
        try:
            yield check
        except Exception as error:  # a bug in a suite is a check that did not pass, too
            check.note(traceback.format_exc())
            self._failed(name, error, check.log)
        else:
            self._passed(name, check)

    def _new_log(self, name):
        stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80]
        with self._lock:
            number = len(list(self.logs.iterdir())) + 1
            log = self.logs / f"{number:03}-{stem}.log"
            log.touch()
        return log

    def _passed(self, name, check):
        if check.quiet_if_passed:
            return
        with self._lock:
            self.passed += 1
            print(f"ok      {name}", flush=True)

    def _failed(self, name, error, log):
        reason = " ".join(str(error).split()) or type(error).__name__
        with self._lock:
            self.failed += 1
            print(f"FAILED  {name}: {reason[:300]} (log: {log})", flush=True)


class Check:
    """An open check: the only way in which suites run programs."""

    def __init__(self, log):
        self.log = log
        self.quiet_if_passed = False

    def run(self, *command, env=None, cwd=None, within=90):
        """Runs a program that must succeed; returns what it printed."""
        code, output = self.run_either_way(*command, env=env, cwd=cwd, within=within)
        if code != 0:
            raise Failed(f"{command[0]} ended with {code}: {last_words(output)}")
        return output

    def refused(self, *command, env=None, cwd=None, within=90):
        """Runs a program that must fail; returns what it printed."""
        code, output = self.run_either_way(*command, env=env, cwd=cwd, within=within)
        if code == 0:
            raise Failed(f"{command[0]} succeeded, and must not")
        return output

    def run_either_way(self, *command, env=None, cwd=None, within=90):
        """Runs a program; returns its exit code and what it printed."""
        self.note(f"$ {shlex.join(map(str, command))}\n")
        code, output = run_to_end(command, env=env, cwd=cwd, within=within)
        self.note(f"{output}\n[ended with {code}]\n")
        return code, output

    def start(self, *command, env=None, cwd=None):
        """Starts a program that runs beside the check, its output in the check's log."""
        self.note(f"$ {shlex.join(map(str, command))} &\n")
        return Background(command, self.log, env=env, cwd=cwd)

    def require(self, holds, reason):
        """Fails with this reason unless it holds."""
        if not holds:
            raise Failed(reason)

    def find(self, pattern, text, reason):
        """Returns the first match of a pattern that must be in the text."""
        found = re.search(pattern, text, re.MULTILINE)
        if not found:
            raise Failed(f"{reason}: {last_words(text)}")
        return found

    def note(self, text):
        """Writes into the log."""
        with self.log.open("a", encoding="utf-8", errors="replace") as log:
            log.write(text if text.endswith("\n") else text + "\n")


def last_words(output):
    """The end of an output, where programs say what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " / ".join(lines[-3:])
