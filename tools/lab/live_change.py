# SPDX-License-Identifier: Apache-2.0
"""A change of profile while traffic runs. Flows that both profiles allow must lose nothing, and the old rule and the new one
together must have counted all of it. Flows that only the old one allows must stop at one instant: what came through is a
beginning of what was sent, without a gap."""

import collections
import dataclasses
import socket
import subprocess
import time

from clients import Clients, Cost, arrival_of, settle
from counters import Expected
from flows import Flow
from matrix import ANYONE, FAMILIES, NODES, networks, row_for
from tcp_info import TcpInfo

_ROUND_SECONDS = 0.004
_BEFORE_SECONDS, _AFTER_SECONDS = 0.4, 0.4
_APPLY_SECONDS = 60.0
_MESSAGE_BYTES = 8
_SO_RCVBUFFORCE = 33


def flows_across() -> list[Flow]:
    """Both transports, both directions, both sides; two that the profile `functions` no longer allows."""
    found = []
    for node in NODES:
        for family in FAMILIES:
            anyone = ANYONE["external"][family]
            messenger = str(networks("external", "live-messenger-clients", family)[0][1])
            access, av = node.services["access"][family], node.services["av"][family]
            found += [
                Flow(node.name, "external", "in", messenger, av, "udp", 3478),
                Flow(node.name, "external", "out", av, messenger, "udp", 3478),
                Flow(node.name, "internal", "in", ANYONE["internal"][family], node.services["internal"][family], "udp", 3478),
                Flow(node.name, "external", "in", anyone, access, "tcp", 5269),
                Flow(node.name, "external", "out", access, anyone, "tcp", 5061),
                Flow(node.name, "external", "in", anyone, av, "udp", 50000),
                Flow(node.name, "external", "out", access, anyone, "udp", 53),
            ]
    return found


class _Stream:
    """Numbered messages on one flow, and their echoes."""

    def __init__(self, node, flow: Flow, clients: Clients, server):
        self.node, self.flow = node, flow
        self.old, self.new = row_for("full", node, flow), row_for("functions", node, flow)
        self._server = server
        self._client = clients.socket_for(flow)
        self._client.settimeout(3.0)
        self._client.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 20)
        if flow.protocol == "tcp":
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client.connect((flow.destination, flow.port))
        self._client.setblocking(False)
        self._arrival = arrival_of(flow, self._client)
        self.sent = 0
        self._echoed = b""

    def send(self) -> None:
        self._client.send(self.sent.to_bytes(_MESSAGE_BYTES, "big"))
        self.sent += 1
        self.receive()

    def receive(self) -> None:
        try:
            while received := self._client.recv(4096):
                self._echoed += received
        except BlockingIOError:
            pass

    @property
    def arrivals(self) -> int:
        """How many messages the server has seen; of a connection, how many came back."""
        return len(self._server.datagrams[self._arrival]) if self.flow.protocol == "udp" else self.echoes

    @property
    def echoes(self) -> int:
        return len(self._echoed) // _MESSAGE_BYTES

    @property
    def complete(self) -> bool:
        self.receive()
        return self.echoes == self.sent

    def finish(self) -> str:
        """Closes; says what is wrong with what came through."""
        wrong = ""
        if self.flow.protocol == "tcp":
            self._client.settimeout(3.0)
            self._client.shutdown(socket.SHUT_WR)
            while received := self._client.recv(4096):
                self._echoed += received
            if self._server.closed(self._arrival) is None:
                wrong = "the server's side did not close"
            info = TcpInfo.of(self._client)
            self.cost = Cost(info.segments_out, info.segments_in, None, None)
        else:
            self.receive()
            self.cost = Cost(self.arrivals, self.echoes, None, None)
            if not _is_beginning(b"".join(self._server.datagrams[self._arrival])):
                wrong = "what arrived has gaps"
        self._client.close()
        if not _is_beginning(self._echoed):
            wrong = wrong or "what came back has gaps"
        if self.new and self.echoes != self.sent:
            wrong = f"{self.sent} sent, {self.arrivals} arrived, {self.echoes} came back"
        if not self.new and not 0 < self.arrivals < self.sent:
            wrong = f"allowed before the change only, but {self.arrivals} of {self.sent} arrived"
        return f"{self.flow}: {wrong}" if wrong else ""


@dataclasses.dataclass
class Change:
    """What the change of profile cost."""
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    kept: int = 0
    stopped: int = 0
    messages: int = 0
    before: int = 0
    after: int = 0
    applied: bool = True
    differences: list[str] = dataclasses.field(default_factory=list)


def change_under_traffic(firewalls, policy, clients: Clients, server) -> Change:
    change = Change()
    first = {name: firewall.counters() for name, firewall in firewalls.items()}
    nodes = {node.name: node for node in NODES}
    streams = [_Stream(nodes[flow.node], flow, clients, server) for flow in flows_across()]
    _run(streams, _BEFORE_SECONDS)
    begun = time.monotonic()
    applying = {name: firewall.begin_apply(policy) for name, firewall in firewalls.items()}
    while applying and time.monotonic() < begun + _APPLY_SECONDS:
        _run(streams, _ROUND_SECONDS)
        for name, process in list(applying.items()):
            if process.poll() is not None:
                change.seconds[name] = time.monotonic() - begun
                _take_answer(name, applying.pop(name), change)
    for name, process in applying.items():
        process.kill()
        _take_answer(name, process, change)
    _run(streams, _AFTER_SECONDS)
    settle(lambda: all(stream.complete for stream in streams if stream.new), 3.0)
    change.differences += filter(None, [stream.finish() for stream in streams])
    change.kept = sum(1 for stream in streams if stream.new)
    change.stopped = len(streams) - change.kept
    change.messages = sum(stream.sent for stream in streams if stream.new)
    for name, firewall in firewalls.items():
        mine = [stream for stream in streams if stream.flow.node == name]
        _count(name, mine, first[name], firewall, change)
    return change


def _run(streams: list[_Stream], seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        begun = time.monotonic()
        for stream in streams:
            stream.send()
        if time.monotonic() >= until:
            return
        time.sleep(max(0.0, begun + _ROUND_SECONDS - time.monotonic()))


def _take_answer(name: str, process: subprocess.Popen, change: Change) -> None:
    said, _ = process.communicate()
    if process.returncode:
        change.applied = False
        change.differences.append(f"{name}: apply: exit {process.returncode}: {said.strip()}")


def _count(name: str, streams: list[_Stream], first, firewall, change: Change) -> None:
    """Holds the counters of a node against what its streams cost."""
    found = []

    def agree() -> bool:
        after = firewall.counters()
        change.before, change.after = first.generation, after.generation
        expected = Expected()
        spent = collections.defaultdict(lambda: Cost(0, 0, None, None))
        for stream in streams:
            spent[stream.old, stream.new].add(stream.cost)
            if not stream.new:
                other = "out" if stream.flow.direction == "in" else "in"
                expected.drops[stream.flow.side, stream.flow.direction] += stream.sent - stream.arrivals
                expected.drops[stream.flow.side, other] += stream.arrivals - stream.echoes
        found[:] = []
        for (old, new), cost in spent.items():
            # How much of it was before the instant only the kernel knows; none may be missing in the sum.
            grown = {row: after.growth(first, row) for row in {old, new} - {None}}
            total = Cost()
            for row, growth in grown.items():
                total.add(growth)
                expected.credit(row, growth)
            if (total.packets, total.replies) != (cost.packets, cost.replies):
                names = " and ".join(row.rule for row in grown)
                found.append(f"{names}: grew by {total.packets} and {total.replies} in answer, "
                             f"not {cost.packets} and {cost.replies}")
        found[:] += expected.differences(first, after)
        return not found

    settle(agree, 2.0)
    change.differences += [f"{name}: while the profile changed: {text}" for text in found]


def _is_beginning(messages: bytes) -> bool:
    """Whether they are 0, 1, 2, … without a gap."""
    numbers = [int.from_bytes(messages[at:at + _MESSAGE_BYTES], "big") for at in range(0, len(messages), _MESSAGE_BYTES)]
    return numbers == list(range(len(numbers)))
