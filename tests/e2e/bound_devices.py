#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Devices that a change adds or takes away obey its one instant, and the same way back: frames take turns on both devices while
policies do.

   frames ══ outer0 ┐                                              policy     outer0          inner0
                    ├ node n1: portmatrixd                         open       7001 allowed    not bound: everything passes
   frames ══ inner0 ┘                                              closed     7001 refused    bound, 7001 refused

So under one policy both frames of a round pass and under the other both drop. PORTMATRIX_CHANGES scales it up.
"""

import itertools
import os
import socket
import sys
import threading

from story import DEVICES, Story, policy, run_stories
from taps import inside

_PORT = 7001
_TRIALS = 2


class _Turns(threading.Thread):
    """Sends rounds of one frame a device until it is told to end, and keeps which frames passed."""

    def __init__(self, namespace: str, taps):
        super().__init__()
        self._taps = taps
        self._end = threading.Event()
        self._sockets = inside(namespace, lambda: {device: _bound(address) for device, address in DEVICES.items()})
        self.passed = {device: [] for device in DEVICES}

    def run(self) -> None:
        for number in itertools.count():
            if self._end.is_set():
                return
            payload = number.to_bytes(8, "big")
            for device, receiver in self._sockets.items():
                self._taps.send(device, _PORT, payload=payload)
                try:
                    self.passed[device].append(receiver.recv(64) == payload)
                except BlockingIOError:
                    self.passed[device].append(False)

    def end(self) -> None:
        self._end.set()
        self.join()
        for receiver in self._sockets.values():
            receiver.close()


def _bound(address: str) -> socket.socket:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind((address, _PORT))
    receiver.setblocking(False)
    return receiver


def _turns(passed: list[bool]) -> list[int]:
    """The rounds in which it was otherwise than in the round before."""
    return [number for number in range(1, len(passed)) if passed[number] != passed[number - 1]]


class BoundDevices(Story):
    """One instant for hooks that a change makes, keeps and takes away."""

    def run(self) -> None:
        node = self._node
        changes = int(os.environ.get("PORTMATRIX_CHANGES", "30")) // 2 * 2
        is_open, is_closed = policy(f"a:{_PORT}"), policy("b:7002", inner=True)
        node.start()
        node.apply(is_open)
        before = node.counters()
        turns = _Turns(node.namespace, self._taps)
        turns.start()
        try:
            for _ in range(changes // 2):
                node.apply(is_closed)
                self.expect("hooks of the closed one", self.hooks(), ["inner0", "outer0"])
                node.apply(is_open)
                self.wait("the hook that nobody binds is taken off", lambda: self.hooks() == ["outer0"])
            for _ in range(_TRIALS):
                number = node.apply(is_closed, confirm_seconds=1)["generation"]
                self.wait("the trial ends", lambda of=number: node.history()[of]["outcome"] == "rolled-back")
                self.wait("the hook of the trial is taken off", lambda: self.hooks() == ["outer0"])
            node.apply(is_closed)
        finally:
            turns.end()
        self._check(turns.passed, changes + 2 * _TRIALS + 1, before)

    def _check(self, passed: dict[str, list[bool]], changes: int, before) -> None:
        outer, inner = (_turns(passed[device]) for device in ("outer0", "inner0"))
        self.expect("turns that outer0 saw", len(outer), changes)
        self.expect("turns that inner0 saw", len(inner), changes)
        # An instant between the two frames of a round is met by the second of them first.
        late = [(first, second) for first, second in zip(outer, inner) if second not in (first, first - 1)]
        self.expect("changes with an instant for each device", late, [])
        after = self._node.counters()
        dropped = {name: after.reasons[name, "in", "default", "dropped"] for name in ("outer", "inner")}
        dropped["outer"] -= before.reasons["outer", "in", "default", "dropped"]
        self.expect("dropped", dropped, {name: passed[f"{name}0"].count(False) for name in dropped})
        self.sums()
        print(f"figure: {len(passed['outer0'])} rounds, {changes} changes that bind or release a device")


if __name__ == "__main__":
    sys.exit(run_stories({"bound": BoundDevices}))
