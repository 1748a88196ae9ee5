# SPDX-License-Identifier: Apache-2.0
"""What the tests of one node's life share: its policies, a run of steps that each say what must hold, and their running."""

import argparse
import pathlib
import time

from tap_node import ROOT, Node, Refused, files, need_machine
from taps import Taps

DEVICES = {"outer0": "192.0.2.1", "inner0": "198.51.100.1"}


def policy(*rules: str, inner: bool = False, files_of: dict[str, list[str]] | None = None) -> dict:
    """Rules `ID:PORT` of the outer interface, in this order; the inner one is bound only if asked."""
    def matrix(rules_of) -> str:
        return "matrix: m\nrules:\n" + "".join(
            f"  - {{id: {rule.partition(':')[0]}, from: any, to: any, direction: in, protocol: udp, "
            f"ports: {rule.partition(':')[2]}}}\n" for rule in rules_of)
    node = ("node: n1\nfailsafe: none\ninterfaces:\n"
            "  outer: {device: outer0, local: 192.0.2.1, matrices: [m]}\n")
    if inner:
        node += "  inner: {device: inner0, local: 198.51.100.1, matrices: [m]}\n"
    if files_of is not None:
        return files(node=node, **{name: matrix(rules) for name, rules in files_of.items()})
    return files(node=node, m=matrix(rules))


class Story:
    """One node from its first start to its end; each step says what must hold."""

    def __init__(self, node: Node, taps: Taps):
        self._node = node
        self._taps = taps

    def expect(self, what: str, value, wanted) -> None:
        if value != wanted:
            raise AssertionError(f"{what}: {value!r}, not {wanted!r}")

    def generation(self) -> int:
        return self._node.said("counters")["generation"]

    def rule(self, name: str) -> int | None:
        found = {rule["rule"]: rule["packets"] for rule in self._node.said("counters")["rules"]}
        return found.get(f"outer/m/{name}")

    def sums(self) -> None:
        self.expect("packets that are not accounted for", self._node.counters().unaccounted(), [])

    def wait(self, what: str, holds) -> None:
        deadline = time.monotonic() + 20
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"in vain: {what}")
            time.sleep(0.02)

    def hooks(self) -> list[str]:
        return sorted(attachment["device"] for attachment in self._node.said("status")["attachments"])


def run_stories(stories: dict) -> int:
    """Each story on a node of its own, those named on the command line or all; the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("stories", nargs="*", default=list(stories))
    arguments = parser.parse_args()
    need_machine()
    failed = 0
    for name in arguments.stories:
        with Node(name, arguments.build.resolve(), DEVICES) as node:
            try:
                taps = Taps(node.namespace, DEVICES)
                for device in DEVICES:
                    node.wait_for_carrier(device)
                stories[name](node, taps).run()
                print(f"{name}: ok")
            except (AssertionError, Refused) as error:
                failed += 1
                print(f"{name}: WRONG: {error}")
                print(node.log.read_text(errors="replace")[-1500:])
    return 1 if failed else 0
