# SPDX-License-Identifier: Apache-2.0
"""Conversations with a socket at either end, each open until it is closed: `ask` begins at the opener, `tell` at the other end,
which is how a connection that only waits for data comes to hear something. Both raise OSError if nothing comes."""

import itertools
import os
import socket
import struct

import edge_lab  # noqa: F401 (the way to the lab's modules)
from echo_server import open_socket

_SECONDS = 5.0
_IPV6_ONLY_OFF = 0
_ports = itertools.count(31000)


class TcpTalk:
    """A connection from one place to another."""

    def __init__(self, lab, opener: str, source: str, answerer: str, destination: str, port: int, mapped: bool = False):
        self.name = f"TCP {source} to {destination} {port}" + (" by a socket of both families" if mapped else "")
        self.sides = {opener, answerer}
        listener = open_socket(lab, answerer, "tcp", destination, port)
        listener.listen(1)
        if mapped:
            with lab.inside(opener):
                self.opener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            self.opener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, _IPV6_ONLY_OFF)
            self.opener.bind((f"::ffff:{source}", next(_ports)))
            destination = f"::ffff:{destination}"
        else:
            self.opener = open_socket(lab, opener, "tcp", source, next(_ports))
        self.opener.settimeout(_SECONDS)
        self.opener.connect((destination, port))
        self.opener_port = self.opener.getsockname()[1]
        self.answerer, _ = listener.accept()
        self.answerer.settimeout(_SECONDS)
        listener.close()

    def ask(self) -> None:
        _pass(self.opener, self.answerer)
        _pass(self.answerer, self.opener)

    def tell(self) -> None:
        _pass(self.answerer, self.opener)

    def say_unheard(self, seconds: float) -> bool:
        """Whether what the other end says stays unheard that long. TCP repeats it: `hear` takes it later."""
        self.answerer.sendall(b"unheard")
        self.opener.settimeout(seconds)
        try:
            return not self.opener.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.opener.settimeout(_SECONDS)

    def hear(self) -> None:
        _take(self.opener, len(b"unheard"))

    def close(self) -> None:
        self.opener.close()
        self.answerer.close()


class UdpTalk:
    """Datagrams between two bound sockets."""

    def __init__(self, lab, opener: str, source: str, answerer: str, destination: str, port: int):
        self.name = f"UDP {source} to {destination} {port}"
        self.answerer = open_socket(lab, answerer, "udp", destination, port)
        self.opener = open_socket(lab, opener, "udp", source, next(_ports))
        self.opener_port = self.opener.getsockname()[1]
        self._peer = self.opener.getsockname()[:2]
        self.opener.connect((destination, port))
        for end in (self.opener, self.answerer):
            end.settimeout(_SECONDS)

    def ask(self) -> None:
        word = os.urandom(24)
        self.opener.send(word)
        _compare(self.answerer.recv(64), word)
        self.tell()

    def tell(self) -> None:
        word = os.urandom(24)
        self.answerer.sendto(word, self._peer)
        _compare(self.opener.recv(64), word)

    def close(self) -> None:
        self.opener.close()
        self.answerer.close()


class PingTalk:
    """Echo requests of one identifier, which the other end's kernel answers."""

    _numbers = itertools.count(1)

    def __init__(self, lab, opener: str, source: str, destination: str):
        self.name = f"ping {source} to {destination}"
        self._ipv6 = ":" in destination
        self.identifier = next(self._numbers) + 0x4000
        self._sequence = itertools.count(1)
        with lab.inside(opener):
            self._socket = socket.socket(socket.AF_INET6 if self._ipv6 else socket.AF_INET, socket.SOCK_RAW,
                                         socket.IPPROTO_ICMPV6 if self._ipv6 else socket.IPPROTO_ICMP)
        self._socket.settimeout(_SECONDS)
        self._socket.bind((source, 0))
        self._socket.connect((destination, 0))

    def ask(self) -> None:
        number = next(self._sequence) & 0xffff
        request = struct.pack("!BBHHH", 128 if self._ipv6 else 8, 0, 0, self.identifier, number)
        if not self._ipv6:  # the kernel sums up ICMPv6 alone
            total = sum(struct.unpack("!4H", request))
            request = request[:2] + struct.pack("!H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + request[4:]
        self._socket.send(request)
        wanted = struct.pack("!BBHH", 129 if self._ipv6 else 0, 0, self.identifier, number)
        while True:
            answer = self._socket.recv(256)
            answer = answer if self._ipv6 else answer[(answer[0] & 15) * 4:]
            if answer[:2] + answer[4:8] == wanted:
                return

    def close(self) -> None:
        self._socket.close()


def _pass(one: socket.socket, other: socket.socket) -> None:
    word = os.urandom(24)
    one.sendall(word)
    _compare(_take(other, len(word)), word)


def _take(end: socket.socket, length: int) -> bytes:
    taken = b""
    while len(taken) < length:
        part = end.recv(length - len(taken))
        if not part:
            raise ConnectionError("the other end has closed")
        taken += part
    return taken


def _compare(heard: bytes, said: bytes) -> None:
    if heard != said:
        raise OSError(f"{heard!r} was heard, not {said!r}")
