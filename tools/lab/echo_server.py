# SPDX-License-Identifier: Apache-2.0
"""One thread that listens on every port that anything is tried on, in all namespaces, sends back what it gets, and remembers
who came. So a refused packet found an open door behind the firewall, and what did not arrive was stopped by it."""

import collections
import contextlib
import selectors
import socket
import threading
import time

from tcp_info import TcpInfo

_BACKLOG = 256
_DATAGRAM_BYTES = 2048
_CHUNK_BYTES = 65536
_CLOSE_SECONDS = 2.0
_SO_RCVBUFFORCE = 33


def address_family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def open_socket(lab, place: str, protocol: str, address: str, port: int) -> socket.socket:
    """A socket in the namespace of a place, bound to exactly this address and port."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with lab.inside(place):
        made = socket.socket(address_family(address), kind)
    try:
        if protocol == "tcp":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
    except OSError as error:
        made.close()
        raise OSError(error.errno, f"bind {address} {protocol} {port} in {lab.namespace(place)}: {error.strerror}") from error
    return made


class EchoServer:
    """Arrivals are known by (protocol, server address, server port, client address, client port)."""

    def __init__(self, lab, flows):
        """Listens wherever one of the flows goes."""
        self._lab = lab
        self._selector = selectors.EpollSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._closing = {}
        self._connections = set()
        # How many datagrams or connections came, and the datagrams themselves, by arrival.
        self.arrived = collections.Counter()
        self.datagrams = collections.defaultdict(list)
        self.failures = []
        for place, protocol, address, port in sorted({(f.server_place, f.protocol, f.destination, f.port) for f in flows}):
            self._listen(place, protocol, address, port)
        self._thread = threading.Thread(target=self._serve, name="echo", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and closes every socket."""
        self._wake.close()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        for connection in (*self._closing.values(), *self._connections):
            connection.close()
        self._selector.close()

    def closed(self, arrival) -> TcpInfo | None:
        """The server's end of a connection that the client has seen the end of, once it is over; None if it does not end."""
        deadline = time.monotonic() + _CLOSE_SECONDS
        while time.monotonic() < deadline:
            connection = self._closing.get(arrival)
            if connection is not None:
                info = TcpInfo.of(connection)
                if info.over:
                    del self._closing[arrival]
                    connection.close()
                    return info
            time.sleep(0.0005)
        return None

    def _listen(self, place: str, protocol: str, address: str, port: int) -> None:
        listener = open_socket(self._lab, place, protocol, address, port)
        listener.setblocking(False)
        if protocol == "tcp":
            listener.listen(_BACKLOG)
            serve = lambda: self._accept(listener, (protocol, address, port))
        else:
            listener.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 20)
            serve = lambda: self._answer(listener, (protocol, address, port))
        self._selector.register(listener, selectors.EVENT_READ, serve)

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                try:
                    key.data()
                except OSError as error:
                    self.failures.append(str(error))

    def _accept(self, listener: socket.socket, server) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, client = listener.accept()
                arrival = (*server, *client[:2])
                self.arrived[arrival] += 1
                connection.setblocking(False)
                self._connections.add(connection)
                self._selector.register(connection, selectors.EVENT_READ,
                                        lambda connection=connection, arrival=arrival: self._echo(connection, arrival))

    def _echo(self, connection: socket.socket, arrival) -> None:
        try:
            received = connection.recv(_CHUNK_BYTES)
        except ConnectionResetError:
            self._leave(connection)
            connection.close()
            return
        if received:
            connection.sendall(received)
            return
        self._leave(connection)
        connection.shutdown(socket.SHUT_WR)
        self._closing[arrival] = connection

    def _leave(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        self._connections.discard(connection)

    def _answer(self, listener: socket.socket, server) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                received, client = listener.recvfrom(_DATAGRAM_BYTES)
                arrival = (*server, *client[:2])
                self.arrived[arrival] += 1
                self.datagrams[arrival].append(received)
                listener.sendto(received, client)
