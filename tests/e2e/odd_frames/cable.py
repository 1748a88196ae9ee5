# SPDX-License-Identifier: Apache-2.0
"""One protected node and the other end of its cable: two network namespaces and a veth pair.

   pmNAME-node                                    pmNAME-far
   eth0  203.0.113.11, 2001:db8::11 ══════════════ eth0  203.0.113.1, 2001:db8::1

Neighbours are written down and nothing is announced, so that the only frames are those of a test.
"""

import os
import pathlib
import socket
import struct
import subprocess

from namespaces import Lab

NODE, FAR = "node", "far"
NODE_MAC, FAR_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
ADDRESSES = {NODE: {4: "203.0.113.11", 6: "2001:db8::11"}, FAR: {4: "203.0.113.1", 6: "2001:db8::1"}}
MTU = 9000

_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 15, 23
# RTM_NEWLINK, and IFLA_GSO_IPV4_MAX_SIZE (Linux 6.3), which Debian 12's `ip` does not know.
_NEW_LINK, _ACKNOWLEDGE, _GSO_IPV4_MAX_SIZE = 16, 5, 63


class Cable(Lab):
    """Both namespaces; `inside`, `command` and `remove` are the lab's."""

    def namespace(self, place: str) -> str:
        return self._prefix + place

    def places(self) -> tuple[str, ...]:
        return (NODE, FAR)

    def build(self) -> None:
        self.remove()
        for place in self.places():
            _ip("netns", "add", self.namespace(place))
            with self.inside(place):
                for device in ("all", "default"):
                    for setting, value in (("accept_dad", "0"), ("accept_ra", "0"), ("router_solicitations", "0"),
                                           ("addr_gen_mode", "1")):
                        _write(f"net/ipv6/conf/{device}/{setting}", value)
                # An acknowledgement is then of one size, whatever was lost.
                _write("net/ipv4/tcp_sack", "0")
        node, far = self.namespace(NODE), self.namespace(FAR)
        _ip("-n", node, "link", "add", "eth0", "address", NODE_MAC, "mtu", str(MTU), "type", "veth",
            "peer", "name", "eth0", "address", FAR_MAC, "mtu", str(MTU), "netns", far)
        for place, other, mac in ((NODE, FAR, FAR_MAC), (FAR, NODE, NODE_MAC)):
            lines = ["link set lo up", "link set eth0 up"]
            for family, length in ((4, 24), (6, 64)):
                flags = " nodad" if family == 6 else ""
                lines += [f"addr add {ADDRESSES[place][family]}/{length} dev eth0{flags}",
                          f"neigh replace {ADDRESSES[other][family]} lladdr {mac} dev eth0 nud permanent"]
            self._batch(place, lines)

    def allow_big_tcp(self, size: int) -> None:
        """TCP of the node may hand over super-packets of so many bytes in both families."""
        self._batch(NODE, [f"link set eth0 gso_max_size {size}"])
        with self.inside(NODE):
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as route:
                body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex("eth0"), 0, 0) + struct.pack("=HHI", 8, _GSO_IPV4_MAX_SIZE, size)
                route.send(struct.pack("=IHHII", 16 + len(body), _NEW_LINK, _ACKNOWLEDGE, 1, 0) + body)
                if code := struct.unpack_from("=i", route.recv(4096), 16)[0]:
                    raise OSError(-code, f"gso_ipv4_max_size: {os.strerror(-code)}")

    def feed(self, tagger: pathlib.Path) -> None:
        """A device of the node on which frames get a tag beside them (tag_beside.bpf.c) and go on to eth0."""
        self._batch(NODE, ["link add feed type veth peer name feed-end", "link set feed-end up", f"link set feed mtu {MTU} up"])
        for arguments in (("qdisc", "add", "dev", "feed", "clsact"),
                          ("filter", "add", "dev", "feed", "egress", "bpf", "direct-action", "obj", str(tagger), "sec", "tc")):
            done = subprocess.run(self.command(NODE, "tc", *arguments), capture_output=True, text=True, check=False)
            if done.returncode:
                raise OSError(f"tc {' '.join(arguments)}: {done.stderr.strip()}")

    def sender(self, place: str, offload: bool = False, tag_beside: int = 0) -> socket.socket:
        """Sends whole frames. With `offload`, each begins with a virtio_net header (see `offload_header`). `tag_beside` is TPID << 16 | TCI."""
        with self.inside(place):
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            if offload:
                made.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
            if tag_beside:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("=I", tag_beside))
                made.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, socket.if_nametoindex("eth0"))
            made.bind(("feed" if tag_beside else "eth0", 0))
        return made

    def listener(self, place: str) -> socket.socket:
        """Receives whole frames that arrive there, behind the hook."""
        with self.inside(place):
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
            made.bind(("eth0", _ETH_P_ALL))
        made.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        made.setblocking(False)
        return made


GSO_NONE, GSO_TCP4, GSO_TCP6, GSO_UDP = 0, 1, 4, 5


def offload_header(gso_type: int = GSO_NONE, headers: int = 0, segment: int = 0,
                   checksum_start: int = 0, checksum_offset: int = 0) -> bytes:
    """struct virtio_net_hdr (linux/virtio_net.h): the checksum is left to the device where it has a start."""
    return struct.pack("=BBHHHH", 1 if checksum_start else 0, gso_type, headers, segment, checksum_start, checksum_offset)


def _ip(*arguments: str, text: str | None = None) -> None:
    done = subprocess.run(["ip", *arguments], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}\n{text or ''}".rstrip())


def _write(setting: str, value: str) -> None:
    with open(f"/proc/sys/{setting}", "w", encoding="ascii") as file:
        file.write(value)
