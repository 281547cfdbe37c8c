"""Ports, loopback addresses and plain HTTP."""

import contextlib
import functools
import http.server
import socket
import threading
import time
import urllib.request

from harness.checks import Failed


def free_port(address="127.0.0.1"):
    """A TCP port that is free now, and whose UDP counterpart is, too."""
    for _ in range(50):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind((address, 0))
            port = tcp.getsockname()[1]
            with contextlib.suppress(OSError):
                udp.bind((address, port))
                return port
    raise Failed("no free port")


def fetch(url, within=10):
    """The body of a plain HTTP resource."""
    with urllib.request.urlopen(url, timeout=within) as response:
        return response.read()


def wait_for(condition, what, within):
    """Asks again until the answer is true, or the time is up."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise Failed(f"{what} did not happen within {within} s")


def answers(url):
    """Whether a URL answers with success."""
    try:
        fetch(url, within=2)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def serving_files(folder, address, port):
    """Serves a folder, for clients that leave the web server to others."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer((address, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_):
        """Requests are in the clients' logs."""
