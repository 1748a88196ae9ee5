#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A flood from outside makes no conversation of the node and ends none.

   pmNAME-internet                                             pmNAME-edge1
   flood_sender: forged sources  ══════ edge1 ═════ eth0 ═══   live services that answer, and conversations that it opened
   peers of the conversations

SYN, SYN+ACK, ACK, FIN, RST, UDP and fragments in IPv4 and IPv6, from random source ports and from those that the `out` rules
of the shipped policy name, to open and closed ports; the node answers what gets in. After each round every packet of it must
have been counted where the matrix says, `portmatrix flows` must list the conversations that it listed before and no other,
and all of them must still work. PORTMATRIX_FLOOD=5000000 in the environment floods with that many packets."""

import itertools
import json
import os
import re
import subprocess
import sys
import time

from edge_lab import NODE, EdgeLab, main, settle
from clients import Cost
from counters import Expected
from echo_server import EchoServer
from flows import Flow, conversations
from matrix import ANYONE, FAMILIES, ROWS, row_for
from talks import PingTalk, TcpTalk, UdpTalk

_PACKETS = int(os.environ.get("PORTMATRIX_FLOOD", 300_000))
# Few enough that no conversation is older than its timeout when it is looked at, under sanitizers too.
_ROUND_PACKETS = 100_000
_SEED = 1
_ATTEMPTS = 5

_TCP_KINDS = ("syn", "ack", "rst", "synack", "finack")
_SOURCE_PORTS = ("1-65535", "5061-5061", "3478-3478", "50000-59999", "443-443", "53-53", "80-80")
# By service and protocol: the node's live ports, ports of rules with nobody behind, and ports of no rule.
_TARGETS = {
    "tcp": (("access", "443-443"), ("access", "5061-5061"), ("access", "5269-5269"), ("access", "10000-29999"),
            ("webconf", "443-443"), ("av", "443-443"), ("av", "50000-50099"), ("av", "50100-59999"), ("av", "1024-3477")),
    "udp": (("av", "3478-3478"), ("av", "50000-50099"), ("av", "50100-59999"), ("access", "53-53"), ("access", "10000-29999")),
}
_SOURCES = {4: "100.64.0.0/10", 6: "2001:db8:bad::/48"}
_FRAGMENT_SOURCES = {4: (f"100.{number}.0.0/16" for number in range(128, 256)),
                     6: (f"2001:db8:bad1:{number}::/64" for number in range(1000, 9999))}
_SILENT = ("100.0.0.0/8", "2001:db8:bad::/48", "2001:db8:bad1::/48")
_IMPOSSIBLE_SOURCES = {4: ("203.0.113.13/32", "127.0.0.0/8"), 6: ("2001:db8::13/128", "::1/128")}


class Plan:
    """The lines that flood_sender reads, and what the counters must make of them."""

    def __init__(self, packets: int):
        lines = list(_lines())
        each = -(-packets // (2 * len(lines))) * 2  # fragments are pairs
        self.text = "".join(f"{line} {each}\n" for line, _ in lines)
        self.packets = each * len(lines)
        self.expected = Expected()
        for _, place in lines:
            if isinstance(place, str):
                self.expected.other_drops["external", "in", place] += each
            elif place is None:
                self.expected.drops["external", "in"] += each
            else:
                self.expected.credit(place, Cost(each, 0, None, None))
        # Rules of the node's own opening: their answers come from no flood, and what the node sends may count for them.
        for row in ROWS:
            if row.direction == "out":
                self.expected.rules[row.key, row.direction] = Cost(None, 0, None, 0)
        for key, cost in self.expected.rules.items():
            if key[1] == "in":
                cost.replies = None  # as many as the node has words for
                cost.reply_bytes = None


def _lines():
    """Pairs of a line without its count, and the row that its packets count for, or None, or another reason."""
    for family in FAMILIES:
        for protocol, kinds in (("tcp", _TCP_KINDS), ("udp", ("udp",))):
            for kind, ports, (service, target) in itertools.product(kinds, _SOURCE_PORTS, _TARGETS[protocol]):
                local = NODE.services[service][family]
                yield f"{kind} {_SOURCES[family]} {local} {ports} {target}", _row_of(family, protocol, local, target)
        for ports, (service, target) in itertools.product(_SOURCE_PORTS[:4], _TARGETS["udp"]):
            local = NODE.services[service][family]
            # A source prefix of its own for each line, so that no later fragment meets another line's first.
            yield (f"fragments {next(_FRAGMENT_SOURCES[family])} {local} {ports} {target}", _row_of(family, "udp", local, target))
        local = NODE.services["av"][family]
        yield f"orphan {next(_FRAGMENT_SOURCES[family])} {local} 3478-3478 3478-3478", "fragment"
        for source in _IMPOSSIBLE_SOURCES[family]:
            yield f"syn {source} {local} 443-443 443-443", "spoofed"


def _row_of(family: int, protocol: str, local: str, target: str):
    """By the lab's own table."""
    rows = {row_for("full", NODE, Flow(NODE.name, "external", "in", ANYONE["external"][family], local, protocol, int(port)))
            for port in target.split("-")}
    assert len(rows) == 1, f"{local} {protocol} {target} is of several rows"
    return rows.pop()


def _services() -> list[Flow]:
    """What the node listens on: both ends and the middle of every row, and a hundred ports of the range."""
    flows = []
    for family in FAMILIES:
        for row in ROWS:
            if (row.matrix, row.direction) == ("external", "in"):
                flows += conversations("full", row, NODE, family)
        flows += [Flow(NODE.name, "external", "in", ANYONE["external"][family], NODE.services["av"][family], protocol, port)
                  for port in range(50000, 50100) for protocol in ("tcp", "udp")]
    return flows


def _open_talks(edge: EdgeLab) -> list:
    talks = []
    for family in FAMILIES:
        peer, access, av = (ANYONE["external"][family], *(NODE.services[name][family] for name in ("access", "av")))
        talks += [TcpTalk(edge.lab, NODE.name, access, "external", peer, port) for port in (5061, 80, 53)]
        talks += [TcpTalk(edge.lab, NODE.name, av, "external", peer, port) for port in (443, 50000, 59999)]
        talks += [UdpTalk(edge.lab, NODE.name, av, "external", peer, port) for port in (3478, 50000, 59999)]
        talks += [UdpTalk(edge.lab, NODE.name, access, "external", peer, 53),
                  PingTalk(edge.lab, NODE.name, access, peer)]
    return talks


def _converse(edge: EdgeLab, talks: list, when: str) -> None:
    for talk in talks:
        try:
            talk.ask()
        except OSError as error:
            edge.expect(False, f"{talk.name} {when}: {error}")


def _addresses(edge: EdgeLab) -> tuple[str, str]:
    """Of the near and the far end of the wire that is flooded."""
    found = []
    for place, device in (("external", NODE.name), (NODE.name, "eth0")):
        said = subprocess.run(edge.lab.command(place, "ip", "-o", "link", "show", "dev", device),
                              capture_output=True, text=True, check=True).stdout
        found.append(re.search(r"link/ether (\S+)", said).group(1))
    return tuple(found)


def _lost(edge: EdgeLab) -> int:
    """Packets that the wire itself has lost so far, because its queue was full."""
    said = subprocess.run(edge.lab.command("external", "ip", "-s", "-j", "link", "show", "dev", NODE.name),
                          capture_output=True, text=True, check=True).stdout
    return json.loads(said)[0]["stats64"]["tx"]["dropped"]


def _flood(edge: EdgeLab, plan: Plan, seed: int) -> float:
    """One round; the seconds that it took."""
    begun = time.monotonic()
    sender = subprocess.run(
        edge.lab.command("external", str(edge.build / "tests" / "flood_sender"), NODE.name, *_addresses(edge), str(seed)),
        input=plan.text, capture_output=True, text=True, check=False)
    if sender.returncode or int(sender.stdout) != plan.packets:
        raise OSError(f"flood_sender: exit {sender.returncode}: {sender.stderr}{sender.stdout}")
    return time.monotonic() - begun


def _round(edge: EdgeLab, talks: list, plan: Plan, number: int) -> float:
    """The seconds that a round took of which the wire lost nothing: on a busy machine its queue overflows, and no count is exact."""
    for attempt in range(_ATTEMPTS):
        lost, problems = _lost(edge), len(edge.problems)
        seconds = _attempt(edge, talks, plan, number + attempt * 1000)
        lost = _lost(edge) - lost
        if not lost:
            return seconds
        if attempt + 1 < _ATTEMPTS:
            del edge.problems[problems:]
    edge.expect(False, f"round {number}: the wire lost {lost} packets in the last of {_ATTEMPTS} attempts")
    return seconds


def _attempt(edge: EdgeLab, talks: list, plan: Plan, number: int) -> float:
    before, listed = edge.firewall.counters(), edge.conversations()
    seconds = _flood(edge, plan, _SEED + number)
    wrong = []

    def agree() -> bool:
        after = edge.firewall.counters()
        wrong[:] = plan.expected.differences(before, after) + after.unaccounted()
        return not wrong

    settle(agree, 5.0)
    edge.problems += [f"round {number}: {text}" for text in wrong]
    found = edge.conversations()
    edge.expect(not found - listed, f"round {number}: made {sorted(map(str, found - listed))[:5]}")
    edge.expect(not listed - found, f"round {number}: ended {sorted(map(str, listed - found))[:5]}")
    _converse(edge, talks, f"after round {number}")
    return seconds


def _silence(edge: EdgeLab) -> None:
    """What goes back to the forged sources is met with silence, not with an error that would count as well."""
    for prefix in _SILENT:
        subprocess.run(edge.lab.command("external", "ip", "route", "add", "blackhole", prefix), check=True)


def _run(edge: EdgeLab) -> None:
    edge.make()
    _silence(edge)
    edge.firewall.start(edge.policy())
    edge.firewall.wait()
    server = EchoServer(edge.lab, _services())
    talks = []
    try:
        talks = _open_talks(edge)
        _converse(edge, talks, "before the flood")
        listed = edge.conversations()
        edge.expect(len(listed) == len(talks), f"{len(talks)} conversations are open, and {len(listed)} are listed")
        rounds = -(-_PACKETS // _ROUND_PACKETS)
        plan = Plan(-(-_PACKETS // rounds))
        seconds = 0.0
        for number in range(1, rounds + 1):
            seconds += _round(edge, talks, plan, number)
        sent = rounds * plan.packets
        answers = sum(cost.replies for (_, direction), cost in edge.firewall.counters().rules.items() if direction == "in")
        print(f"{sent:,} packets in {seconds:.1f} s ({sent / seconds:,.0f} a second), {answers:,} answered, "
              f"{len(talks)} conversations before and after")
        edge.expect(answers > sent // 20, f"the host was not alive: {answers} answers to {sent} packets")
        edge.expect(edge.conversations() == listed, "the conversations at the end are not those of the beginning")
        edge.firewall.check_alive()
    finally:
        for talk in talks:
            talk.close()
        server.close()


if __name__ == "__main__":
    sys.exit(main(_run))
