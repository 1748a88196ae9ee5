#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Alternating changes of the whole policy under full traffic on two devices, in both directions, exact to the packet.

   steady_traffic ══ first  ┐
                            ├ node n1: portmatrixd; each change has rules of its own name, so that those of the change
   steady_traffic ══ second ┘ before last are retired

PORTMATRIX_CHANGES says how many (1,000 for the whole proof). Holds: what both kinds of policy allow loses nothing; what neither
allows never passes; both devices and both directions change at one instant; conversations live on; every packet is counted once,
under a rule of the generation that judged it; and readers find the sums right at any moment between.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading

from tap_node import ROOT, Node, Refused, files, need_machine

INTERFACES = {"first": "192.0.2.1", "second": "198.51.100.1"}
DEVICES = {f"{name}0": address for name, address in INTERFACES.items()}
_PORTS = {"both": 7001, "even": 7003, "odd": 7004}
_NAMES = 7  # generations of one name are this far apart: two are retained, so the older ones were retired


def policy(number: int) -> dict:
    """Allows `both` and the port of its own kind in and out, and conversations on 7005; rules named after its number."""
    texts = {}
    name = number % _NAMES
    for interface, address in INTERFACES.items():
        lines = [f"matrix: {interface}", "rules:"]
        for kind in ("both", "odd" if number % 2 else "even"):
            port = _PORTS[kind]
            lines += [f"  - {{id: {kind}-in-{name}, from: any, to: {address}, protocol: udp, ports: {port}}}",
                      f"  - {{id: {kind}-out-{name}, from: {address}, to: any, protocol: udp, ports: {port}}}"]
        lines.append(f"  - {{id: talk-{name}, from: {address}, to: any, protocol: udp, ports: 7005}}")
        texts[interface] = "\n".join(lines) + "\n"
    texts["node"] = "node: n1\nfailsafe: none\ninterfaces:\n" + "".join(
        f"  {name}: {{device: {name}0, local: {address}, matrices: [{name}]}}\n" for name, address in INTERFACES.items())
    return files(**texts)


class _Reader(threading.Thread):
    """Reads all counters again and again; parts must never be more than their sum."""

    def __init__(self, node: Node):
        super().__init__()
        self._node = node
        self._end = threading.Event()
        self.looks = 0
        self.wrong = []

    def run(self) -> None:
        while not self._end.wait(0.05):
            for line in self._node.counters().unaccounted():
                # Packets on their way through a hook are seen already.
                seen, placed = (int(word) for word in line.replace(",", "").split() if word.isdigit())
                if placed > seen:
                    self.wrong.append(f"look {self.looks}: {line}")
            self.looks += 1

    def end(self) -> None:
        self._end.set()
        self.join()


def begin_traffic(node: Node, build: pathlib.Path, devices) -> subprocess.Popen:
    """Goes on until its standard input is closed."""
    traffic = node.spawn(str(build / "tests" / "steady_traffic"), *devices, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if traffic.stdout.readline() != "ready\n":
        traffic.kill()
        raise Refused("no traffic")
    traffic.stdin.write("x")
    traffic.stdin.flush()
    return traffic


def traffic_and_changes(node: Node, build: pathlib.Path, changes: int) -> tuple[dict, int]:
    traffic = begin_traffic(node, build, DEVICES)
    try:
        reader = _Reader(node)
        reader.start()
        try:
            for number in range(1, changes + 1):
                node.apply(policy(number))
        finally:
            reader.end()
        traffic.stdin.close()
        saw = json.loads(traffic.stdout.read())
    finally:
        traffic.kill()
        traffic.wait()
    if reader.wrong:
        raise AssertionError("; ".join(reader.wrong[:5]))
    return saw, reader.looks


def check(saw: dict, changes: int, before, after) -> list[str]:
    wrong = []

    def expect(what: str, value, wanted) -> None:
        if value != wanted:
            wrong.append(f"{what}: {value}, not {wanted}")

    # Two changes while the sender waits for a processor look like none.
    met = saw["changes"]
    expect(f"an even number of {changes} changes was not met, and no more than half ({met} were)",
           met % 2 == changes % 2 and changes / 2 <= met <= changes, True)
    for interface in INTERFACES:
        flows = saw[f"{interface}0"]
        for direction in ("in", "out"):
            sent, passed = flows[f"{direction} 7001"]
            expect(f"{interface} {direction}: allowed by all, passed", passed, sent)
            expect(f"{interface} {direction}: allowed by none, passed", flows[f"{direction} 7002"][1], 0)
        for part in ("request", "reply"):
            expect(f"{interface}: {part}s of conversations, passed", flows[part][1], flows[part][0])
        for direction, talk in (("in", "reply"), ("out", "request")):
            names = [f"{direction} {port}" for port in range(7001, 7005)] + [talk]
            sent, passed = (sum(flows[name][index] for name in names) for index in (0, 1))
            seen = after.seen[interface, direction][0] - before.seen[interface, direction][0]
            dropped = after.reasons[interface, direction, "default", "dropped"] - before.reasons[interface, direction, "default", "dropped"]
            retired = after.seen[interface, direction][1] - before.seen[interface, direction][1]
            credited = sum(cost.packets if travels == direction else cost.replies
                           for (key, travels), cost in after.rules.items() if key.startswith(f"{interface}/"))
            expect(f"{interface} {direction}: seen", seen, sent)
            expect(f"{interface} {direction}: dropped by default", dropped, sent - passed)
            expect(f"{interface} {direction}: rules and retired", credited + retired, passed)
            if changes > 2:
                expect(f"{interface} {direction}: something was retired", retired > 0, True)
    expect("faults", {word: count for word, count in after.faults.items() if count != before.faults[word]}, {})
    return wrong + after.unaccounted()


def main() -> int:
    parser = argparse.ArgumentParser(prog="change_under_traffic.py")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    build = parser.parse_args().build.resolve()
    need_machine()
    changes = int(os.environ.get("PORTMATRIX_CHANGES", "60"))
    with Node("change", build, DEVICES) as node:
        node.start()
        node.apply(policy(0))
        before = node.counters()
        saw, looks = traffic_and_changes(node, build, changes)
        wrong = check(saw, changes, before, node.counters())
    rate = saw["packets"] / saw["seconds"]
    print(f"{changes} changes in {saw['seconds']:.1f} s under {rate:,.0f} packets a second, counters read {looks} times")
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
