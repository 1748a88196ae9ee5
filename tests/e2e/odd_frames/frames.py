# SPDX-License-Identifier: Apache-2.0
"""Frames byte by byte, each layer a function of what is inside it. Checksums are left zero where nobody looks at them."""

import socket
import struct

from cable import ADDRESSES, FAR, FAR_MAC, NODE, NODE_MAC

IPV4, IPV6, ARP, VLAN, SERVICE_VLAN = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
SYN, RST, ACK = 0x02, 0x04, 0x10
HOP_BY_HOP, ROUTING, FRAGMENT, ESP, AUTHENTICATION, NO_NEXT, OPTIONS = 0, 43, 44, 50, 51, 59, 60


def ethernet(direction: str, ethertype: int, inner: bytes, tags=()) -> bytes:
    """`tags`: (TPID, TCI), outermost first."""
    macs = (NODE_MAC, FAR_MAC) if direction == "in" else (FAR_MAC, NODE_MAC)
    frame = b"".join(bytes.fromhex(mac.replace(":", "")) for mac in macs)
    for tpid, tci in tags:
        frame += struct.pack("!HH", tpid, tci)
    return frame + struct.pack("!H", ethertype) + inner


def _ends(direction: str, family: int):
    ends = (ADDRESSES[FAR][family], ADDRESSES[NODE][family])
    return ends if direction == "in" else ends[::-1]


def ipv4(direction: str, protocol: int, inner: bytes, *, ends=None, options=b"", total=None, words=None, identification=0,
         more=False, offset=0) -> bytes:
    source, destination = ends or _ends(direction, 4)
    header = 20 + len(options)
    first = struct.pack("!BBHHHBBH4s4s", 0x40 | (header // 4 if words is None else words), 0,
                        header + len(inner) if total is None else total, identification,
                        (0x2000 if more else 0) | offset // 8, 64, protocol, 0,
                        socket.inet_aton(source), socket.inet_aton(destination)) + options
    return first[:10] + struct.pack("!H", _checksum(first)) + first[12:] + inner


def ipv6(direction: str, next_header: int, inner: bytes, *, ends=None, payload=None) -> bytes:
    source, destination = ends or _ends(direction, 6)
    return struct.pack("!IHBB16s16s", 6 << 28, len(inner) if payload is None else payload, next_header, 64,
                       socket.inet_pton(socket.AF_INET6, source), socket.inet_pton(socket.AF_INET6, destination)) + inner


def extension(next_header: int, inner: bytes, size: int = 8, first: bytes = b"\x01\x04") -> bytes:
    """Padding options by default; `first` is what stands behind the length."""
    return struct.pack("!BB", next_header, size // 8 - 1) + first.ljust(size - 2, b"\0") + inner


def authentication(next_header: int, inner: bytes) -> bytes:
    return struct.pack("!BBHIII4x4x", next_header, 4, 0, 1, 1, 0) + inner


def fragment(next_header: int, inner: bytes, *, identification: int, offset: int = 0, more: bool = False) -> bytes:
    return struct.pack("!BBHI", next_header, 0, offset | more, identification) + inner


def tcp(source: int, destination: int, flags: int, inner: bytes = b"", words: int = 5) -> bytes:
    return struct.pack("!HHIIBBHHH", source, destination, 1, 0, words << 4, flags, 65535, 0, 0) + inner


def udp(source: int, destination: int, inner: bytes = b"", length=None) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(inner) if length is None else length, 0) + inner


def icmp_error(type_: int, inner: bytes) -> bytes:
    return struct.pack("!BBHI", type_, 1, 0, 0) + inner


def _checksum(header: bytes) -> int:
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
