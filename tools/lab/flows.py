# SPDX-License-Identifier: Apache-2.0
"""What is tried for each row: the conversations that it lets through, and its neighbours, which nothing lets through."""

import dataclasses
import ipaddress

from matrix import ANYONE, SETS, SIDES, Node, Row, networks, row_for


@dataclasses.dataclass(frozen=True)
class Flow:
    """A conversation that its source opens, seen from the node: on which side, in which direction. `why` says how a
    neighbour differs from its row."""
    node: str
    side: str
    direction: str
    source: str
    destination: str
    protocol: str
    port: int
    why: str = ""

    @property
    def family(self) -> int:
        return 6 if ":" in self.destination else 4

    @property
    def client_place(self) -> str:
        return self.side if self.direction == "in" else self.node

    @property
    def server_place(self) -> str:
        return self.node if self.direction == "in" else self.side

    def __str__(self) -> str:
        return (f"{self.node} {self.side} {self.direction}: {self.source} -> {self.destination} "
                f"{self.protocol} {self.port}" + (f" ({self.why})" if self.why else ""))


def _flow(node: Node, side: str, direction: str, local: str, peer: str, protocol: str, port: int, why: str = "") -> Flow:
    source, destination = (peer, local) if direction == "in" else (local, peer)
    return Flow(node.name, side, direction, source, destination, protocol, port, why)


def _ends(side: str, names, family: int) -> list[str]:
    """The first and the last address of each prefix of the sets."""
    ends = [str(network[at]) for name in names for network in networks(side, name, family) for at in (0, -1)]
    return list(dict.fromkeys(ends))


def conversations(profile: str, row: Row, node: Node, family: int) -> list[Flow]:
    """Everything that is driven through a row: both ends and the middle of its ports, from or to both ends of each of its
    prefixes; for `any`, from or to someone in no set and the ends of the sets, as far as no row before takes them."""
    names = SETS[row.side] if row.peers == ("any",) else row.peers
    peers = _ends(row.side, names, family)
    if row.peers == ("any",):
        peers.insert(0, ANYONE[row.side][family])
    local = node.services[row.local][family]
    ports = sorted({row.low, (row.low + row.high) // 2, row.high})
    flows = (_flow(node, row.side, row.direction, local, peer, row.protocol, port) for peer in peers for port in ports)
    return [flow for flow in flows if row_for(profile, node, flow) is row]


def neighbours(profile: str, row: Row, node: Node, family: int) -> list[Flow]:
    """The flows beside a row that the matrix refuses. Neighbours that another row takes are left out."""
    local = node.services[row.local][family]
    peer = conversations(profile, row, node, family)[0]
    peer = peer.source if row.direction == "in" else peer.destination
    other_protocol = "udp" if row.protocol == "tcp" else "tcp"
    other_direction = "out" if row.direction == "in" else "in"
    other_side = SIDES[1 - SIDES.index(row.side)]

    def beside(why, side=row.side, direction=row.direction, local=local, peer=peer, protocol=row.protocol, port=row.low):
        return _flow(node, side, direction, local, peer, protocol, port, why)

    tried = [
        beside("the port below", port=row.low - 1),
        beside("the port above", port=row.high + 1),
        beside("the other transport", protocol=other_protocol),
        beside("the other direction", direction=other_direction),
    ]
    tried += [beside(f"of {service} instead of {row.local}", local=node.services[service][family])
              for service in node.services_of(row.side) if service != row.local]
    tried.append(beside(f"on the {other_side} side", side=other_side, peer=ANYONE[other_side][family]))
    if row.peers != ("any",):
        tried += [beside("a peer outside the set", peer=outsider) for outsider in _outsiders(row, family)]
    return [flow for flow in tried if row_for(profile, node, flow) is None]


def _outsiders(row: Row, family: int) -> list[str]:
    """The addresses just outside each prefix of the row, one of each set, and someone in no set."""
    beside = []
    for name in row.peers:
        for network in networks(row.side, name, family):
            beside += [str(network[0] - 1), str(network[-1] + 1)]
    sets = [str(networks(row.side, name, family)[0][0]) for name in SETS[row.side]]
    found = list(dict.fromkeys(beside + sets + [ANYONE[row.side][family]]))
    return [address for address in found
            if not any(ipaddress.ip_address(address) in network for name in row.peers
                       for network in networks(row.side, name, family))]
