# SPDX-License-Identifier: Apache-2.0
"""Random policies for measurements, and the same rules for the peers.

Three styles after the classification literature's mixes (ClassBench, Taylor and Turner 2007): `acl` (hosts behind an
access list), `fw` (any source, wide destinations, port ranges) and `ipc` (prefix to prefix); and `exact`, whose rules are
disjoint, so that nftables' interval maps hold them too and the order of rules makes no difference. Seeded: the same arguments
give the same policy."""

import ipaddress
import pathlib
import random
from dataclasses import dataclass, replace

STYLES = ("acl", "fw", "ipc", "exact")
LOCAL = {4: "10.0.0.0/8", 6: "2001:db8:a000::/36"}
_OUTSIDE = {4: "100.64.0.0/10", 6: "2001:db8::/36"}
_RULES_A_FILE = 4000

# By style and side: how often any, a zone, a subnet, a host; how often a service is any, a range, one port.
_SIDES = {
    "acl": ((.30, .20, .30, .20), (.02, .08, .30, .60)),
    "fw": ((.50, .20, .20, .10), (.15, .25, .30, .30)),
    "ipc": ((.20, .20, .30, .30), (.20, .20, .30, .30)),
}
_SERVICES = {"acl": (.10, .15, .75), "fw": (.20, .30, .50), "ipc": (.30, .20, .50)}
_PORTS = (22, 25, 53, 80, 110, 123, 135, 143, 161, 389, 443, 445, 465, 514, 587, 636, 993, 995, 1433, 1521, 3306, 3389, 3478,
          5060, 5061, 5432, 6379, 8057, 8080, 8443, 9100)
_RANGES = ((1024, 65535), (50000, 59999), (5060, 5070), (135, 139), (6000, 6063), (20000, 29999), (8000, 8999))


@dataclass(frozen=True)
class Rule:
    """One line. `source` and `destination` are networks or None for any; `ports` first and last or None; denying or not."""
    name: str
    source: object
    destination: object
    protocol: str
    ports: tuple[int, int] | None
    denies: bool


class _Places:
    """Zones with subnets with hosts, nested; as many as `count` rules would know."""

    def __init__(self, draw: random.Random, family: int, base: str, count: int):
        self._draw = draw
        network = ipaddress.ip_network(base)
        zone, subnet, host = (network.prefixlen + 8, (22, 28), 32) if family == 4 else (48, (52, 64), 128)
        self.zones = [self._inside(network, zone) for _ in range(max(3, count // 100))]
        self.subnets = [self._inside(draw.choice(self.zones), draw.randint(*subnet)) for _ in range(max(4, count // 8))]
        self.hosts = [self._inside(draw.choice(self.subnets), host) for _ in range(max(5, count // 3))]

    def _inside(self, network, length: int):
        length = max(length, network.prefixlen)
        number = int(network.network_address) | self._draw.getrandbits(network.max_prefixlen - network.prefixlen)
        return ipaddress.ip_network((number, length), strict=False)

    def pick(self, weights):
        kind = self._draw.choices(range(4), weights)[0]
        return None if kind == 0 else self._draw.choice((self.zones, self.subnets, self.hosts)[kind - 1])


def generate(style: str, family: int, count: int, seed: int = 1, denies: float = .2) -> list[Rule]:
    """`count` rules of one family for packets that come in."""
    draw = random.Random(f"{style}-{family}-{count}-{seed}")
    outside, inside = (_Places(draw, family, base[family], count) for base in (_OUTSIDE, LOCAL))
    rules = []
    used = set()
    while len(rules) < count:
        name = f"r{len(rules) + 1:06d}"
        protocol = draw.choice(("tcp", "tcp", "tcp", "udp"))
        refuses = draw.random() < denies
        if style == "exact":
            source, destination = draw.choice(outside.zones + outside.subnets), draw.choice(inside.hosts)
            port = draw.choice(_PORTS)
            if (destination, protocol, port) in used:
                continue
            used.add((destination, protocol, port))
            rules.append(Rule(name, source, destination, protocol, (port, port), refuses))
            continue
        source, destination = (places.pick(weights) for places, weights in zip((outside, inside), _SIDES[style]))
        kind = draw.choices(range(3), _SERVICES[style])[0]
        port = draw.choice(_PORTS)
        ports = (None, draw.choice(_RANGES), (port, port))[kind]
        if (source, destination, protocol, ports) in used or (source is None and destination is None):
            continue
        used.add((source, destination, protocol, ports))
        rules.append(Rule(name, source, destination, protocol, ports, refuses))
    if style == "exact":
        return rules
    # Exceptions stand before what they are exceptions from, mostly.
    order = sorted(rules, key=lambda rule: -_narrowness(rule) + draw.gauss(0, 6))
    return [replace(rule, name=f"r{place + 1:06d}") for place, rule in enumerate(order)]


def _narrowness(rule: Rule) -> float:
    bits = sum(network.prefixlen * 32 / network.max_prefixlen for network in (rule.source, rule.destination) if network)
    return bits + (0 if rule.ports is None else 8 if rule.ports[0] < rule.ports[1] else 16)


def _ports_text(ports: tuple[int, int]) -> str:
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


def _policy_line(rule: Rule, direction: str) -> str:
    ports = f", ports: {_ports_text(rule.ports)}" if rule.ports else ""
    source, destination = rule.source or "any", rule.destination or "any"
    if direction == "out":
        source, destination = destination, source
    return (f"  - {{id: {rule.name}, from: {source}, to: {destination}, direction: {direction}, protocol: {rule.protocol}{ports}"
            f"{', action: deny' if rule.denies else ''}}}\n")


def write_policy(rules: list[Rule], family: int, folder: pathlib.Path, device: str, direction: str = "in") -> None:
    """A policy of node `bench` with one interface, in files below `folder`. With direction `out` the rules are turned round."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.yaml"):
        old.unlink()
    names = []
    for first in range(0, len(rules), _RULES_A_FILE):
        names.append(f"part{len(names) + 1:03d}")
        part = rules[first:first + _RULES_A_FILE]
        text = f"matrix: {names[-1]}\nrules:\n" + "".join(_policy_line(rule, direction) for rule in part)
        (folder / f"{names[-1]}.yaml").write_text(text, encoding="ascii")
    (folder / "node.yaml").write_text(
        f"node: bench\nfailsafe:\n  - {{protocol: tcp, ports: 22, from: [192.0.2.0/24, '2001:db8:ffff::/48']}}\n"
        f"interfaces:\n  edge:\n    device: {device}\n    local: ['{LOCAL[family]}']\n"
        f"    default: drop\n    matrices: [{', '.join(names)}]\n", encoding="ascii")


def write_list_policy(count: int, folder: pathlib.Path, device: str) -> None:
    """A policy of node `bench` that refuses what a list file of `count` prefixes holds, all over the address space and four of five of
    them IPv4, and lets everybody else reach one service. A list of two holds a large network of each family instead, so that
    what is refused comes from many addresses too."""
    draw = random.Random(f"list-{count}")
    (folder / "lists").mkdir(parents=True, exist_ok=True)
    prefixes = {"64.0.0.0/3", "2001:8000::/17"} if count == 2 else set()
    while len(prefixes) < count:
        if draw.random() < .8:
            network = ipaddress.ip_network((draw.getrandbits(32), draw.choice((24, 26, 28, 30, 32, 32, 32, 32))), strict=False)
            if network.is_loopback or network.is_multicast or int(network.network_address) >> 24 in (0, 10, 192, 255):
                continue
        else:
            network = ipaddress.ip_network((0x2001 << 112 | draw.getrandbits(112), draw.choice((48, 56, 64, 128))), strict=False)
        prefixes.add(str(network))
    (folder / "lists" / "blocked.txt").write_text("\n".join(sorted(prefixes)) + "\n", encoding="ascii")
    local = ", ".join(f"'{network}'" for network in LOCAL.values())
    (folder / "policy.yaml").write_text(
        f"matrix: front\nrules:\n  - {{id: refuse, from: blocked, to: any, direction: in, protocol: any, action: deny}}\n"
        f"  - {{id: serve, from: any, to: me, direction: in, protocol: tcp, ports: 443}}\n---\n"
        f"node: bench\nfailsafe:\n  - {{protocol: tcp, ports: 22, from: [192.0.2.0/24, '2001:db8:ffff::/48']}}\n"
        f"sets: {{blocked: {{file: lists/blocked.txt}}, me: [{local}]}}\n"
        f"interfaces:\n  edge: {{device: {device}, local: me, default: drop, matrices: [front]}}\n", encoding="ascii")


def nft_rules(rules: list[Rule], family: int, device: str) -> str:
    """A linear chain on the device's ingress hook, a counter in each rule."""
    ip = "ip" if family == 4 else "ip6"
    lines = [f"table netdev bench {{ chain ingress {{ type filter hook ingress device {device} priority 0; policy drop;"]
    for rule in rules:
        words = [f"{ip} saddr {rule.source}"] if rule.source else []
        words += [f"{ip} daddr {rule.destination}"] if rule.destination else []
        words.append(f"{rule.protocol} dport {_ports_text(rule.ports)}" if rule.ports else f"meta l4proto {rule.protocol}")
        lines.append(f"{' '.join(words)} counter {'drop' if rule.denies else 'accept'}")
    return "\n".join(lines) + "\n}\n}\n"


def nft_map(rules: list[Rule], family: int, device: str) -> str:
    """The same as one concatenated interval map with a counter in each element (rules of style `exact` only)."""
    ip, kind = ("ip", "ipv4_addr") if family == 4 else ("ip6", "ipv6_addr")
    elements = ",\n".join(
        f"{rule.source} . {rule.destination} . {rule.protocol} . {_ports_text(rule.ports)} counter : {'drop' if rule.denies else 'accept'}"
        for rule in rules)
    return (f"table netdev bench {{ map verdicts {{ type {kind} . {kind} . inet_proto . inet_service : verdict; flags interval; "
            f"counter; elements = {{ {elements} }}\n}}\nchain ingress {{ type filter hook ingress device {device} priority 0; "
            f"policy drop;\n{ip} saddr . {ip} daddr . meta l4proto . th dport vmap @verdicts\n}}\n}}\n")


def iptables_rules(rules: list[Rule]) -> str:
    """The INPUT chain of the filter table, for iptables-legacy-restore."""
    lines = ["*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"]
    for rule in rules:
        words = ["-A INPUT"] + ([f"-s {rule.source}"] if rule.source else []) + ([f"-d {rule.destination}"] if rule.destination else [])
        words.append(f"-p {rule.protocol}")
        words += [f"--dport {rule.ports[0]}:{rule.ports[1]}"] if rule.ports else []
        lines.append(f"{' '.join(words)} -j {'DROP' if rule.denies else 'ACCEPT'}")
    return "\n".join(lines + ["COMMIT"]) + "\n"
