# SPDX-License-Identifier: Apache-2.0
"""Who watches single packets: a reader of the agent's stream, and tests that start `portmatrix events`."""

import collections
import contextlib
import http.client
import json
import pathlib
import socket
import subprocess
import threading
import time

from case import NODE4, NodeTest, policy_of

LOGGED, OPEN, CLOSED = 7001, 7000, 7999
DENIED = 7002


def event_policy(more: str = "", logged: bool = True) -> str:
    log = ", log: true" if logged else ""
    return (policy_of([OPEN], more=more).replace(
        "---\n", f"  - {{id: logged, from: any, to: me, protocol: [tcp, udp], ports: {LOGGED}{log}}}\n"
                 f"  - {{id: denied, from: any, to: me, protocol: udp, ports: {DENIED}, action: deny}}\n---\n"))


class Reader(threading.Thread):
    """A reader of GET /v1/events/stream: what it got, until the agent or a test ends it."""

    def __init__(self, path: pathlib.Path, query: str = ""):
        super().__init__(daemon=True)
        self._api = http.client.HTTPConnection("localhost", timeout=60)
        self._api.sock = socket.socket(socket.AF_UNIX)
        self._api.sock.settimeout(60)
        self._api.sock.connect(str(path))
        self._api.request("GET", f"/v1/events/stream{query}")
        self._answer = self._api.getresponse()
        self._socket = self._answer.fp.raw._sock
        self.status = self._answer.status
        self.first = json.loads(self._answer.readline())
        self._raw = []  # read at once, understood later: no reader is slow
        self._lines = []

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            for line in self._answer:
                self._raw.append(line)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self.ident:
            self.join(10)
        self._answer.close()
        self._api.close()

    @property
    def lines(self) -> list[dict]:
        self._lines += [json.loads(line) for line in self._raw[len(self._lines):]]
        return self._lines

    def packets(self) -> list[dict]:
        return [line for line in self.lines if line["type"] == "packet"]

    def sums(self) -> collections.Counter:
        """Packets told of, suppressed and lost, by rule or else reason."""
        sums = collections.Counter()
        for line in self.lines:
            sums[line.get("rule") or line.get("reason")] += line["packets"]
        return sums


class Watched(NodeTest):
    def reader(self, query: str = "") -> Reader:
        reader = Reader(self.agent.socket, query)
        self.assertEqual((reader.status, reader.first["type"]), (200, "listening"))
        self.addCleanup(reader.close)
        reader.start()
        return reader

    def send(self, count: int, port: int, payload: bytes = b"x" * 10, to: str = NODE4, family=socket.AF_INET) -> None:
        with self.wire.inside("peer"), socket.socket(family, socket.SOCK_DGRAM) as sender:
            for _ in range(count):
                sender.sendto(payload, (to, port))

    def listener(self, port: int) -> None:
        """A node's socket, so that packets that pass are no reason for ICMP errors."""
        with self.wire.inside("node"):
            held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        held.bind((NODE4, port))
        self.addCleanup(held.close)

    def watch(self, *arguments: str, **options) -> subprocess.Popen:
        """`portmatrix events` that listens already."""
        line = self.wire.command("node", *self.agent.line(), *arguments)
        self.until(lambda: not self.is_listened_to(), 20)
        process = subprocess.Popen(line, stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, text=True,
                                   stdin=subprocess.DEVNULL, **options)
        self.addCleanup(self._finish, process)
        self.until(lambda: process.poll() is not None or self.is_listened_to(), 20)
        return process

    @staticmethod
    def _finish(process: subprocess.Popen) -> None:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def dump(self, name: str) -> dict:
        done = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", str(self.agent.pin_root / "maps" / name)],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)[0]["formatted"]

    def is_listened_to(self) -> bool:
        return self.dump("event_settings")["value"]["until"] > time.monotonic_ns()

    def connections(self) -> int:
        """Connections of the agent's socket."""
        text = subprocess.run(["ss", "-xHn", "src", str(self.agent.socket)], capture_output=True, text=True, check=True).stdout
        return text.count("ESTAB")

    def ended(self, process: subprocess.Popen) -> tuple[int, str, str]:
        out, err = process.communicate(timeout=20)
        return process.returncode, out, err

    def dropped(self, key: str = "dropped_packets") -> int:
        """By default, inwards."""
        counters = json.loads(self.command("--json", "counters").stdout)
        return next(row[key] for row in counters["reasons"]
                    if (row["interface"], row["direction"], row["reason"]) == ("wan", "in", "default"))

    def credited(self, rule: str) -> int:
        counters = json.loads(self.command("--json", "counters").stdout)
        return next(row["packets"] for row in counters["rules"] if row["rule"] == rule)
