"""BIND on a free port, with a zone that takes updates signed with a TSIG key."""

import re
import shutil

from harness.network import free_port, wait_for
from harness.processes import run_to_end


class NameServer:
    """Names under ZONE lead to the address of the suite they belong to."""

    ZONE = "test"
    KEY_NAME = "conformance"

    def __init__(self, check, folder, addresses, host="127.0.0.1"):
        self.check = check
        self.folder = folder
        self.host = host
        self.port = free_port(host)
        self.endpoint = f"{host}:{self.port}"
        self.key_file = folder / "tsig.key"
        self.addresses = addresses
        self._process = None

    def __enter__(self):
        self.folder.mkdir()
        key = self.check.run("tsig-keygen", "-a", "hmac-sha256", self.KEY_NAME)
        self.key_file.write_text(key)
        self.secret = re.search(r'secret "([^"]+)"', key).group(1)
        (self.folder / "zone").write_text(self._zone())
        (self.folder / "named.conf").write_text(self._configuration())
        self._process = self.check.start(
            shutil.which("named"), "-g", "-n", "1", "-c", self.folder / "named.conf"
        )
        wait_for(self._answers, "an answer of the name server", 20)
        return self

    def __exit__(self, *_):
        self._process.stop()

    def _answers(self):
        if self._process.has_ended():
            raise ValueError("named ended at its start, see the log")
        probe = ("nsupdate", "-k", self.key_file, "-t", "2", self._probe())
        return run_to_end(probe)[0] == 0

    def _probe(self):
        file = self.folder / "probe"
        file.write_text(
            f"server {self.host} {self.port}\nzone {self.ZONE}\n"
            f"update add probe.{self.ZONE}. 1 TXT probe\nsend\n"
        )
        return file

    def _zone(self):
        lines = [
            "$TTL 1",
            "@ SOA ns hostmaster 1 3600 600 86400 1",
            "@ NS ns",
            f"ns A {self.host}",
        ]
        lines += [f"*.{name} A {address}" for name, address in self.addresses.items()]
        return "\n".join(lines) + "\n"

    def _configuration(self):
        # The zone is a whole top-level domain: CAA is looked up from the name to the top.
        return f"""
include "{self.key_file}";
options {{
    directory "{self.folder}";
    pid-file none;
    session-keyfile none;
    listen-on port {self.port} {{ {self.host}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
}};
controls {{ }};
zone "{self.ZONE}" {{
    type primary;
    file "zone";
    allow-update {{ key {self.KEY_NAME}; }};
}};
"""
