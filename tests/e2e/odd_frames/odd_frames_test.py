#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Odd frames through real hooks: raw sockets at both ends of a cable, and real sockets that hand over super-packets. Each frame must
be counted in exactly the place that its row names, with the bytes of the wire, and must arrive or not. cable.py has the drawing."""

import argparse
import dataclasses
import errno
import os
import pathlib
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools" / "lab"))

# pylint: disable=wrong-import-position
from counters import Counters
from firewall import Firewall, FirewallError
from rows import ROWS, Sent
from places import differences, places
from super_packets import super_packet_rows
from cable import FAR, NODE, Cable

_POLICY = """matrix: m
rules:
  - {id: web, from: any, to: host, protocol: tcp, ports: 443}
  - {id: media-in, from: any, to: host, protocol: udp, ports: 50000-59999}
  - {id: https-out, from: host, to: any, protocol: tcp, ports: 443}
  - {id: media-out, from: host, to: any, protocol: udp, ports: 50000-59999}
---
matrix: tagged
rules:
  - {id: web, from: any, to: host, protocol: tcp, ports: 443}
  - {id: https-out, from: host, to: any, protocol: tcp, ports: 443}
---
node: node
sets: {host: [203.0.113.11, "2001:db8::11"]}
failsafe: none
interfaces:
  external: {device: eth0, local: [host], matrices: [m], shared_local: true}
  customer: {device: eth0, vlan: 5, local: [host], matrices: [tagged], shared_local: true}
  stacked: {device: eth0, vlan: [5, 6], local: [host], matrices: [tagged], shared_local: true}
"""
_SECONDS = 3.0


@dataclasses.dataclass
class Trial:
    """Sends rows and looks at what the hooks counted."""
    cable: Cable
    firewall: Firewall

    def __post_init__(self):
        self.listeners = {"in": self.cable.listener(NODE), "out": self.cable.listener(FAR)}
        self.senders = {}
        self.before = places(self.counters())

    def counters(self) -> dict:
        return self.firewall.said("counters")

    def run(self, row) -> list[str]:
        expected, arrivals, refusals = {}, {"in": 0, "out": 0}, []
        for sent in row.frames:
            packets, size = expected.get(sent.place, (0, 0))
            expected[sent.place] = (packets + sent.packets, size + sent.wire_bytes)
            arrivals[sent.direction] += sent.arrives
            refusals += self._send(sent)
        return refusals + self.settle(expected) + self._missing(arrivals)

    def settle(self, expected: dict) -> list[str]:
        """What differs once the counters stand still."""
        deadline = time.monotonic() + _SECONDS
        while True:
            now = places(self.counters())
            found = differences(self.before, now, expected)
            if not found or time.monotonic() > deadline:
                self.before = now
                return found
            time.sleep(0.01)

    def _send(self, sent: Sent) -> list[str]:
        """On send the hook's drop is the sender's error, unless the frame was sent on by another device."""
        error = 0
        try:
            self._sender(sent).send(sent.offload + sent.frame)
        except OSError as refusal:
            error = refusal.errno
        wanted = errno.ENOBUFS if sent.direction == "out" and not (sent.arrives or sent.tag_beside) else 0
        return [] if error == wanted else [f"send says {os.strerror(error)}, not {os.strerror(wanted)}"]

    def _sender(self, sent: Sent):
        key = (sent.direction, sent.tag_beside, bool(sent.offload))
        if key not in self.senders:
            place = FAR if sent.direction == "in" else NODE
            self.senders[key] = self.cable.sender(place, bool(sent.offload), sent.tag_beside)
        return self.senders[key]

    def _missing(self, expected: dict) -> list[str]:
        found = []
        for direction, listener in self.listeners.items():
            arrived, deadline = 0, time.monotonic() + _SECONDS
            while True:
                try:
                    arrived += listener.recv(64)[:6] == Sent.MAC
                    continue
                except BlockingIOError:
                    pass
                if arrived >= expected[direction] or time.monotonic() > deadline:
                    break
                time.sleep(0.005)
            if arrived != expected[direction]:
                found.append(f"{arrived} frames arrived {direction}, not {expected[direction]}")
        return found


def _run(cable: Cable, firewall: Firewall, policy: pathlib.Path, tagger: pathlib.Path) -> int:
    cable.build()
    cable.feed(tagger)
    firewall.start([policy])
    firewall.wait()
    hooks, inexact = firewall.hooks()
    print(f"attached: {hooks}")
    failed = len(inexact)
    for line in inexact:
        print(f"DIFFERS: {line}")
    trial = Trial(cable, firewall)
    rows = 0
    for row in ROWS:
        rows += 1
        found = trial.run(row)
        failed += bool(found)
        for line in found:
            print(f"DIFFERS: {row.name}: {line}")
    for name, found in super_packet_rows(trial):
        rows += 1
        failed += bool(found)
        for line in found:
            print(f"DIFFERS: {name}: {line}")
    for line in Counters(trial.counters()).unaccounted():
        failed += 1
        print(f"DIFFERS: {line}")
    firewall.check_alive()
    print(f"{rows} rows, {failed} differ")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--name", default=f"odd{os.getpid()}")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("skipped: namespaces and hooks need root")
        return 1 if os.environ.get("CI") == "true" else 77
    if not os.path.ismount("/sys/fs/bpf"):
        print("skipped: no bpffs on /sys/fs/bpf")
        return 1 if os.environ.get("CI") == "true" else 77
    state = pathlib.Path(tempfile.mkdtemp(prefix=f"portmatrix-{arguments.name}-"))
    pins = pathlib.Path(f"/sys/fs/bpf/portmatrix-{arguments.name}")
    policy = state / "policy.yaml"
    policy.write_text(_POLICY, encoding="ascii")
    cable = Cable(arguments.name)
    firewall = Firewall(cable, NODE, arguments.build, pins, state)
    try:
        return _run(cable, firewall, policy, arguments.build / "tests" / "e2e" / "tag_beside.bpf.o")
    except (FirewallError, OSError) as error:
        print(error)
        return 1
    finally:
        firewall.stop()
        try:
            firewall.detach()
        except FirewallError as error:
            print(error)
        cable.remove()
        shutil.rmtree(pins, ignore_errors=True)
        shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
