# SPDX-License-Identifier: Apache-2.0
"""Super-packets of real sockets: what they are on the wire is what TCP and the sender say they are."""

import contextlib
import pathlib
import socket
import struct
import threading

from cable import ADDRESSES, FAR, NODE

_UDP_SEGMENT = 103
_ETHERNET, _IP = 14, {4: 20, 6: 40}
# TCP's header with its time stamps, and what the opening packet has beyond.
_TCP_HEADER, _OPENING_MORE = 32, 8
_STREAM_BYTES = 8 << 20
# struct tcp_info up to tcpi_bytes_sent.
_TCP_INFO = struct.Struct("=8B24I4Q2I4I4Q2IQ")
_LEGACY, _BIG = 65536, 180000
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}


def super_packet_rows(trial):
    """Yields a name and the differences of each row."""
    for family in (4, 6):
        yield f"UDP segmentation, IPv{family}", _datagrams(trial, family)
        yield f"a TCP stream, IPv{family}", _stream(trial, family, big=False)
    trial.cable.allow_big_tcp(_BIG)
    for family in (4, 6):
        yield f"BIG TCP, IPv{family}", _stream(trial, family, big=True)


def _datagrams(trial, family: int) -> list[str]:
    payload, segment = 60000, 1400
    with contextlib.ExitStack() as opened:
        with trial.cable.inside(FAR):
            sink = opened.enter_context(socket.socket(_FAMILY[family], socket.SOCK_DGRAM))
        sink.bind((ADDRESSES[FAR][family], 50000))
        with trial.cable.inside(NODE):
            source = opened.enter_context(socket.socket(_FAMILY[family], socket.SOCK_DGRAM))
        source.bind((ADDRESSES[NODE][family], 40100))
        source.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, segment)
        before = _sent_buffers(trial)
        source.sendto(bytes(payload), (ADDRESSES[FAR][family], 50000))
        packets = -(-payload // segment)
        size = payload + packets * (_ETHERNET + _IP[family] + 8)
        found = trial.settle({"external/m/media-out out": (packets, size)})
        buffers = _sent_buffers(trial) - before
        return found + ([] if buffers < packets / 2 else [f"{buffers} buffers for {packets} packets: nothing was segmented late"])


def _stream(trial, family: int, big: bool) -> list[str]:
    with contextlib.ExitStack() as opened:
        with trial.cable.inside(FAR):
            server = opened.enter_context(socket.create_server((ADDRESSES[FAR][family], 443), family=_FAMILY[family]))
        reader = threading.Thread(target=_read_all, args=(server,))
        reader.start()
        largest = opened.enter_context(contextlib.closing(trial.cable.listener(FAR)))
        before = _sent_buffers(trial)
        with trial.cable.inside(NODE):
            client = opened.enter_context(socket.socket(_FAMILY[family], socket.SOCK_STREAM))
        client.settimeout(20)
        client.bind((ADDRESSES[NODE][family], 0))
        client.connect((ADDRESSES[FAR][family], 443))
        client.sendall(bytes(_STREAM_BYTES))
        client.shutdown(socket.SHUT_WR)
        client.recv(1)
        reader.join(20)
        info = _TCP_INFO.unpack(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
        segments_out, segments_in, sent = info[36], info[37], info[48]
        header = _ETHERNET + _IP[family] + _TCP_HEADER
        # Each answer is an acknowledgement without data, the first with the opening's options.
        expected = {"external/m/https-out out": (segments_out, sent + segments_out * header + _OPENING_MORE),
                    "external/m/https-out out replies": (segments_in, segments_in * header + _OPENING_MORE)}
        found = trial.settle(expected)
        buffers = _sent_buffers(trial) - before
        if buffers > segments_out / 2:
            found.append(f"{buffers} buffers for {segments_out} packets: nothing was segmented late")
        if big and (most := _largest(largest)) <= _LEGACY:
            found.append(f"no super-packet was beyond {_LEGACY} bytes: the largest had {most}")
        return found


def _read_all(server: socket.socket) -> None:
    server.settimeout(20)
    connection, _ = server.accept()
    with connection:
        connection.settimeout(20)
        while connection.recv(1 << 20):
            pass


def _largest(listener: socket.socket) -> int:
    most, buffer = 0, bytearray(64)
    while True:
        try:
            most = max(most, listener.recv_into(buffer, 0, socket.MSG_TRUNC))
        except BlockingIOError:
            return most


def _sent_buffers(trial) -> int:
    """What the device was given, super-packets as one."""
    with trial.cable.inside(NODE):
        lines = pathlib.Path("/proc/thread-self/net/dev").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[10]) for line in lines if line.strip().startswith("eth0:"))
