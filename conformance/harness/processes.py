"""Processes: every one has a time limit and ends with the run, its children included."""

import contextlib
import os
import signal
import subprocess
import threading

_running = set()
_is_over = threading.Event()
_running_lock = threading.Lock()


class TookTooLong(Exception):
    """A program did not end in time."""


def run_to_end(command, env=None, cwd=None, within=90):
    """Runs a program; returns its exit code and what it printed on both outputs."""
    with _started(command, subprocess.PIPE, env, cwd) as process:
        try:
            output, _ = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            _end_group(process, signal.SIGKILL)
            output, _ = process.communicate()
            text = output.decode(errors="replace")
            raise TookTooLong(f"{command[0]} took over {within} s: {text[-500:]}") from None
    return process.returncode, output.decode(errors="replace")


class Background:
    """A program that runs until it is stopped."""

    def __init__(self, command, log, env=None, cwd=None):
        self._log = log.open("ab")
        self._context = _started(command, self._log, env, cwd)
        self._process = self._context.__enter__()

    def stop(self, grace_secs=20):
        """Asks the program to end, then insists; returns its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(grace_secs)
        except subprocess.TimeoutExpired:
            _end_group(self._process, signal.SIGKILL)
            self._process.wait()
        self._context.__exit__(None, None, None)
        self._log.close()
        return self._process.returncode

    def kill(self):
        """Ends the program as a crash does, without a word to it."""
        self._process.kill()
        self.stop()

    @property
    def process_id(self):
        """The program's process id."""
        return self._process.pid

    def hang_up(self):
        """Sends SIGHUP: daemons read their configuration again."""
        self._process.send_signal(signal.SIGHUP)

    def wait(self, within=90):
        """Waits for the program's own end; returns its exit code."""
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise TookTooLong(f"{self._process.args[0]} took over {within} s") from None

    def has_ended(self):
        """Whether the program is gone."""
        return self._process.poll() is not None


def end_everything():
    """Ends what is still running and starts nothing more, however the run comes to its end."""
    _is_over.set()
    with _running_lock:
        processes = list(_running)
    for process in processes:
        _end_group(process, signal.SIGKILL)


@contextlib.contextmanager
def _started(command, output, env, cwd):
    """Starts a program in a process group of its own, so that its children can be ended, too."""
    if _is_over.is_set():
        raise OSError("the run is over")
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=clean_environment() | {key: str(value) for key, value in (env or {}).items()},
        cwd=cwd,
        start_new_session=True,
    )
    with _running_lock:
        _running.add(process)
    try:
        yield process
    finally:
        _end_group(process, signal.SIGKILL)
        with _running_lock:
            _running.discard(process)


def clean_environment():
    """The environment without what would send clients elsewhere: proxies and other roots."""
    unwanted = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file",
                "ssl_cert_dir", "requests_ca_bundle", "curl_ca_bundle", "lego_ca_certificates",
                "ca_server_config")
    kept = {key: value for key, value in os.environ.items() if key.lower() not in unwanted}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _end_group(process, how):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, how)
