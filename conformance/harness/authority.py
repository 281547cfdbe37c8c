"""A ca-server made by quickstart, then served with an edited configuration."""

import contextlib
import re
import shlex
import tomllib

from harness.network import answers, free_port, wait_for


class Authority:
    """One CA in a folder; restarted with the same addresses."""

    def __init__(self, server, folder, nameserver=None, more=lambda authority: "", prefix=()):
        self.server = server
        # What goes before the server's command, such as taskset.
        self._prefix = prefix
        self.folder = folder
        self.nameserver = nameserver
        # What is added to the configuration, once the addresses are known.
        self._more = more
        self.root = folder / "root.pem"
        self.config_file = folder / "ca-server.toml"
        # Where challenges are answered: the same ports at every suite's own address.
        self.http_port = free_port()
        self.tls_alpn_port = free_port()
        self._process = None

    @contextlib.contextmanager
    def started(self, check):
        """Makes the CA with quickstart, edits the configuration, serves it until the end."""
        self.quickstart(check)
        code = self.stop()
        check.require(code == 0, f"quickstart ended with {code} when it was asked to stop")
        self._edit_configuration()
        self.serve(check)
        try:
            yield self
        finally:
            self.stop()

    def quickstart(self, check):
        """Makes the CA with free ports, or continues it with the same ones."""
        addresses = [f"--{name}=127.0.0.1:0" for name in ("public", "pki", "ops")]
        self._start(check, "quickstart", "--data", self.folder, *addresses)

    def serve(self, check):
        """Serves the CA by its configuration file."""
        self._start(check, "serve", "--config", self.config_file)

    def stop(self):
        """Stops serving; the folder stays."""
        return self._process.stop()

    def kill(self):
        """Ends the server as a crash does."""
        self._process.kill()

    def has_ended(self):
        """Whether the server is gone without being asked to."""
        return self._process.has_ended()

    @property
    def process_id(self):
        """The server's process id."""
        return self._process.process_id

    def set(self, key, value):
        """Gives a key of the configuration another value, as TOML; it must stand there once."""
        self.config_file.write_text(set_key(self.config_file.read_text(), key, value))

    def replace(self, former, latter):
        """Puts another text in the configuration where this one stands, once."""
        text = self.config_file.read_text()
        if text.count(former) != 1:
            raise ValueError(f"{former} stands {text.count(former)} times in the configuration")
        self.config_file.write_text(text.replace(former, latter))

    def append(self, text):
        """Adds sections to the configuration."""
        self.config_file.write_text(self.config_file.read_text() + text)

    def command(self, check, *arguments):
        """Runs another command of ca-server on this CA."""
        return check.run(self.server, *arguments, "--config", self.config_file)

    def external_account(self, check, directory):
        """Makes a key for external account binding; returns its id and its MAC key."""
        output = self.command(check, "eab", "create", "--directory", directory)
        kid = check.find(r"^kid +(\S+)$", output, "no key id in the output").group(1)
        mac = check.find(r"^hmac key +(\S+)$", output, "no MAC key in the output").group(1)
        return kid, mac

    def directory(self, name="default"):
        """The URL of an ACME directory."""
        return f"{self.external_url}/acme/{name}/directory"

    @property
    def external_url(self):
        """Where ACME is served."""
        return self._configuration()["server"]["external_url"]

    @property
    def pki_url(self):
        """Where revocation data is served."""
        return self._configuration()["server"]["pki_url"]

    @property
    def pki_urls(self):
        """Where each server serves revocation data."""
        return [self.pki_url]

    @property
    def intermediate(self):
        """The issuing CA's certificate."""
        return self.folder / "tls.pem"

    def reload(self):
        """Asks the server to read its configuration again."""
        self._process.hang_up()

    def _start(self, check, *arguments):
        self._process = check.start(*self._prefix, self.server, *arguments)
        wait_for(self._is_ready, f"ca-server {shlex.join(map(str, arguments[:1]))}: readiness", 60)

    def _is_ready(self):
        if self._process.has_ended():
            raise ValueError("ca-server ended at its start, see the log")
        if not self.config_file.exists():
            return False
        return answers(f"http://{self._configuration()['listen']['ops']}/readyz")

    def _configuration(self):
        return tomllib.loads(self.config_file.read_text())

    def _edit_configuration(self):
        text = self.config_file.read_text()
        text = set_key(text, "http_port", str(self.http_port))
        text = set_key(text, "tls_alpn_port", str(self.tls_alpn_port))
        if self.nameserver:
            text = set_key(text, "resolvers", f'["{self.nameserver.endpoint}"]')
            text += MORE_DIRECTORIES
        self.config_file.write_text(text + self._more(self))


def set_key(text, key, value):
    """Gives a key in the configuration another value."""
    edited, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
    if count != 1:
        raise ValueError(f"{count} lines set {key} in the configuration that quickstart wrote")
    return edited


MORE_DIRECTORIES = """
[[acme]]
name = "closed"
profiles = ["tls-server"]
default_profile = "tls-server"
external_account = "required"
challenges = ["http-01"]
allow = ["dns:**"]

[[acme]]
name = "mutual"
profiles = ["mtls"]
default_profile = "mtls"
external_account = "off"
challenges = ["http-01"]
allow = ["dns:**"]
"""
