# SPDX-License-Identifier: Apache-2.0
"""A device that comes and goes, is renamed and set up anew, while everything else goes on. After each, it must be protected again as soon
as there is an agent."""

import collections
import http.client
import threading
import time

from changes import FLAP

_PROTECTED_SECONDS = 20


class Flaps(threading.Thread):
    def __init__(self, node, changes, chance):
        super().__init__()
        self._node, self._changes, self._chance = node, changes, chance
        self._end = threading.Event()
        self.wrong = []
        self._done = collections.Counter()
        self._seconds = []

    def build(self) -> None:
        self._ip("link", "add", FLAP, "type", "veth", "peer", "name", "beyond0")
        self._ip("addr", "add", "203.0.113.1/24", "dev", FLAP)
        for device in (FLAP, "beyond0"):
            self._ip("link", "set", device, "up")

    def run(self) -> None:
        while not self._end.wait(self._chance.uniform(0.2, 1.5)):
            act = self._chance.choice((self._made_anew, self._down_and_up, self._renamed, self._resized))
            act()
            self._done[act.__name__.lstrip("_").replace("_", " ")] += 1
            if not self._protected():
                return

    def end(self) -> None:
        self._end.set()
        if self.is_alive():
            self.join()

    def report(self) -> None:
        from watch import figure
        figure("the device: " + ", ".join(f"{count} x {what}" for what, count in self._done.most_common()) +
               f"; seen to be protected again, the agent being there, after {self._milliseconds()}")

    def _milliseconds(self) -> str:
        seconds = sorted(self._seconds) or [0.0]
        return f"{1000 * seconds[len(seconds) // 2]:.0f} ms (median), {1000 * seconds[-1]:.0f} ms (the longest)"

    def _protected(self) -> bool:
        begun, deadline = time.monotonic(), time.monotonic() + _PROTECTED_SECONDS
        while time.monotonic() < deadline:
            if self._changes.agent_is_away.is_set():
                begun, deadline = time.monotonic(), time.monotonic() + _PROTECTED_SECONDS
                time.sleep(0.02)
                continue
            try:
                status = self._node.status()
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.02)
                continue
            # Not only hooked, but hooked on the device that has the name now.
            index = self._index()
            if any(each["device"] == FLAP and each["protected"] and each["ifindex"] == index for each in status["attachments"]):
                self._seconds.append(time.monotonic() - begun)
                return True
            time.sleep(0.01)
        self.wrong.append(f"{FLAP} is not protected again after {_PROTECTED_SECONDS} s: {status['attachments']} {status['alarms']}")
        return False

    def _index(self) -> int:
        return int(self._node.inside("ip", "-o", "link", "show", "dev", FLAP).split(":")[0])

    def _ip(self, *words: str) -> None:
        self._node.inside("ip", *words)

    def _made_anew(self) -> None:
        self._ip("link", "delete", FLAP)
        time.sleep(self._chance.uniform(0, 0.1))
        self.build()

    def _down_and_up(self) -> None:
        self._ip("link", "set", FLAP, "down")
        time.sleep(self._chance.uniform(0, 0.05))
        self._ip("link", "set", FLAP, "up")

    def _renamed(self) -> None:
        self._ip("link", "set", FLAP, "down")
        self._ip("link", "set", FLAP, "name", "away0")
        time.sleep(self._chance.uniform(0, 0.05))
        self._ip("link", "set", "away0", "name", FLAP)
        self._ip("link", "set", FLAP, "up")

    def _resized(self) -> None:
        self._ip("link", "set", FLAP, "mtu", str(self._chance.randrange(1280, 1501)))
