# SPDX-License-Identifier: Apache-2.0
"""The world's side of a node's tap devices: a frame that is written to a tap has been judged when the call returns."""

import ctypes
import fcntl
import os
import socket
import struct

_TUNSETIFF, _TAP, _NO_PI = 0x400454CA, 2, 0x1000
_SIOCGIFHWADDR = 0x8927
_CLONE_NEWNET = 0x40000000


def inside(namespace: str, work):
    """What `work` returns when this thread calls it in that network namespace; sockets that it opens stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    _enter(there)
    try:
        return work()
    finally:
        _enter(home)
        os.close(home)
        os.close(there)


class Taps:
    """Opens the taps of `devices` (name to address) in the node's namespace."""

    def __init__(self, namespace: str, devices: dict[str, str]):
        self._devices = devices
        self._taps, self._macs = {}, {}
        inside(namespace, self._open)

    def _open(self) -> None:
        for device in self._devices:
            tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _TAP | _NO_PI))
            self._taps[device] = tap
            self._macs[device] = _mac(device)

    def send(self, device: str, port: int, count: int = 1, payload: bytes = bytes(10)) -> None:
        """Datagrams from outside to a port of the node."""
        address = self._devices[device]
        udp = struct.pack("!HHHH", 20000, port, 8 + len(payload), 0) + payload
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                             socket.inet_aton(address.rpartition(".")[0] + ".2"), socket.inet_aton(address))
        total = sum(struct.unpack("!10H", header))
        total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        header = header[:10] + struct.pack("!H", total) + header[12:]
        frame = self._macs[device] + bytes.fromhex("020000000002") + b"\x08\x00" + header + udp
        for _ in range(count):
            os.write(self._taps[device], frame)


def _mac(device: str) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return fcntl.ioctl(any_socket, _SIOCGIFHWADDR, struct.pack("40s", device.encode()))[18:24]


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None).setns(namespace, _CLONE_NEWNET):
        raise OSError("enter a network namespace")
