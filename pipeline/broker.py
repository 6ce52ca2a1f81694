"""The demo's MQTT broker: mosquitto where it is installed, else `amqtt` in an environment of its own.

It listens on one loopback port and accepts anyone on this machine: the battery behind it is a simulated one. `amqtt`
pins other versions of our own libraries, hence its own environment; it speaks MQTT 3.1.1 only, to which clients fall
back. Making that environment needs the package registry once, and is said.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

from pipeline.supervise import Program

PATHS = "/usr/sbin:/usr/local/sbin"
LOCK = Path(__file__).with_name("amqtt.txt")
INSTALL_S = 300.0

MOSQUITTO = """\
# Written by `bess-pipeline demo` at every start.
user {user}
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_dest stderr
log_type error
log_type warning
"""

AMQTT = """\
# Written by `bess-pipeline demo` at every start.
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


class BrokerError(RuntimeError):
    """There is no broker and none could be made; the message says what to install."""


def mosquitto() -> str | None:
    """Path of mosquitto, also where only root's PATH looks."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=PATHS)


def program(folder: Path, port: int, say: Callable[[str], None]) -> Program:
    """The broker to supervise. Raises BrokerError. Blocks while the fall-back is being installed."""
    folder.mkdir(parents=True, exist_ok=True)
    found = mosquitto()
    if found is not None:
        return _mosquitto(found, folder, port)
    say("mosquitto is not installed: a broker from the package registry (amqtt, MQTT 3.1.1) stands in")
    return _amqtt(folder, port, say)


def _mosquitto(path: str, folder: Path, port: int) -> Program:
    configuration = folder / "mosquitto.conf"
    # Started by root it would become a user who may read nothing here, and lose the signal at its parent's death.
    configuration.write_text(MOSQUITTO.format(user=pwd.getpwuid(os.getuid()).pw_name, port=port))
    return Program("broker", [path, "-c", str(configuration)], folder / "broker.log")


def _amqtt(folder: Path, port: int, say: Callable[[str], None]) -> Program:
    environment = folder / "broker-environment"
    executable = environment / "bin" / "amqtt"
    if not executable.exists():
        say("installing amqtt (once)")
        _install(environment)
    configuration = folder / "amqtt.yaml"
    configuration.write_text(AMQTT.format(port=port))
    return Program("broker", [str(executable), "-c", str(configuration)], folder / "broker.log")


def _install(environment: Path) -> None:
    advice = "install mosquitto (apt-get install mosquitto) and start again"
    try:
        venv.create(environment, clear=True, with_pip=True)
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
        locked = ["--require-hashes", "--requirement", str(LOCK)]
        subprocess.run([*pip, *locked], check=True, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.CalledProcessError as error:
        shutil.rmtree(environment, ignore_errors=True)
        last = (error.stderr or error.stdout or "").strip().splitlines()[-1:]
        raise BrokerError(f"amqtt cannot be installed ({' '.join(last)}); {advice}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        shutil.rmtree(environment, ignore_errors=True)
        raise BrokerError(f"amqtt cannot be installed ({error}); {advice}") from error

