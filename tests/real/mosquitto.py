"""A real mosquitto for tests: on a free loopback port, with a configuration of its own, gone when the test ends.

    with Mosquitto(tmp_path) as broker:                      # anonymous, plain TCP
        connect(broker.url)                                  # mqtt://127.0.0.1:<port>
        broker.kill(); broker.start()                        # the same port again, retained messages lost
        broker.restart()                                     # in one call
        broker.freeze(); broker.resume()                     # the process hangs, its sockets stay open

    Mosquitto(tmp_path, users={"ems": "secret"})             # password file, anonymous refused
    Mosquitto(tmp_path, tls=True)                            # mqtts://localhost:<port>, own CA in `broker.ca`
    Mosquitto(tmp_path, persistence=True)                    # retained messages and sessions survive `restart`
    Mosquitto(tmp_path, acl="user ems\\ntopic read a/#\\n")    # an ACL file, passed on as it is

As a fixture: `from tests.real.mosquitto import mosquitto` in a `conftest.py`; it skips where mosquitto is missing,
except in CI (environment variable `CI`), where a missing broker is a failure.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

_START_S = 10.0
_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def binary() -> str | None:
    """Path of the broker, or None. Debian installs it where only root's PATH looks."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


def free_port() -> int:
    """A loopback TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class BrokerStartError(RuntimeError):
    """mosquitto ended or did not listen in time; the message carries its last log lines."""


class Mosquitto:
    """One broker process in `directory`. The port stays the same from start to start."""

    def __init__(
        self,
        directory: Path,
        *,
        users: Mapping[str, str] | None = None,
        tls: bool = False,
        persistence: bool = False,
        acl: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        found = binary()
        if found is None:
            raise BrokerStartError("mosquitto is not installed")
        self._binary = found
        self.directory = directory / f"mosquitto-{id(self):x}"
        self.directory.mkdir(parents=True)
        self.users = dict(users or {})
        self.tls = tls
        self.persistence = persistence
        self.acl = acl
        self.options = dict(options or {})
        self.port = 0
        self.ca = self.directory / "ca.crt"
        self._process: subprocess.Popen[bytes] | None = None
        if tls:
            certificates(self.directory)
        if self.users:
            _passwords(self.directory / "passwords", self.users)

    def client(self, name: str) -> tuple[Path, Path]:
        """A client certificate for `name` by this broker's authority, and its key."""
        _signed(self.directory, name, f"/CN={name}")
        return self.directory / f"{name}.crt", self.directory / f"{name}.key"

    @property
    def url(self) -> str:
        return f"mqtts://localhost:{self.port}" if self.tls else f"mqtt://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> Self:
        """Start and wait until it listens; another port is tried when the first was taken in between."""
        for attempt in range(5):
            if self.port == 0 or (attempt > 0 and not self._ever_started):
                self.port = free_port()
            if self._listens():
                return self
        raise BrokerStartError(f"mosquitto does not listen on port {self.port}:\n{self.log[-2000:]}")

    def stop(self) -> None:
        """Orderly end: persistence is written, last wills of connected clients are sent."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """The process dies at once, as by `kill -9`."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """The process hangs: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def _ever_started(self) -> bool:
        return (self.directory / "started").exists()

    def _listens(self) -> bool:
        config = self.directory / "mosquitto.conf"
        config.write_text(self._configuration())
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "-c", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
                (self.directory / "started").touch()
                return self._process.poll() is None
            time.sleep(0.02)
        self.kill()
        return False

    def _configuration(self) -> str:
        lines = [
            # started by root it would change to a user who may not read here
            f"user {pwd.getpwuid(os.getuid()).pw_name}",
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'false' if self.users else 'true'}",
            f"persistence {'true' if self.persistence else 'false'}",
            f"persistence_location {self.directory}/",
            "log_dest stderr",
            "log_type all",
        ]
        if self.users:
            lines.append(f"password_file {self.directory / 'passwords'}")
        if self.acl is not None:
            path = self.directory / "acl"
            path.write_text(self.acl)
            path.chmod(0o600)
            lines.append(f"acl_file {path}")
        if self.tls:
            lines += [f"cafile {self.ca}", f"certfile {self.directory / 'server.crt'}"]
            lines += [f"keyfile {self.directory / 'server.key'}"]
        lines += [f"{name} {value}" for name, value in self.options.items()]
        return "\n".join(lines) + "\n"

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        self._signal(signal.SIGCONT)  # a frozen process would not notice SIGTERM
        self._signal(number)
        try:
            process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=5.0)
        self._process = None


def _openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60.0)


def certificates(directory: Path, names: str = "DNS:localhost,IP:127.0.0.1") -> None:
    """A certificate authority and a server certificate for `names`, valid for two days."""
    (directory / "extensions").write_text(f"subjectAltName={names}\n")
    ca = ("-x509", "-days", "2", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.crt")
    _openssl(directory, "req", *_CURVE, *ca)
    _signed(directory, "server", "/CN=localhost")


def _signed(directory: Path, name: str, subject: str) -> None:
    """`name.crt` and `name.key`, signed by the authority in `directory`."""
    _openssl(directory, "req", *_CURVE, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    sign = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions")
    _openssl(directory, "x509", "-req", "-in", f"{name}.csr", *sign, "-out", f"{name}.crt")


def _passwords(path: Path, users: Mapping[str, str]) -> None:
    path.write_text("".join(f"{user}:{password}\n" for user, password in users.items()))
    path.chmod(0o600)
    tool = shutil.which("mosquitto_passwd") or "mosquitto_passwd"
    subprocess.run([tool, "-U", str(path)], check=True, capture_output=True, timeout=60.0)


def require() -> None:
    """Skip the test where there is no broker; in CI a missing broker is a failure."""
    if binary() is None:
        if os.environ.get("CI"):
            pytest.fail("mosquitto is not installed")
        pytest.skip("mosquitto is not installed (apt-get install mosquitto)")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that accepts anyone over plain TCP."""
    require()
    with Mosquitto(tmp_path) as broker:
        yield broker
