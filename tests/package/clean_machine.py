# SPDX-License-Identifier: Apache-2.0
"""A clean Debian 12 for one test: an overlay over the cached base, in mount, network and process namespaces of the test's own.
Whatever the test installs, mounts, pins and starts goes with its last process; the host sees none of it."""

import os
import pathlib
import subprocess
import sys

_INSIDE = "PORTMATRIX_CLEAN_MACHINE"
_WORK = pathlib.Path("/run/machine")
_COMMAND_SECONDS = 300.0
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}


def enter() -> None:
    """Goes on in namespaces of its own; this process waits there and takes over the outcome."""
    if os.environ.get(_INSIDE):
        return
    line = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-B", *sys.argv]
    sys.exit(subprocess.run(line, env={**os.environ, _INSIDE: "yes"}, check=False).returncode)


def run(*line) -> str:
    """A program of the host, in the machine's namespaces; what it wrote."""
    done = subprocess.run([*map(str, line)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, line))}: {done.stderr or done.stdout}")
    return done.stdout


class CleanMachine:
    """The machine's root, and the way to run things in it."""

    def __init__(self, base: pathlib.Path):
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
        self.root = _WORK / "root"
        for folder in ("root", "upper", "work"):
            (_WORK / folder).mkdir(parents=True)
        run("mount", "-t", "overlay", "-o", f"lowerdir={base},upperdir={_WORK}/upper,workdir={_WORK}/work", "overlay", self.root)
        run("mount", "-t", "proc", "proc", self.root / "proc")
        run("mount", "-t", "sysfs", "sysfs", self.root / "sys")
        # As systemd mounts it.
        run("mount", "-t", "bpf", "-o", "mode=0700", "bpf", self.root / "sys/fs/bpf")
        run("mount", "--rbind", "/dev", self.root / "dev")
        run("ip", "link", "set", "lo", "up")

    def path(self, name: str) -> pathlib.Path:
        return self.root / name.lstrip("/")

    def line(self, *line) -> list[str]:
        """The command line that runs a program of the machine."""
        return ["chroot", str(self.root), *map(str, line)]

    def ask(self, *line) -> subprocess.CompletedProcess:
        """Runs a program of the machine; both of its outputs in one."""
        return subprocess.run(self.line(*line), env=_ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=_COMMAND_SECONDS, check=False)

    def run(self, *line) -> str:
        done = self.ask(*line)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, line))}: exit {done.returncode}\n{done.stdout}")
        return done.stdout

    def spawn(self, *line, **options) -> subprocess.Popen:
        return subprocess.Popen(self.line(*line), env=_ENVIRONMENT, stdin=subprocess.DEVNULL, **options)

    def mode(self, name: str) -> str:
        """Mode, owner and group, as "0640 portmatrix portmatrix"."""
        return self.run("stat", "-c", "0%a %U %G", name).strip()
