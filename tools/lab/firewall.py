# SPDX-License-Identifier: Apache-2.0
"""The agent of one node, in the node's namespace, with pins, state and socket of its own; and the command that asks it."""

import json
import os
import pathlib
import signal
import subprocess
import time

from counters import Counters

_START_SECONDS = 60.0
_END_SECONDS = 10.0
_COMMAND_SECONDS = 60.0


class FirewallError(Exception):
    """What the agent or the command said when it would not."""


class Firewall:
    """One node's portmatrixd and its pins."""

    def __init__(self, lab, node: str, build: pathlib.Path, pins: pathlib.Path, state: pathlib.Path):
        self._lab = lab
        self._node = node
        self._command = str(build / "bin" / "portmatrix")
        self._daemon = str(build / "bin" / "portmatrixd")
        self.pin_root = pins / node
        self._state = state / node
        self.socket = state / f"{node}.sock"
        self.log = state / f"{node}.log"
        self._process = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> list[str]:
        """The command's line for this agent."""
        return [self._command, "--pin_root", str(self.pin_root), "--socket", str(self.socket)]

    def reload(self) -> None:
        """Files that nobody stands behind: the agent reads them again."""
        os.kill(self.pid, signal.SIGHUP)

    def start(self, policy: list[pathlib.Path], flags=(), under=()) -> None:
        """Starts the agent, with more `flags`, `under` another program's command line; `wait` says when it judges."""
        self._state.mkdir(parents=True, exist_ok=True)
        arguments = self._lab.command(
            self._node, *under, self._daemon, "--policy", ",".join(map(str, policy)), "--node", self._node,
            "--pin_root", str(self.pin_root), "--state_dir", str(self._state), "--socket", str(self.socket), *flags)
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             env=_environment(), start_new_session=True)

    def wait(self) -> Counters:
        """The first counters of a node that is protected."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                if self.status()["agent"]["reachable"]:
                    return self.counters()
                raise FirewallError("the agent does not answer")
            except FirewallError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise FirewallError(f"{self._node}: portmatrixd does not protect: {error}\n{self.last_words()}") from error
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends the agent, not what it enforces."""
        if self._process is not None:
            end([self._process.pid], self._process)
            self._process = None

    def kill(self) -> None:
        """Takes the agent away without a word of warning."""
        self.check_alive()
        self._process.kill()
        self._process.wait()
        self._process = None

    def check_alive(self) -> None:
        if (code := self._process.poll()) is not None:
            raise FirewallError(f"{self._node}: portmatrixd ended by itself, exit {code}\n{self.last_words()}")

    def detach(self) -> None:
        """Removes every attachment and pin, and makes sure of it."""
        if not self.pin_root.exists():
            return
        self._ask("--pin_root", str(self.pin_root), "detach", "--yes")
        if left := [str(path) for path in self.pin_root.rglob("*") if not path.is_dir()]:
            raise FirewallError(f"portmatrix detach left {len(left)} pins, such as {left[0]}")

    def counters(self) -> Counters:
        return Counters(self.said("counters"))

    def said(self, *arguments: str) -> dict:
        """What the command says of the pins, as it says it."""
        return json.loads(self._ask("--pin_root", str(self.pin_root), "--json", *arguments))

    def flows(self, *flags: str) -> dict:
        """The table of conversations."""
        return json.loads(self._ask("--pin_root", str(self.pin_root), "--json", "flows", *flags))

    def status(self) -> dict:
        return json.loads(self._ask("--socket", str(self.socket), "--pin_root", str(self.pin_root), "--json", "status"))

    def hooks(self) -> tuple[str, list[str]]:
        """Where the programs are, in words, and which of them cannot count exactly."""
        attachments = self.status()["attachments"]
        words = ", ".join(f"{hook['device']} {hook['xdp']} and {hook['tc']}" for hook in attachments)
        return words, [f"{self._node}: {hook['device']}: counts inexact ({hook['xdp']})"
                       for hook in attachments if not hook["counts_exact"]]

    def begin_apply(self, policy: list[pathlib.Path]) -> subprocess.Popen:
        """`portmatrix apply`, under way."""
        return subprocess.Popen([self._command, "--socket", str(self.socket), "apply", *map(str, policy)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=_environment())

    def _ask(self, *arguments: str) -> str:
        """The command's answer. It runs in the node's namespace, where the devices are."""
        line = self._lab.command(self._node, self._command, *arguments)
        try:
            done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=_environment(),
                                  timeout=_COMMAND_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise FirewallError(f"portmatrix {' '.join(arguments)}: no end after {_COMMAND_SECONDS:.0f} s") from error
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise FirewallError(f"portmatrix {' '.join(arguments)}: exit {done.returncode}: {said}")
        return done.stdout

    def ended(self, seconds: float = 0.0) -> int | None:
        """The exit code of an agent that ended by itself, or does so in that time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join(f"  | {line}" for line in lines)


def end(pids: list[int], child: subprocess.Popen | None = None) -> None:
    """Ends processes by their ids, politely first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + _END_SECONDS
        while time.monotonic() < deadline:
            if child is not None:
                child.poll()
            if not any(os.path.exists(f"/proc/{pid}") for pid in pids):
                return
            time.sleep(0.02)


def _environment() -> dict[str, str]:
    """The caller's SSH session is not one of the lab's: without it the guard against cutting it off has no say here."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}
