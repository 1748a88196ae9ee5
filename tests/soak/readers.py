# SPDX-License-Identifier: Apache-2.0
"""Readers of every kind, who come back when the agent does: streams of the API, one of which never reads; counters from the pins, whose
parts must never be more than their sum and never shrink; status, history, hits and metrics."""

import collections
import http.client
import json
import subprocess
import threading
import time

from agent_api import AgentConnection

_STREAMS = ("0.1", "0.5", "1")
_PAUSE = 0.2


class Readers:
    def __init__(self, node, metrics: str):
        self._node, self._metrics = node, metrics
        self._end = threading.Event()
        self._read = collections.Counter()
        self.wrong = []
        self._threads = [threading.Thread(target=self._again, args=(what, *words), daemon=True) for what, *words in (
            *((self._stream, interval) for interval in _STREAMS), (self._deaf,), (self._counters,), (self._status,), (self._scrape,))]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(40)

    def report(self) -> None:
        from watch import figure
        figure("read: " + ", ".join(f"{count} x {what}" for what, count in self._read.most_common()))

    def _again(self, read, *words: str) -> None:
        """Whoever is cut off comes again."""
        while not self._end.is_set():
            try:
                read(*words)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(_PAUSE)  # the agent is away, or went in the middle of a line

    def _stream(self, interval: str) -> None:
        api = AgentConnection(self._node.socket)
        try:
            api.request("GET", f"/v1/counters/stream?interval={interval}")
            answer = api.getresponse()
            last = 0
            while not self._end.is_set():
                line = json.loads(answer.readline())
                if line["monotonic_ns"] <= last:
                    self.wrong.append(f"a stream goes back in time: {line['monotonic_ns']} after {last}")
                last = line["monotonic_ns"]
                self._read["line of a stream"] += 1
        finally:
            api.close()

    def _deaf(self) -> None:
        api = AgentConnection(self._node.socket)
        try:
            api.request("GET", "/v1/counters/stream?interval=0.1")
            self._end.wait(5)
            self._read["stream that nobody reads"] += 1
        finally:
            api.close()

    def _counters(self) -> None:
        """From the pins: also while there is no agent."""
        seen = collections.Counter()
        while not self._end.wait(_PAUSE):
            counters = self._node.counters()
            for line in counters.unaccounted():
                # Packets on their way through a hook are seen already.
                packets, placed = (int(word) for word in line.replace(",", "").split() if word.isdigit())
                if placed > packets:
                    self.wrong.append(f"counters: {line}")
            for owner, (packets, _) in counters.seen.items():
                if owner[0] != "third" and packets < seen[owner]:
                    self.wrong.append(f"counters of {owner} shrank from {seen[owner]} to {packets}")
                seen[owner] = packets
            self._read["counters"] += 1

    def _status(self) -> None:
        while not self._end.wait(_PAUSE):
            for call in ("status", "history", "hits", "counters"):
                self._node.ask("GET", f"/v1/{call}")
                self._read["answer of the API"] += 1

    def _scrape(self) -> None:
        while not self._end.wait(1):
            done = subprocess.run(["nsenter", f"--net=/run/netns/{self._node.namespace}", "curl", "-sf", "--max-time", "10",
                                   f"http://{self._metrics}/metrics"], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                if "portmatrix_policy_generation" not in done.stdout:
                    self.wrong.append("metrics without a generation")
                self._read["scrape"] += 1
