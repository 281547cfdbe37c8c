"""A SoftHSM token in a folder of its own, which can be taken away."""

import os
from pathlib import Path


class Token:
    """A token; every program started after this finds it by the environment."""

    def __init__(self, check, folder):
        self._tokens = folder / "tokens"
        self._away = folder / "tokens.away"
        self._pin_file = folder / "pin"
        self._tokens.mkdir(parents=True)
        settings = folder / "softhsm2.conf"
        settings.write_text(f"directories.tokendir = {self._tokens}\n"
                            "objectstore.backend = file\nlog.level = ERROR\n")
        self._pin_file.write_text(PIN)
        self._pin_file.chmod(0o600)
        os.environ["SOFTHSM2_CONF"] = str(settings)
        check.run("softhsm2-util", "--init-token", "--free", "--label", LABEL,
                  "--pin", PIN, "--so-pin", "87654321")

    def uri(self, key):
        """The URI of a key; its PIN is read from a file."""
        return (f"pkcs11:token={LABEL};object={key}?module-path={MODULE}"
                f"&pin-source=file:{self._pin_file}")

    def take_away(self):
        """From now on no session, open or new, can sign."""
        self._tokens.rename(self._away)

    def give_back(self):
        """As it was."""
        if self._away.exists():
            self._away.rename(self._tokens)


LABEL = "ca"
PIN = "2711-1984"
MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
