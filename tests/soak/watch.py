# SPDX-License-Identifier: Apache-2.0
"""Does anything grow? Memory, file descriptors and kernel memory of the agent that is left alive, pins, and files of its state, every
second; compared is the least of the first and of the last third, because readers come and go."""

import os
import pathlib
import re
import threading

# What may differ: allocators keep what they had once, and a few packets' names come and go.
_SLACK_KIB = 8192
_SLACK_FILES = 2
_LEAST_LOOKS = 9


def figure(text: str) -> None:
    print(f"figure: {text}", flush=True)


class Watch(threading.Thread):
    def __init__(self, node):
        super().__init__()
        self._node = node
        self._end = threading.Event()
        self._looks = []

    def run(self) -> None:
        pid = self._agent()
        while not self._end.wait(1):
            self._looks.append(self._look(pid))

    def end(self) -> None:
        self._end.set()
        if self.is_alive():
            self.join()

    def wrong(self, limits: dict) -> list[str]:
        if len(self._looks) < _LEAST_LOOKS:
            return []  # a short run shows no growth
        found = []
        for what, (first, last) in self._thirds().items():
            slack = _SLACK_KIB if what.endswith("KiB") else _SLACK_FILES
            if last > first + slack:
                found.append(f"{what} grew from {first} to {last}")
        kept = self._looks[-1]["generations kept"]
        if kept > limits["generations kept"]:
            found.append(f"{kept} generations are kept")
        return found

    def report(self) -> None:
        if len(self._looks) >= _LEAST_LOOKS:
            figure(f"looked at {len(self._looks)} times, first and last third: " + ", ".join(
                f"{what} {first} and {last}" for what, (first, last) in self._thirds().items()))

    def _thirds(self) -> dict[str, tuple[int, int]]:
        third = len(self._looks) // 3
        parts = (self._looks[:third], self._looks[-third:])
        return {what: tuple(min(look[what] for look in part) for part in parts)
                for what in self._looks[0] if what != "generations kept"}

    def _agent(self) -> int:
        # nsenter becomes the agent.
        return self._node._agent.pid  # pylint: disable=protected-access

    def _look(self, pid: int) -> dict[str, int]:
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        locked, open_files = 0, 0
        for entry in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
            try:
                text = entry.read_text(encoding="ascii")
            except OSError:
                continue  # it was closed meanwhile
            open_files += 1
            if found := re.search(r"^memlock:\s+(\d+)", text, re.M):
                locked += int(found[1])
        return {"resident KiB": int(re.search(r"VmRSS:\s+(\d+)", status)[1]),
                "threads": int(re.search(r"Threads:\s+(\d+)", status)[1]),
                "open files": open_files, "kernel memory of its maps KiB": locked // 1024,
                "pins": sum(len(names) for _, _, names in os.walk(self._node.pin_root)),
                "generations kept": len(list((self._node.state / "generations").iterdir()))}
