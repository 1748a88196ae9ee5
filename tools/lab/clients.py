# SPDX-License-Identifier: Apache-2.0
"""The opening side of a flow: whole conversations, with the packets that they must have cost, and probes that expect no
answer. Each has a source port of its own, far from every port that the policy names, so that no packet fits two rules."""

import contextlib
import dataclasses
import errno
import itertools
import socket
import time

from echo_server import EchoServer, open_socket
from tcp_info import TcpInfo

_FIRST_PORT, _LAST_PORT = 30000, 48999
# More than one segment each way, so that packets are counted and not writes.
_STREAM = bytes(range(256)) * 20
_DATAGRAMS = tuple(bytes([65 + number]) * length for number, length in enumerate((1, 172, 1200)))
_SECONDS = 3.0
_ATTEMPTS = 3
# Ethernet, IP and UDP headers.
_UDP_HEADER_BYTES = {4: 14 + 20 + 8, 6: 14 + 40 + 8}


@dataclasses.dataclass
class Cost:
    """Packets of the opener and of the answerer; bytes on the wire where they are known."""
    packets: int = 0
    replies: int = 0
    bytes: int | None = 0
    reply_bytes: int | None = 0

    def add(self, other: "Cost") -> None:
        self.packets += other.packets
        self.replies += other.replies
        known = self.bytes is not None and other.bytes is not None
        self.bytes = self.bytes + other.bytes if known else None
        self.reply_bytes = self.reply_bytes + other.reply_bytes if known else None


class Clients:
    """Opens flows of a lab towards its echo server."""

    def __init__(self, lab, server: EchoServer):
        self._lab = lab
        self._server = server
        self._ports = itertools.cycle(range(_FIRST_PORT, _LAST_PORT + 1))

    def socket_for(self, flow) -> socket.socket:
        """A socket bound to the flow's source, on a port that it alone has."""
        return open_socket(self._lab, flow.client_place, flow.protocol, flow.source, next(self._ports))

    def converse(self, flow) -> tuple[Cost, str]:
        """Opens the flow, sends, compares what comes back and closes in good order. What it cost, and what went wrong if
        anything did."""
        if flow.protocol == "udp":
            return self._exchange(flow)
        cost = Cost(0, 0, None, None)
        for _ in range(_ATTEMPTS):
            attempt, wrong, exact = self._connect(flow)
            cost.add(attempt)
            if wrong or exact:
                break
        return cost, wrong

    def probe(self, flow) -> "Probe":
        return Probe(flow, self.socket_for(flow), self._server)

    def _connect(self, flow) -> tuple[Cost, str, bool]:
        """One connection; exact unless an end may have repeated its last word after the other had stopped counting."""
        with self.socket_for(flow) as client:
            client.settimeout(_SECONDS)
            arrival = arrival_of(flow, client)
            wrong = ""
            server = None
            try:
                client.connect((flow.destination, flow.port))
                client.sendall(_STREAM)
                echoed = _read(client, len(_STREAM))
                client.shutdown(socket.SHUT_WR)
                rest = client.recv(1)
                server = self._server.closed(arrival)
                if echoed != _STREAM or rest:
                    wrong = "what came back is not what was sent"
                elif server is None:
                    wrong = "the server's side did not close"
            except OSError as error:
                wrong = _reason(error)
            info = TcpInfo.of(client)
            exact = not info.retransmitted and (server is None or not server.retransmitted)
            return Cost(info.segments_out, info.segments_in, None, None), wrong, exact

    def _exchange(self, flow) -> tuple[Cost, str]:
        cost = Cost()
        header = _UDP_HEADER_BYTES[flow.family]
        with self.socket_for(flow) as client:
            client.settimeout(_SECONDS)
            try:
                client.connect((flow.destination, flow.port))
                for datagram in _DATAGRAMS:
                    client.send(datagram)
                    cost.add(Cost(1, 0, header + len(datagram), 0))
                    if client.recv(len(datagram) + 1) != datagram:
                        return cost, "what came back is not what was sent"
                    cost.add(Cost(0, 1, 0, header + len(datagram)))
            except OSError as error:
                return cost, _reason(error)
        return cost, ""


class Probe:
    """A first packet on its way: a datagram, or a connection that is being opened. Close it within a second, before TCP
    repeats itself; if it came later than that, `packets` says so."""

    def __init__(self, flow, client: socket.socket, server: EchoServer):
        self.flow = flow
        self._client = client
        self._server = server
        self._arrival = arrival_of(flow, client)
        client.setblocking(False)
        # The send hook may drop it at once, and the kernel may or may not say so.
        with contextlib.suppress(BlockingIOError, PermissionError):
            client.connect((flow.destination, flow.port))
            if flow.protocol == "udp":
                client.send(b"probe")

    @property
    def packets(self) -> int:
        """How many packets it has sent so far."""
        return 1 if self.flow.protocol == "udp" else TcpInfo.of(self._client).segments_out

    @property
    def arrived(self) -> bool:
        """Whether anything got through: to the server, or an answer back."""
        if self._server.arrived[self._arrival]:
            return True
        return self.flow.protocol == "tcp" and TcpInfo.of(self._client).segments_in > 0

    def __enter__(self) -> "Probe":
        return self

    def __exit__(self, *_) -> None:
        self._client.close()


def arrival_of(flow, client: socket.socket):
    """How the echo server will know it."""
    return (flow.protocol, flow.destination, flow.port, *client.getsockname()[:2])


def settle(condition, seconds: float) -> bool:
    """Whether it becomes true in that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def _read(client: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        part = client.recv(length - len(received))
        if not part:
            break
        received += part
    return received


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return errno.errorcode.get(error.errno, "") + f" {error.strerror}"
