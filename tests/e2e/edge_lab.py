# SPDX-License-Identifier: Apache-2.0
"""The first edge node of tools/lab under the shipped policy, for one test: made, and removed whatever happens. `main` is what
each script here runs: it takes turns with another run of its name, prints what it found, and ends with 77 where it cannot run."""

import argparse
import contextlib
import fcntl
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lab"))

from clients import settle  # noqa: E402
from firewall import Firewall, FirewallError, end  # noqa: E402
from matrix import NODES  # noqa: E402
from namespaces import Lab  # noqa: E402

_BPFFS = pathlib.Path("/sys/fs/bpf")
_SHIPPED = ROOT / "policies" / "lync-2013-edge"
_OPEN_FILES = 16384
_SKIPPED = 77
NODE = NODES[0]

# The table has no row for it, and a conversation of that kind must be among those that are tried.
_PING = """matrix: ping
rules:
  - {id: ping-out, from: access, to: any, protocol: icmp, icmp_type: 8, icmp_code: 0}
  - {id: ping6-out, from: access, to: any, protocol: icmpv6, icmp_type: 128, icmp_code: 0}
"""


class EdgeLab:
    """The lab, the node's firewall, and what is wrong with it so far."""

    def __init__(self, name: str, build: pathlib.Path):
        self.name = name
        self.build = build
        self.lab = Lab(name)
        self.problems = []
        self._pins = _BPFFS / f"portmatrix-{name}"
        self._state = None
        self.firewall = None

    def make(self) -> None:
        self.clean()
        self.lab.build()
        self._state = pathlib.Path(tempfile.mkdtemp(prefix=f"portmatrix-{self.name}-"))
        self.firewall = Firewall(self.lab, NODE.name, self.build, self._pins, self._state)

    def policy(self, without: str = "") -> list[pathlib.Path]:
        """The shipped profile `full` and outgoing pings; without its expectations, and without one rule."""
        place = self._state / f"policy-{without or 'whole'}"
        if not place.exists():
            shutil.copytree(_SHIPPED / "common", place)
            node = (_SHIPPED / "profiles" / "full" / f"{NODE.name}.yaml").read_text(encoding="utf-8")
            node = re.sub(r"\nexpect:.*", "\n", node, flags=re.DOTALL)
            (place / "node.yaml").write_text(node.replace("matrices: [external]", "matrices: [external, ping]"), encoding="utf-8")
            (place / "ping.yaml").write_text(_PING, encoding="utf-8")
            if without:
                rules = (place / "external.yaml").read_text(encoding="utf-8")
                changed = rules.replace(f"- id: {without}\n", f"- id: {without}\n    enabled: false\n")
                assert changed != rules, without
                (place / "external.yaml").write_text(changed, encoding="utf-8")
        return [place]

    def apply(self, policy: list[pathlib.Path]) -> None:
        process = self.firewall.begin_apply(policy)
        said, _ = process.communicate(timeout=60)
        if process.returncode:
            raise FirewallError(f"apply: exit {process.returncode}: {said.strip()}")

    def conversations(self) -> set:
        """The live conversations of the table, by what tells them apart."""
        return {conversation_of(flow) for flow in self.firewall.flows()["flows"]}

    def expect(self, condition: bool, problem: str) -> None:
        if not condition:
            self.problems.append(problem)

    def clean(self) -> None:
        if self.firewall is not None:
            self.firewall.stop()
        end([pid for pid in self.lab.processes() if pid != os.getpid()])
        firewall = self.firewall or Firewall(self.lab, NODE.name, self.build, self._pins, pathlib.Path("/nonexistent"))
        with contextlib.suppress(FirewallError):
            firewall.detach()
        self.lab.remove()
        shutil.rmtree(self._pins, ignore_errors=True)
        if self._state is not None:
            shutil.rmtree(self._state, ignore_errors=True)


def conversation_of(flow: dict) -> tuple:
    """What tells a line of `flows` from the others."""
    return (flow["interface"], flow["protocol"], flow["local"], flow["local_port"], flow["remote"], flow["remote_port"],
            flow.get("icmp_identifier"))


def main(test) -> int:
    """Runs `test`, a function of an EdgeLab that is not yet made."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", metavar="DIR", help="where bin/portmatrixd is")
    parser.add_argument("--name", required=True, help="of the namespaces and pins: letters and digits")
    arguments = parser.parse_args()
    if os.geteuid() or not os.access("/sys/fs/bpf", os.W_OK):
        print("needs root and a bpf file system: namespaces and BPF programs")
        return _SKIPPED
    if not os.path.ismount(_BPFFS):
        subprocess.run(["mount", "-t", "bpf", "bpf", _BPFFS], check=True)
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, _OPEN_FILES) if limit > 0 else _OPEN_FILES, limit))
    edge = EdgeLab(arguments.name, arguments.build.resolve())
    with open(f"/run/portmatrix-{arguments.name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            test(edge)
        except (FirewallError, OSError) as error:
            edge.problems.append(str(error))
        finally:
            edge.clean()
    for problem in edge.problems:
        print(f"WRONG: {problem}")
    print(f"{len(edge.problems)} wrong" if edge.problems else "nothing is wrong")
    return 1 if edge.problems else 0


__all__ = ["NODE", "ROOT", "EdgeLab", "conversation_of", "main", "settle"]
