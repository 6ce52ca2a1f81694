"""A root file system without a container engine: our Dockerfile's steps, run in mount namespaces and a new root.

    new root:  /usr, /lib…  the machine's own, read-only        /etc  a copy, so that users can be added
               interpreter  the one that runs the tests         /opt, /var, /build, /tmp  empty

It stands in for the base image; everything above it is what the Dockerfile says. A finished image runs with a read-only
root, as its own user, without capabilities and without a way to new privileges, as compose.yaml asks of the engine.
Needs root and the right to make mount namespaces. Mounts vanish with the process that made them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.container.dockerfile import Stage, assignments

ETC = ("passwd", "group", "shadow", "gshadow", "login.defs", "nsswitch.conf", "hosts", "resolv.conf", "ssl", "skel",
       "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "default", "alternatives", "pip.conf", "localtime")  # fmt: skip
PASSED = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
PATH = "/image-bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONTEXT = ("requirements", "pyproject.toml", "README.md", "LICENSE", "config", "jit", "sources", "operators", "sinks",
           "pipeline", "simulator")  # fmt: skip


def permitted() -> bool:
    """Whether a new root can be made here."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv", "mount"))):
        return False
    probe = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


@dataclass(slots=True)
class Root:
    """One root file system under construction. `env` and `cwd` follow the Dockerfile's ENV and WORKDIR."""

    path: Path
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"

    def prepare(self) -> None:
        """Lay out the base."""
        for name in ("usr", "opt", "var/lib", "tmp", "proc", "dev", "root", "run", "etc", "image-bin"):
            (self.path / name).mkdir(parents=True)
        (self.path / "tmp").chmod(0o1777)
        for name in ("bin", "sbin", "lib", "lib64"):
            (self.path / name).symlink_to(f"usr/{name}")
        for name in ETC:
            source, target = Path("/etc", name), self.path / "etc" / name
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            elif source.exists():
                shutil.copy(source, target)
        prefix = Path(sys.base_prefix)
        (self.path / prefix.relative_to("/")).mkdir(parents=True, exist_ok=True)
        for name in ("python", "python3"):
            (self.path / "image-bin" / name).symlink_to(prefix / "bin" / "python3")
        _copy_pip_settings(self.path)
        self.env["PATH"] = PATH

    def mounts(self) -> list[str]:
        """Shell lines that lay the machine's own parts into the root, read-only."""
        lines = [_bind("/usr", f"{self.path}/usr"), f"mount -t proc none {self.path}/proc",
                 f"mount --bind /dev {self.path}/dev"]  # fmt: skip
        prefix = sys.base_prefix
        if not prefix.startswith("/usr"):
            lines.append(_bind(prefix, f"{self.path}{prefix}"))
        return lines

    def pip_cache(self) -> list[str]:
        """Shell lines that lend the build what pip has fetched before."""
        cache = Path.home() / ".cache" / "pip"
        inside = self.path / "root" / ".cache" / "pip"
        if not cache.is_dir():
            return []
        inside.mkdir(parents=True, exist_ok=True)
        return [f"mount --bind {cache} {inside}"]

    def enter(self, command: str, *, extra: tuple[str, ...] = (), user: str | None = None) -> list[str]:
        """The command line that runs `command` in this root; with `user`, as that user and without any privilege."""
        known = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith("PIP_")}
        env = {**known, "HOME": "/root" if user is None else "/nonexistent", **self.env}
        settings = " ".join(shlex.quote(f"{name}={value}") for name, value in env.items())
        drop = ""
        if user is not None:
            uid, gid = user.split(":")
            drop = (f"setpriv --reuid {uid} --regid {gid} --clear-groups --bounding-set=-all --inh-caps=-all "
                    "--no-new-privs")  # fmt: skip
        inner = shlex.quote(f"cd {self.cwd} && {command}")
        chroot = f"exec chroot {self.path} /usr/bin/env -i {settings} {drop} /bin/sh -ec {inner}"
        script = [*self.mounts(), *extra, chroot]
        return ["unshare", "--mount", "sh", "-ec", "\n".join(script)]

    def run(self, command: str) -> None:
        """Run a step of the build. Raises AssertionError with what it said."""
        entered = self.enter(command, extra=tuple(self.pip_cache()))
        done = subprocess.run(entered, check=False, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    def sealed(self, volume: Path, at: str) -> tuple[str, ...]:
        """Shell lines that make the whole root read-only but for a small /tmp and one volume."""
        return (
            f"mount --bind {self.path} {self.path}",
            f"mount -o remount,bind,ro {self.path}",
            *self.mounts(),  # the bind above has hidden them
            f"mount -t tmpfs -o size=64m,mode=1777 none {self.path}/tmp",
            f"mount --bind {volume} {self.path}{at}",
        )


def build(stages: list[Stage], context: Path, folder: Path) -> Root:
    """Run every stage's steps; the root of the last one."""
    roots: dict[str, Root] = {}
    for stage in stages:
        root = Root(folder / stage.name)
        root.prepare()
        roots[stage.name] = root
        for step in stage.steps:
            match step.word:
                case "ENV":
                    root.env |= {name: value.replace("$PATH", PATH) for name, value in assignments(step.text).items()}
                case "WORKDIR":
                    root.cwd = step.text
                    (root.path / step.text.lstrip("/")).mkdir(parents=True, exist_ok=True)
                case "RUN":
                    root.run(step.text)
                case "COPY":
                    _copy(step.text, root, roots, context)
    return root


def _copy(text: str, root: Root, roots: dict[str, Root], context: Path) -> None:
    words = text.split()
    source = context
    if words[0].startswith("--from="):
        source = roots[words.pop(0).removeprefix("--from=")].path
    *names, target = words
    for name in names:
        inside = Path(root.cwd, target).relative_to("/")
        origin = source / name.strip("/")
        if origin.is_dir():
            shutil.copytree(origin, root.path / inside, symlinks=True, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
        else:
            shutil.copy(origin, root.path / inside / origin.name if target.endswith("/") else root.path / inside)


def _bind(source: str, target: str) -> str:
    return f"mount --bind {source} {target} && mount -o remount,bind,ro {target}"


def _copy_pip_settings(path: Path) -> None:
    """How this machine reaches its package registry is no part of the image; the build needs it all the same."""
    settings = Path.home() / ".config" / "pip"
    if settings.is_dir():
        shutil.copytree(settings, path / "root" / ".config" / "pip")
