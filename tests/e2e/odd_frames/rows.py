# SPDX-License-Identifier: Apache-2.0
"""The odd frames: what is sent, where it must be counted, and whether it arrives."""

import dataclasses
import typing

import frames as f
from cable import ADDRESSES, FAR, GSO_TCP4, GSO_TCP6, GSO_UDP, NODE, offload_header


@dataclasses.dataclass(frozen=True)
class Sent:
    """One frame given to a raw socket."""
    # Nobody's, so that no host behind the hook answers what it is sent.
    MAC: typing.ClassVar[bytes] = bytes.fromhex("0200000000ee")

    direction: str
    frame: bytes
    place: str
    tag_beside: int = 0  # TPID << 16 | TCI
    offload: bytes = b""
    packets: int = 1
    wire_bytes: int = 0
    arrives: int = 0


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    frames: tuple[Sent, ...]


def _sent(direction: str, frame: bytes, place: str, **more) -> Sent:
    passes = not place.endswith(" dropped")
    more.setdefault("wire_bytes", len(frame))
    more.setdefault("arrives", int(passes))
    return Sent(direction, Sent.MAC + frame[6:], place, **more)


def _rule(direction: str, interface: str = "external") -> str:
    matrix = "m" if interface == "external" else "tagged"
    return f"{interface}/{matrix}/{'web' if direction == 'in' else 'https-out'} {direction}"


def _ip(direction: str, family: int, protocol: int, inner: bytes, **more) -> bytes:
    return f.ipv4(direction, protocol, inner, **more) if family == 4 else f.ipv6(direction, protocol, inner, **more)


def _frame(direction: str, family: int, packet: bytes, tags=()) -> bytes:
    return f.ethernet(direction, f.IPV4 if family == 4 else f.IPV6, packet, tags)


_HTTPS = f.tcp(40000, 443, f.SYN)


def _tags():
    c, s = f.VLAN, f.SERVICE_VLAN
    for direction in ("in", "out"):
        for family in (4, 6):
            frame = lambda *tags: _frame(direction, family, _ip(direction, family, f.TCP, _HTTPS), tags)
            for name, tags, place in (
                    ("no tag", (), _rule(direction)),
                    ("a priority tag", ((c, 5 << 13),), _rule(direction)),
                    ("a tag", ((c, 5),), _rule(direction, "customer")),
                    ("a service tag", ((s, 5),), _rule(direction, "customer")),
                    ("a priority tag around a tag", ((c, 0), (c, 5)), _rule(direction, "customer")),
                    ("two tags", ((s, 5), (c, 6)), _rule(direction, "stacked")),
                    ("two tags that none names", ((s, 6), (c, 5)), f"eth0 {direction} vlan dropped"),
                    ("a tag that none names", ((c, 77),), f"eth0 {direction} vlan dropped"),
                    ("three tags", ((s, 5), (c, 6), (c, 7)), f"eth0 {direction} malformed dropped")):
                yield Row(f"{name}, IPv{family} {direction}", (_sent(direction, frame(*tags), place),))


def _tags_beside():
    """Tags that the sender's kernel keeps beside the frame, as of a VLAN device; they weigh four bytes all the same."""
    c, s = f.VLAN << 16, f.SERVICE_VLAN << 16
    for family in (4, 6):
        inner = _ip("out", family, f.TCP, _HTTPS)
        for name, beside, tags, place in (
                ("a tag beside the frame", c | 5, (), _rule("out", "customer")),
                ("a service tag beside the frame", s | 5, (), _rule("out", "customer")),
                ("a priority tag beside the frame", c | 5 << 13, (), _rule("out")),
                ("a service tag beside, a tag inside", s | 5, ((f.VLAN, 6),), _rule("out", "stacked")),
                ("a tag beside, a priority tag inside", c | 5, ((f.VLAN, 0),), _rule("out", "customer")),
                ("a tag beside that none names", s | 9, (), "eth0 out vlan dropped"),
                ("a tag beside, two inside", s | 5, ((f.VLAN, 6), (f.VLAN, 7)), "eth0 out malformed dropped")):
            frame = _frame("out", family, inner, tags)
            yield Row(f"{name}, IPv{family}", (_sent("out", frame, place, tag_beside=beside, wire_bytes=len(frame) + 4),))


def _headers():
    for direction in ("in", "out"):
        passes, malformed = _rule(direction), f"external {direction} malformed dropped"
        default = f"external {direction} default dropped"
        four = lambda inner=_HTTPS, protocol=f.TCP, trailing=b"", **more: _frame(
            direction, 4, f.ipv4(direction, protocol, inner, **more) + trailing)
        six = lambda next_header, inner, **more: _frame(direction, 6, f.ipv6(direction, next_header, inner, **more))
        eight = _HTTPS
        for number in range(8):
            eight = f.extension(f.OPTIONS if number else f.TCP, eight)
        kinds = f.extension(f.AUTHENTICATION, f.authentication(f.ROUTING, f.extension(f.TCP, _HTTPS, first=b"\x04\0")))
        for name, frame, place in (
                ("harmless options", four(options=b"\x94\x04\0\0"), passes),
                ("a source route", four(options=b"\x83\x07\x04\x0a\0\0\x01\0"), malformed),
                ("a short IHL", four(words=4), malformed),
                ("a total length beyond the frame", four(total=41), malformed),
                ("trailing bytes", four(total=40, trailing=bytes(6)), passes),
                ("a short TCP header", four(f.tcp(40000, 443, f.SYN, words=4)), malformed),
                ("a UDP length beyond the packet", four(f.udp(1, 50000, length=9), f.UDP), malformed),
                ("options, AH and routing", six(f.OPTIONS, kinds), passes),
                ("eight extension headers", six(f.OPTIONS, eight), passes),
                ("nine extension headers", six(f.OPTIONS, f.extension(f.OPTIONS, eight)), malformed),
                ("a routing header with segments left", six(f.ROUTING, f.extension(f.TCP, _HTTPS, first=b"\x04\x01")), malformed),
                ("ESP", six(f.ESP, bytes(8)), default),
                ("no next header", six(f.NO_NEXT, b""), default),
                ("a jumbogram", six(f.HOP_BY_HOP, f.extension(f.TCP, _HTTPS, first=b"\xc2\x04\0\x01\0\0"), payload=0), malformed),
                ("an atomic fragment", six(f.FRAGMENT, f.fragment(f.TCP, _HTTPS, identification=1)), passes),
                ("ARP", f.ethernet(direction, f.ARP, bytes(28)), f"external {direction} ethertype passed"),
                ("an 802.3 length", f.ethernet(direction, 46, bytes(46)), f"external {direction} ethertype dropped")):
            yield Row(f"{name}, {direction}", (_sent(direction, frame, place),))
    for family in (4, 6):
        host = ADDRESSES[NODE][family]
        land = _frame("in", family, _ip("in", family, f.TCP, _HTTPS, ends=(host, host)))
        yield Row(f"land, IPv{family}", (_sent("in", land, "external in spoofed dropped"),))
        group = {4: "224.0.0.251", 6: "ff02::fb"}[family]
        multicast = _frame("in", family, _ip("in", family, f.UDP, f.udp(5353, 5353), ends=(ADDRESSES[FAR][family], group)))
        yield Row(f"multicast, IPv{family}", (_sent("in", multicast, "external in default dropped"),))


def _fragments():
    whole = f.tcp(40000, 443, f.SYN, bytes(1004))
    for direction in ("in", "out"):
        passes = _rule(direction)
        unknown, malformed = f"external {direction} fragment dropped", f"external {direction} malformed dropped"
        for family in (4, 6):
            def part(begin, end, identification, place):
                more = end < len(whole)
                if family == 4:
                    packet = f.ipv4(direction, f.TCP, whole[begin:end], identification=identification, more=more, offset=begin)
                else:
                    packet = f.ipv6(direction, f.FRAGMENT, f.fragment(f.TCP, whole[begin:end], identification=identification,
                                                                      offset=begin, more=more))
                return _sent(direction, _frame(direction, family, packet), place)
            end = len(whole)
            for name, parts in (
                    ("fragments in order", (part(0, 512, 11, passes), part(512, 1000, 11, passes), part(1000, end, 11, passes))),
                    ("fragments out of order", (part(1000, end, 12, unknown), part(512, 1000, 12, unknown),
                                                part(0, 512, 12, passes), part(1000, end, 12, passes))),
                    ("overlapping fragments", (part(0, 512, 13, passes), part(8, 512, 13, malformed),
                                               part(256, 1000, 13, passes))),
                    ("a tiny first fragment", (part(0, 16, 14, malformed), part(16, end, 14, unknown)))):
                yield Row(f"{name}, IPv{family} {direction}", parts)


def _errors():
    about = f.ipv4("out", f.UDP, f.udp(40001, 50000, bytes(8)))
    opening = _sent("out", _frame("out", 4, about), "external/m/media-out out")
    error = lambda embedded: _frame("in", 4, f.ipv4("in", f.ICMP, f.icmp_error(3, embedded)))
    forged = f.ipv4("out", f.UDP, f.udp(40002, 50001, bytes(8)))
    yield Row("an error about a datagram that was sent",
              (opening, _sent("in", error(about), "external/m/media-out out replies")))
    yield Row("an error about one that was not", (_sent("in", error(forged), "external in default dropped"),))


def _several_buffers():
    """Frames of up to 9,000 bytes: more than a page, and with the transport header where no page holds both."""
    chain = f.tcp(40000, 443, f.SYN, bytes(100))
    for number in range(4):
        chain = f.extension(f.OPTIONS if number else f.TCP, chain, size=2048, first=b"")
    for direction in ("in", "out"):
        passes = _rule(direction)
        for family in (4, 6):
            jumbo = _frame(direction, family, _ip(direction, family, f.TCP, f.tcp(40000, 443, f.ACK, bytes(8900))))
            yield Row(f"a frame of 9,000 bytes, IPv{family} {direction}", (_sent(direction, jumbo, passes),))
        far = _frame(direction, 6, f.ipv6(direction, f.OPTIONS, chain))
        yield Row(f"TCP behind 8,192 bytes of extension headers, {direction}", (_sent(direction, far, passes),))
        # Nothing but the Ethernet header stands in the first piece.
        yield Row(f"the same in pieces from the IP header on, {direction}",
                  (_sent(direction, far, passes, offload=offload_header(headers=14)),))


def _offloads():
    """Super-packets and open checksums from a raw socket: nobody has counted their segments."""
    def super_packet(direction, family, protocol, payload, segment, place, name, tag_beside=0):
        transport = f.tcp(40000, 443, f.ACK, payload) if protocol == f.TCP else f.udp(40001, 50000, payload)
        frame = _frame(direction, family, _ip(direction, family, protocol, transport))
        headers = len(frame) - len(payload)
        kind = GSO_UDP if protocol == f.UDP else GSO_TCP4 if family == 4 else GSO_TCP6
        packets = -(-len(payload) // segment)
        offload = offload_header(kind, headers, segment, headers - (20 if protocol == f.TCP else 8), 16 if protocol == f.TCP else 6)
        # The cable takes it whole; towards XDP the kernel cuts it up first.
        return Row(f"{name}, IPv{family} {direction}",
                   (_sent(direction, frame, place, offload=offload, packets=packets, tag_beside=tag_beside,
                          wire_bytes=len(payload) + packets * (headers + (4 if tag_beside else 0)),
                          arrives=1 if direction == "out" else packets),))

    for family in (4, 6):
        yield super_packet("out", family, f.TCP, bytes(7000), 1400, _rule("out", "customer"), "a super-packet with a tag beside",
                           f.VLAN << 16 | 5)
        for direction in ("in", "out"):
            media = f"external/m/{'media-in in' if direction == 'in' else 'media-out out'}"
            yield super_packet(direction, family, f.TCP, bytes(7000), 1400, _rule(direction), "a TCP super-packet")
            yield super_packet(direction, family, f.TCP, bytes(7001), 1400, _rule(direction), "one of a byte more")
            yield super_packet(direction, family, f.TCP, bytes(60000), 1448, _rule(direction), "a large TCP super-packet")
            yield super_packet(direction, family, f.UDP, bytes(14000), 1400, media, "a UDP super-packet")
            datagram = _frame(direction, family, _ip(direction, family, f.UDP, f.udp(40001, 50000, bytes(100))))
            start = len(datagram) - 108
            yield Row(f"an open checksum, IPv{family} {direction}",
                      (_sent(direction, datagram, media, offload=offload_header(checksum_start=start, checksum_offset=6)),))


ROWS = (*_tags(), *_tags_beside(), *_headers(), *_fragments(), *_errors(), *_several_buffers(), *_offloads())
