# SPDX-License-Identifier: Apache-2.0
"""A test's own node: a wire, a policy folder, an agent; made before each test and removed after it, whatever happened. A test
program prints its figures as lines that begin with `figure:`."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from wire import DEVICE, NODE4, NODE6, PEER4, ROOT, Wire, unique

from firewall import Firewall, end

BPFFS = pathlib.Path("/sys/fs/bpf")
_SKIPPED = 77
_build = ROOT / "build"


def policy_of(ports, devices: str = DEVICE, more: str = "", failsafe: str = "none") -> str:
    """Node `node`, one rule a port: UDP and TCP from the peer's network."""
    rules = "".join(f"  - {{id: p{port}, from: any, to: me, protocol: [tcp, udp], ports: {port}}}\n" for port in ports)
    return (f"matrix: m\nrules:\n  - {{id: ping, from: any, to: me, protocol: icmp}}\n{rules}---\n"
            f"node: node\nsets: {{me: [{NODE4}, '{NODE6}', 198.51.1.1]}}\nfailsafe: {failsafe}\n"
            f"interfaces:\n  wan: {{device: [{devices}], local: me, matrices: [m]{more}}}\n")


class NodeTest(unittest.TestCase):
    """One protected node."""

    def setUp(self) -> None:
        self.name = unique(type(self).__name__.lower()[:6])
        self.wire = Wire(self.name)
        self.addCleanup(self.wire.remove)
        self.wire.remove()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"portmatrix-{self.name}-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.wire.build()
        self.policy = self.folder / "policy"
        self.policy.mkdir()
        self.pins = BPFFS / f"portmatrix-{self.name}"
        self.state = self.folder / "state"
        self.agent = Firewall(self.wire, "node", _build, self.pins, self.state)
        self.addCleanup(self._remove_agent)

    def _remove_agent(self) -> None:
        self.agent.stop()
        end(self.wire.processes())
        try:
            if (self.agent.pin_root / "maps" / "control").exists():
                self.agent.detach()
        finally:
            shutil.rmtree(self.pins, ignore_errors=True)

    def write_policy(self, text: str, name: str = "policy.yaml") -> pathlib.Path:
        """Writes a file of the policy as a careful program does."""
        path = self.policy / name
        beside = path.with_name(f".{name}.beside")
        beside.write_text(text, encoding="utf-8")
        beside.rename(path)
        return path

    def other_policy(self, name: str, text: str) -> pathlib.Path:
        path = self.folder / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def start(self, text: str | None = None, flags=(), under=()) -> None:
        """The agent, judging."""
        if text is not None:
            self.write_policy(text)
        self.agent.start([self.policy], flags, under)
        self.agent.wait()

    def command(self, *arguments: str, environment=None, timeout: float = 60.0) -> subprocess.CompletedProcess:
        """`portmatrix` in the node's namespace, for this agent."""
        return self.within([*self.agent.line(), *map(str, arguments)], environment, timeout)

    def within(self, line, environment=None, timeout: float = 60.0) -> subprocess.CompletedProcess:
        """A program in the node's namespace."""
        line = self.wire.command("node", *line)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}
        return subprocess.run(line, env={**clean, **(environment or {})}, capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, check=False)

    def apply(self, path, *flags: str) -> None:
        done = self.command("apply", str(path), *flags)
        self.assertEqual(done.returncode, 0, done.stderr)

    def alarms(self) -> dict[str, str]:
        return {alarm["subject"]: alarm["text"] for alarm in self.agent.status()["agent"]["alarms"]}

    def until(self, holds, seconds: float = 5.0, pause: float = 0.002) -> float:
        """Waits until it holds; how long that took."""
        begun = time.monotonic()
        while not holds():
            if time.monotonic() - begun > seconds:
                self.fail(f"still not so after {seconds} s; the agent's last words:\n{self.agent.last_words()}")
            time.sleep(pause)
        return time.monotonic() - begun


def figure(text: str) -> None:
    print(f"figure: {text}", flush=True)


def scale(variable: str, default: int) -> int:
    """How often a test tries, unless the environment says otherwise."""
    return int(os.environ.get(variable, default))


def sample(all_of_it: list, count: int) -> list:
    """So many, spread evenly; 0: all."""
    if not count or len(all_of_it) <= count:
        return all_of_it
    return [all_of_it[(2 * i + 1) * len(all_of_it) // (2 * count)] for i in range(count)]


def said(outcomes) -> str:
    """A counter in words, the most frequent first."""
    return ", ".join(f"{count} x {what}" for what, count in outcomes.most_common())


def _missing() -> str:
    if os.geteuid():
        return "needs root: network namespaces and BPF"
    for program in ("portmatrix", "portmatrixd"):
        if not os.access(_build / "bin" / program, os.X_OK):
            return f"no {_build / 'bin' / program}: tools/build makes it"
    if not os.path.ismount(BPFFS):
        return f"no bpf file system at {BPFFS}"
    return ""


def run(*programs: str) -> None:
    """The main of a test program; `programs` are what it needs of the machine beside the agent."""
    global _build
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=_build)
    arguments, rest = parser.parse_known_args()
    _build = arguments.build.resolve()
    missing = _missing() or next((f"no {program}" for program in programs if shutil.which(program) is None), "")
    if missing:
        print(f"{os.path.basename(sys.argv[0])}: {missing}")
        sys.exit(_SKIPPED)
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


__all__ = ["BPFFS", "DEVICE", "NODE4", "NODE6", "NodeTest", "PEER4", "figure", "policy_of", "run", "said", "sample", "scale"]
