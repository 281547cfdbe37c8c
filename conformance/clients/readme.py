"""The README's own commands, word for word but for ports and folders."""

import re
import time
from pathlib import Path

from harness.authority import Authority
from harness.network import fetch

README = Path(__file__).resolve().parents[2] / "README.md"


def suite(bench):
    """Follows the section `Try it` on a CA that has no name server but the system's."""
    home = bench.folder
    authority = Authority(bench.server, home / "my-ca")
    environment = {"HOME": home, "XDG_CONFIG_HOME": home / "settings"}
    write_certbot_settings(home, authority)
    with bench.check("the README has commands to follow") as check:
        commands = list(commands_of("Try it"))
        check.require(len(commands) > 5, f"found only {len(commands)} commands")
        check.require("quickstart" in commands[0], f"the first one is {commands[0]}")
    with bench.check("quickstart's CA stays up") as check:
        check.quiet_if_passed = True
        with authority.started(check):
            for command in commands[1:]:
                with bench.check(in_short(command)) as step:
                    output = step.run("sh", "-euc", here(command, authority), env=environment,
                                      cwd=home)
                    if command.startswith("openssl ocsp"):
                        step.require(": good\n" in output, f"not good: {output}")
            continues_when_run_again(bench, authority)


def continues_when_run_again(bench, authority):
    """The same root, and what was revoked stays revoked."""
    with bench.check("quickstart run again continues the same CA") as check:
        root, listed = authority.root.read_text(), revoked_soon(check, bench, authority)
        check.require(authority.stop() == 0, "the server did not stop in good order")
        authority.quickstart(check)
        check.require(authority.root.read_text() == root, "the root is another one")
        lost = listed - revoked_serials(check, bench, authority)
        check.require(not lost, f"{lost} of {listed} are not revoked any more")


def revoked_soon(check, bench, authority):
    """Both revocations of the README, which the CRL lists within 5 s."""
    until = time.monotonic() + 5
    while len(listed := revoked_serials(check, bench, authority)) < 2:
        check.require(time.monotonic() < until, f"the CRL lists {listed} after 5 s")
        time.sleep(0.1)
    return listed


def revoked_serials(check, bench, authority):
    """The serials that the published CRL lists."""
    file = bench.folder / "tls.pem"
    file.write_bytes(fetch(f"{authority.pki_url}/crl/tls.pem"))
    listing = check.run("openssl", "crl", "-noout", "-text", "-in", file)
    return set(re.findall(r"Serial Number: (\w+)", listing))


def commands_of(section):
    """Every command of the shell blocks of a section, continued lines joined."""
    text = README.read_text().partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        joined = re.sub(r"\\\n\s*", "", block)
        for line in joined.splitlines():
            if line.strip() and not line.startswith("#"):
                yield line.strip()


def here(command, authority):
    """The command with the ports of this run; certbot's are in its settings."""
    command = command.replace("https://localhost:8443", authority.external_url)
    command = command.replace("http://localhost:8080", authority.pki_url)
    return command.replace(" --http ", f" --http --http.port 127.0.0.1:{authority.http_port} ")


def write_certbot_settings(home, authority):
    """certbot's own folders and port 80 belong to the machine."""
    folder = home / "settings/letsencrypt"
    folder.mkdir(parents=True)
    lines = [f"{name}-dir = {home / 'certbot' / name}" for name in ("config", "work", "logs")]
    lines += [f"http-01-port = {authority.http_port}", "http-01-address = 127.0.0.1",
              "non-interactive = true"]
    (folder / "cli.ini").write_text("\n".join(lines) + "\n")


def in_short(command):
    """The words that tell the commands apart."""
    words = [word for word in command.split() if "=" not in word and not word.startswith("./")]
    verbs = [word for word in words[1:] if re.fullmatch(r"[a-z]+(\.localhost)?", word)]
    return " ".join([words[0], *verbs])
