# SPDX-License-Identifier: Apache-2.0
"""The agent as its unit starts it, where no systemd runs: the unit's user, capabilities, folders, preparation and flags."""

import pathlib
import shlex
import subprocess
import time

from clean_machine import CleanMachine

_START_SECONDS = 60.0


def read_unit(path: pathlib.Path) -> dict[str, list[str]]:
    """Every setting of a unit, with the values that it is given one after the other."""
    settings: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            settings.setdefault(name, []).append(value)
    return settings


class Service:
    """portmatrixd on the machine."""

    def __init__(self, machine: CleanMachine):
        self._machine = machine
        self._process = None
        self._log = None

    def start(self) -> None:
        unit = read_unit(self._machine.path("/usr/lib/systemd/system/portmatrixd.service"))
        user = unit["User"][0]
        for setting, folder in (("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run")):
            self._machine.run("install", "-d", "-o", user, "-g", unit["Group"][0], "-m", unit[setting + "Mode"][0],
                              f"{folder}/{unit[setting][0]}")
        for before in unit["ExecStartPre"]:
            if before.startswith("+"):  # what a `-` stands before may fail, and needs udev
                self._machine.run(*shlex.split(before[1:]))
        names = [name.removeprefix("CAP_").lower() for name in unit["AmbientCapabilities"][0].split()]
        capabilities = "-all," + ",".join(f"+{name}" for name in names)
        self._log = self._machine.path("/var/log/portmatrixd.log").open("ab")
        self._process = self._machine.spawn(
            "setpriv", "--reuid", user, "--regid", unit["Group"][0], "--clear-groups", "--no-new-privs",
            f"--bounding-set={capabilities}", f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}",
            *self._command(unit["ExecStart"][0], unit["EnvironmentFile"][0].lstrip("-")), stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + _START_SECONDS
        while '"reachable":true' not in self._machine.ask("portmatrix", "--json", "status").stdout.replace(" ", ""):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"portmatrixd does not start:\n{self.last_words()}")
            time.sleep(0.05)

    def _command(self, line: str, file: str) -> list[str]:
        flags = shlex.split(self._machine.path(file).read_text(encoding="utf-8").partition("PORTMATRIXD_FLAGS=")[2])
        return line.replace("$PORTMATRIXD_FLAGS", flags[0]).split()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._log.close()
            self._process = None

    def status(self) -> dict[str, str]:
        """What the kernel says of the process."""
        lines = pathlib.Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        return {name: " ".join(value.split()) for name, _, value in (line.partition(":") for line in lines)}

    def last_words(self) -> str:
        return self._machine.path("/var/log/portmatrixd.log").read_text(encoding="utf-8", errors="replace")[-3000:]
