# SPDX-License-Identifier: Apache-2.0
"""The lab's network: two edge nodes between an internet and a corporate network, four network namespaces.

   pmNAME-internet                                                              pmNAME-corp
   203.0.113.1   2001:db8::1          pmNAME-edge1, pmNAME-edge2          10.0.0.1   2001:db8:10::1
         br0 ──── edge1 ═══════════════ eth0 │ node │ eth1 ═══════════════ edge1 ──── br0
          └────── edge2 ═══════════════ eth0 │ node │ eth1 ═══════════════ edge2 ──────┘
   every address of the outside sets                                       every address of the inside sets

Whole prefixes are local to the internet and to the corporate network, so that one place speaks for any peer. Nothing of the
host's own network is touched.
"""

import contextlib
import ctypes
import os
import subprocess

from matrix import FAMILIES, NODES

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

_INTERNET_PREFIXES = ("192.0.2.0/24", "198.51.100.0/24", "2001:db8:ad::/48", "2001:db8:f0::/48")
_CORP_PREFIXES = ("10.1.0.0/16", "10.20.0.0/16", "10.30.0.0/16",
                  *(f"2001:db8:10:{number}::/64" for number in (1, 2, 3, 21, 22, 30)))
_ROUTER = {"external": {4: "203.0.113.1/24", 6: "2001:db8::1/64"}, "internal": {4: "10.0.0.1/24", 6: "2001:db8:10::1/64"}}
_FROM_NODE = {"external": {4: "default", 6: "default"}, "internal": {4: "10.0.0.0/8", 6: "2001:db8:10::/48"}}
_DEVICE = {"external": "eth0", "internal": "eth1"}

# Addresses work at once, and the kernel says nothing of its own accord.
_SETTINGS = {
    "net/ipv6/conf/{}/accept_dad": "0",
    "net/ipv6/conf/{}/accept_ra": "0",
    "net/ipv6/conf/{}/router_solicitations": "0",
    "net/ipv4/conf/{}/rp_filter": "0",
}


class Lab:
    """The namespaces of one lab. A place is "external" (the internet), "internal" (the corporate network) or a node."""

    def __init__(self, name: str):
        self._prefix = f"pm{name}-"

    def namespace(self, place: str) -> str:
        return self._prefix + {"external": "internet", "internal": "corp"}.get(place, place)

    def places(self) -> tuple[str, ...]:
        return ("external", "internal", *(node.name for node in NODES))

    def build(self) -> None:
        for place in self.places():
            _ip("netns", "add", self.namespace(place))
            with self.inside(place):
                for device in ("all", "default"):
                    for setting, value in _SETTINGS.items():
                        _write(setting.format(device), value)
                # Lets a socket take an IPv6 address out of a whole prefix that is local.
                _write("net/ipv6/ip_nonlocal_bind", "1")
        self._batch("external", _segment("external", _INTERNET_PREFIXES))
        self._batch("internal", _segment("internal", _CORP_PREFIXES))
        for node in NODES:
            self._batch(node.name, ["link set lo up"])
            for side in _DEVICE:
                self._connect(node, side)

    def remove(self) -> None:
        """Removes the namespaces, those of an earlier lab of the same name as well. Ends no process."""
        for place in self.places():
            subprocess.run(["ip", "netns", "delete", self.namespace(place)], stderr=subprocess.DEVNULL, check=False)

    def processes(self) -> list[int]:
        """Who lives in the namespaces."""
        found = []
        for place in self.places():
            listed = subprocess.run(["ip", "netns", "pids", self.namespace(place)], capture_output=True, text=True, check=False)
            found += [int(pid) for pid in listed.stdout.split()]
        return found

    def command(self, place: str, *arguments: str) -> list[str]:
        """A command line that runs there. Unlike `ip netns exec` it leaves /sys, and with it bpffs, as it is."""
        return ["nsenter", f"--net={self._path(place)}", *arguments]

    @contextlib.contextmanager
    def inside(self, place: str):
        """This thread is in that namespace meanwhile; sockets made here stay there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            there = os.open(self._path(place), os.O_RDONLY)
            try:
                _enter(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _enter(home)
        finally:
            os.close(home)

    def _path(self, place: str) -> str:
        return f"/run/netns/{self.namespace(place)}"

    def _batch(self, place: str, lines: list[str]) -> None:
        _ip("-n", self.namespace(place), "-batch", "-", text="\n".join(lines) + "\n")

    def _connect(self, node, side: str) -> None:
        """A veth pair from the node's device to the side's segment, with addresses and routes."""
        device = _DEVICE[side]
        _ip("-n", self.namespace(side), "link", "add", node.name, "type", "veth",
            "peer", "name", device, "netns", self.namespace(node.name))
        # No flooding of frames for others: each node sees its own and what is sent to all.
        self._batch(side, [f"link set {node.name} master br0", f"link set {node.name} type bridge_slave flood off",
                           f"link set {node.name} up"])
        lines = [f"link set {device} up"]
        for family in FAMILIES:
            length = _ROUTER[side][family].partition("/")[2]
            flags = " nodad" if family == 6 else ""
            lines += [f"addr add {node.services[service][family]}/{length} dev {device}{flags}"
                      for service in node.services_of(side)]
        for family in FAMILIES:
            router = _ROUTER[side][family].partition("/")[0]
            lines.append(f"route add {_FROM_NODE[side][family]} via {router} dev {device}")
        self._batch(node.name, lines)
        # The way to the node's addresses of the other side: what nobody should try, somebody will.
        other = next(name for name in _DEVICE if name != side)
        first = node.services_of(side)[0]
        self._batch(side, [f"route add {node.services[service][family]} via {node.services[first][family]} dev br0"
                           for family in FAMILIES for service in node.services_of(other)])


def _segment(side: str, prefixes) -> list[str]:
    return ["link set lo up", "link add br0 type bridge mcast_snooping 0", "link set br0 up",
            f"addr add {_ROUTER[side][4]} dev br0", f"addr add {_ROUTER[side][6]} dev br0 nodad",
            *(f"route add local {prefix} dev lo" for prefix in prefixes)]


def _ip(*arguments: str, text: str | None = None) -> None:
    done = subprocess.run(["ip", *arguments], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}\n{text or ''}".rstrip())


def _write(setting: str, value: str) -> None:
    with open(f"/proc/sys/{setting}", "w", encoding="ascii") as file:
        file.write(value)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"enter a network namespace: {os.strerror(number)}")
