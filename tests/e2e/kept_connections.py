#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No TCP connection of the node breaks at a first start, at the death and return of the agent, or because the table of
conversations is full: neither one that talks nor one that only waits for data. A rule taken away does end its own.

   pmNAME-internet ══════ eth0  pmNAME-edge1  eth1 ══════ pmNAME-corp
   peers                        the connections            servers inside

Every connection is open before the firewall is there. "Waits for data" means that the node sends nothing until the other end
has spoken, so that no packet of its own makes the entry."""

import socket
import sys
import time

from edge_lab import NODE, EdgeLab, conversation_of, main, settle
from matrix import ANYONE, FAMILIES, networks
from talks import TcpTalk

# The smallest table that the agent takes.
_ROOM = 65536
_FIRST_MEDIA_PORT, _MEDIA_PORTS = 50000, 10000
# The kernel's LRU list keeps the order only roughly: how often the table is filled at most until nothing old is left.
_CROWDS = 8
_NOBODY = "100.64.0.1"
_UNHEARD_SECONDS = 0.5
_TAKEN = "external-07-sip-mtls-out"
_TAKEN_PORT = 5061


def _connections(edge: EdgeLab) -> tuple[list, list]:
    """What the node opened, and what others opened to it."""
    out, received = [], []
    for family in FAMILIES:
        peer, inside = ANYONE["external"][family], str(networks("internal", "director", family)[0][0])
        access, av, internal = (NODE.services[name][family] for name in ("access", "av", "internal"))
        out += [TcpTalk(edge.lab, NODE.name, access, "external", peer, _TAKEN_PORT),
                TcpTalk(edge.lab, NODE.name, access, "external", peer, 80),
                TcpTalk(edge.lab, NODE.name, av, "external", peer, 443),
                TcpTalk(edge.lab, NODE.name, av, "external", peer, 50000),
                TcpTalk(edge.lab, NODE.name, internal, "internal", inside, 5061)]
        received += [TcpTalk(edge.lab, "external", peer, NODE.name, access, 443),
                     TcpTalk(edge.lab, "external", peer, NODE.name, av, 50001),
                     TcpTalk(edge.lab, "internal", inside, NODE.name, internal, 5061)]
    access, peer = NODE.services["access"][4], ANYONE["external"][4]
    out.append(TcpTalk(edge.lab, NODE.name, access, "external", peer, 53, mapped=True))
    return out, received


def _all(edge: EdgeLab, talks: list, do: str, when: str) -> None:
    for talk in talks:
        try:
            getattr(talk, do)()
        except OSError as error:
            edge.expect(False, f"{talk.name}: {'waits for data' if do == 'tell' else 'talks'} {when}: {error}")


def _listed(edge: EdgeLab, talks: list) -> list:
    """Those of the talks that the table holds."""
    ports = {flow["local_port"] for flow in edge.firewall.flows()["flows"] if flow["protocol"] == "tcp"}
    return [talk for talk in talks if talk.opener_port in ports]


def _first_start(edge: EdgeLab, out: list, received: list) -> None:
    edge.firewall.start(edge.policy(), ("--max_flows", str(_ROOM)))
    edge.firewall.wait()
    edge.expect(not edge.conversations(), "the table of a first start is not empty")
    _all(edge, out + received, "tell", "after the first start")
    # The answer to what came in is a packet of the node's own, and makes the entry.
    edge.expect(_listed(edge, out) == out, "a connection of the node has no entry after it has heard something")
    edge.expect(not _listed(edge, received), "a connection that others opened has an entry")
    _all(edge, out + received, "ask", "after the first start")


def _restart(edge: EdgeLab, out: list, received: list) -> None:
    before = {conversation_of(flow): flow["age_seconds"] for flow in edge.firewall.flows()["flows"]}
    edge.firewall.kill()
    _all(edge, out[::2] + received[::2], "tell", "without an agent")
    _all(edge, out[::2] + received[::2], "ask", "without an agent")
    edge.firewall.start(edge.policy(), ("--max_flows", str(_ROOM)))
    edge.firewall.wait()
    after = {conversation_of(flow): flow["age_seconds"] for flow in edge.firewall.flows()["flows"]}
    edge.expect(set(after) == set(before), f"other conversations after the restart: {set(after) ^ set(before)}")
    edge.expect(all(after[key] > before[key] for key in set(after) & set(before)), "a conversation is younger after the restart")
    _all(edge, out + received, "tell", "after the agent came back")
    _all(edge, out + received, "ask", "after the agent came back")


def _crowd(edge: EdgeLab, turn: int) -> None:
    """Opens as many conversations as the table holds: datagrams to nobody, from ports that no rule names."""
    source = NODE.services["av"][4]
    senders = -(-_ROOM // _MEDIA_PORTS)
    for number in range(turn * senders, (turn + 1) * senders):
        with edge.lab.inside(NODE.name):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender:
            sender.bind((source, 20000 + number))
            for port in range(_FIRST_MEDIA_PORT, _FIRST_MEDIA_PORT + _MEDIA_PORTS):
                # Twice, because what was never met again is the first to give way.
                sender.sendto(b"", (_NOBODY, port))
                sender.sendto(b"", (_NOBODY, port))


def _full_table(edge: EdgeLab, out: list, received: list) -> None:
    before = edge.firewall.counters()
    for turn in range(_CROWDS):
        _crowd(edge, turn)
        if not _listed(edge, out):
            break
    table = edge.firewall.flows()
    after = edge.firewall.counters()
    edge.expect(table["capacity"] == _ROOM, f"room for {table['capacity']}, not for {_ROOM}")
    edge.expect(table["entries"] > _ROOM * 0.9, f"the table is not full: {table['entries']} entries")
    left = [talk.name for talk in _listed(edge, out)]
    edge.expect(not left, f"still with an entry, so that the full table proves nothing for them: {left}")
    edge.expect(not after.drops(before)["external", "out"], "something that went out was dropped")
    edge.expect(after.faults == before.faults, f"faults: {after.faults - before.faults}")
    _all(edge, out + received, "tell", "with a full table")
    edge.expect(_listed(edge, out) == out, "a connection has no entry again after it has heard something")
    _all(edge, out + received, "ask", "with a full table")


def _rule_taken_away(edge: EdgeLab, out: list, received: list) -> None:
    ended = [talk for talk in out if talk.name.endswith(f" {_TAKEN_PORT}") and "external" in talk.sides]
    others = [talk for talk in out + received if talk not in ended]
    edge.expect(len(ended) == len(FAMILIES), "the rule has no connections to end")
    edge.apply(edge.policy(without=_TAKEN))
    before = edge.firewall.counters()
    for talk in ended:
        edge.expect(talk.say_unheard(_UNHEARD_SECONDS), f"{talk.name}: heard something without its rule")
    dropped = edge.firewall.counters().drops(before)["external", "in"]
    edge.expect(dropped >= len(ended), f"{dropped} packets were dropped, {len(ended)} at least were sent")
    edge.expect(not _listed(edge, ended), "conversations whose rule is gone are listed after their next packet")
    _all(edge, others, "tell", "after another's rule was taken away")
    edge.apply(edge.policy())
    # TCP says it again, and now the rule is back.
    _all(edge, ended, "hear", "after its rule came back")
    _all(edge, ended, "ask", "after its rule came back")


def _run(edge: EdgeLab) -> None:
    edge.make()
    out, received = _connections(edge)
    try:
        _all(edge, out + received, "ask", "without a firewall")
        for step in (_first_start, _restart, _full_table, _rule_taken_away):
            begun = time.monotonic()
            step(edge, out, received)
            print(f"{step.__name__[1:].replace('_', ' ')}: {len(out)} connections of the node, {len(received)} to it, "
                  f"{time.monotonic() - begun:.1f} s")
        edge.expect(settle(lambda: not edge.firewall.counters().unaccounted(), 2.0), "packets are not accounted for")
        edge.firewall.check_alive()
    finally:
        for talk in out + received:
            talk.close()


if __name__ == "__main__":
    sys.exit(main(_run))
