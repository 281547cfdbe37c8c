"""A PostgreSQL cluster in a temporary folder, on a socket, with its own defaults."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def database(check, prefix=()):
    """The URL of an empty database, until the end; `prefix` goes before the server's command."""
    folder = Path(tempfile.mkdtemp(prefix="ca-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    programs = newest_programs()
    check.run(*unprivileged(programs / "initdb"), "--pgdata", data, "--username=postgres",
              "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", cwd="/")
    settings = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}")
    server = check.start(*prefix, *unprivileged(programs / "postgres"), "-D", data, *settings,
                         cwd="/")
    try:
        client = ("--host", folder, "--username=postgres")
        check.run("timeout", "30", "sh", "-c",
                  f"until {programs}/pg_isready -q --host {folder}; do sleep 0.1; done")
        check.run(programs / "createdb", *client, "ca")
        yield f"postgres://postgres@localhost/ca?host={folder}"
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def unprivileged(program):
    """PostgreSQL refuses to run as root."""
    return ("runuser", "-u", "postgres", "--", program) if os.geteuid() == 0 else (program,)


def newest_programs():
    """Debian keeps them out of the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    if not folders:
        raise FileNotFoundError("PostgreSQL's initdb: run tests/install")
    return folders[-1]
