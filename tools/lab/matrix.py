# SPDX-License-Identifier: Apache-2.0
"""The 37 rows once more, written apart from the policy files: who may open which port to whom, on which side of the node.

The lab judges by this table alone. A policy file, a compiler or a kernel program that says something else shows as a
difference. Names of sets and services are those of policies/lync-2013-edge.
"""

import dataclasses
import ipaddress

FAMILIES = (4, 6)
SIDES = ("external", "internal")

# How much of the peers' names a row shows.
_PEERS_WIDTH = 24

# direction, rule, local service, peer, protocol, ports
_MATRICES = {
    "external": """
        in   external-01-xmpp-in           access    any                                          tcp  5269
        out  external-02-crl-out           access    any                                          tcp  80
        out  external-03-dns-tcp-out       access    any                                          tcp  53
        out  external-04-dns-udp-out       access    any                                          udp  53
        in   external-05-sip-tls-in        access    any                                          tcp  443
        in   external-06-sip-mtls-in       access    any                                          tcp  5061
        out  external-07-sip-mtls-out      access    any                                          tcp  5061
        in   external-08-psom-in           webconf   any                                          tcp  443
        out  external-09-rtp-tcp-out       av        any                                          tcp  50000-59999
        out  external-10-rtp-udp-out       av        any                                          udp  50000-59999
        in   external-11-rtp-tcp-in        av        any                                          tcp  50000-59999
        in   external-12-rtp-udp-in        av        any                                          udp  50000-59999
        out  external-13-stun-udp-out      av        any                                          udp  3478
        in   external-14-stun-udp-in       av        any                                          udp  3478
        in   external-15-stun-tcp-in       av        any                                          tcp  443
        out  external-16-stun-tcp-out      av        any                                          tcp  443
    """,
    "internal": """
        in   internal-01-xmpp-in           internal  xmpp-gateway                                 tcp  23456
        in   internal-02-sip-in            internal  director+front-end-pool                      tcp  5061
        out  internal-03-sip-out           internal  director+front-end-pool                      tcp  5061
        in   internal-04-psom-in           internal  front-end-pool                               tcp  8057
        in   internal-05-av-auth-in        internal  front-end-pool+survivable-branch-appliances  tcp  5062
        in   internal-06-stun-udp-in       internal  any                                          udp  3478
        in   internal-07-stun-tcp-in       internal  any                                          tcp  443
        in   internal-08-replication-in    internal  central-management-store                     tcp  4443
        in   internal-09-logging-50001-in  internal  any                                          tcp  50001
        in   internal-10-logging-50002-in  internal  any                                          tcp  50002
        in   internal-11-logging-50003-in  internal  any                                          tcp  50003
    """,
    "federation": """
        out  federation-01-sip-mtls-out    access    any                                          tcp  5061
    """,
    "public-im": """
        in   public-im-01-sip-mtls-in      access    public-im-partners                           tcp  5061
        out  public-im-02-sip-mtls-out     access    public-im-partners                           tcp  5061
        in   public-im-03-sip-tls-in       access    clients                                      tcp  443
        out  public-im-04-rtp-tcp-out      av        live-messenger-clients                       tcp  50000-59999
        out  public-im-05-stun-udp-out     av        live-messenger-clients                       udp  3478
        in   public-im-06-stun-udp-in      av        live-messenger-clients                       udp  3478
    """,
    "xmpp": """
        in   xmpp-01-xmpp-in               access    any                                          tcp  5269
        out  xmpp-02-xmpp-out              access    any                                          tcp  5269
        in   xmpp-03-gateway-in            internal  any                                          tcp  23456
    """,
}

# Which matrices judge which side, in their order.
PROFILES = {
    "full": {"external": ("external",), "internal": ("internal",)},
    "functions": {"external": ("public-im", "federation", "xmpp"), "internal": ("internal", "xmpp")},
}

# The rows that the demo drives under each profile: every row once.
DRIVEN = {"full": ("external", "internal"), "functions": ("public-im", "federation", "xmpp")}

SETS = {
    "external": {
        "public-im-partners": ("198.51.100.64/27", "2001:db8:f0:1::/64"),
        "clients": ("198.51.100.96/27", "2001:db8:f0:2::/64"),
        "live-messenger-clients": ("198.51.100.128/27", "2001:db8:f0:3::/64"),
    },
    "internal": {
        "director": ("10.1.1.11", "10.1.1.12", "2001:db8:10:1::11", "2001:db8:10:1::12"),
        "front-end-pool": ("10.1.2.11", "10.1.2.12", "10.1.2.13",
                           "2001:db8:10:2::11", "2001:db8:10:2::12", "2001:db8:10:2::13"),
        "xmpp-gateway": ("10.1.2.13", "2001:db8:10:2::13"),
        "central-management-store": ("10.1.3.11", "2001:db8:10:3::11"),
        "survivable-branch-appliances": ("10.20.1.11", "10.20.2.11", "2001:db8:10:21::11", "2001:db8:10:22::11"),
    },
}

# A peer of each side that is in no set.
ANYONE = {
    "external": {4: "198.51.100.7", 6: "2001:db8:f0::7"},
    "internal": {4: "10.30.0.7", 6: "2001:db8:10:30::7"},
}
ADMINISTRATOR = {4: "192.0.2.1", 6: "2001:db8:ad::1"}


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the summary: `local` opens to `peers` (out) or is opened by them (in)."""
    matrix: str
    rule: str
    side: str
    direction: str
    local: str
    peers: tuple[str, ...]
    protocol: str
    low: int
    high: int

    @property
    def key(self) -> str:
        """The rule's stable key, as the counters name it."""
        return f"{self.side}/{self.matrix}/{self.rule}"

    @property
    def ports(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"

    def __str__(self) -> str:
        peers = "+".join(self.peers)
        if len(peers) > _PEERS_WIDTH:
            peers = f"{self.peers[0]}+…"
        ends = (peers, self.local) if self.direction == "in" else (self.local, peers)
        return f"{ends[0]} -> {ends[1]} {self.protocol} {self.ports}"


@dataclasses.dataclass(frozen=True)
class Node:
    """An edge server: its services and their addresses, by family."""
    name: str
    services: dict[str, dict[int, str]]

    def services_of(self, side: str) -> tuple[str, ...]:
        return tuple(service for service in self.services if side_of(service) == side)


def side_of(service: str) -> str:
    return "internal" if service == "internal" else "external"


def _node(number: int) -> Node:
    services = {service: {4: f"203.0.113.{number}{last}", 6: f"2001:db8::{number}{last}"}
                for last, service in enumerate(("access", "webconf", "av"), start=1)}
    services["internal"] = {4: f"10.0.0.{number}1", 6: f"2001:db8:10::{number}1"}
    return Node(f"edge{number}", services)


def _rows() -> tuple[Row, ...]:
    rows = []
    for matrix, text in _MATRICES.items():
        for line in text.strip().splitlines():
            direction, rule, local, peers, protocol, ports = line.split()
            low, _, high = ports.partition("-")
            rows.append(Row(matrix, rule, side_of(local), direction, local, tuple(peers.split("+")), protocol,
                            int(low), int(high or low)))
    return tuple(rows)


NODES = (_node(1), _node(2))
ROWS = _rows()


def networks(side: str, name: str, family: int) -> list:
    """The prefixes of a set in one family."""
    found = (ipaddress.ip_network(text) for text in SETS[side][name])
    return [network for network in found if network.version == family]


def row_for(profile: str, node: Node, flow) -> Row | None:
    """The first row that lets the flow's opening packet pass on its side and in its direction, None if none does."""
    local, peer = ((flow.destination, flow.source) if flow.direction == "in" else (flow.source, flow.destination))
    peer_address = ipaddress.ip_address(peer)
    for matrix in PROFILES[profile][flow.side]:
        for row in ROWS:
            if ((row.matrix, row.side, row.direction, row.protocol) == (matrix, flow.side, flow.direction, flow.protocol)
                    and row.low <= flow.port <= row.high
                    and node.services[row.local][peer_address.version] == local
                    and (row.peers == ("any",) or any(peer_address in network for name in row.peers
                         for network in networks(row.side, name, peer_address.version)))):
                return row
    return None
