#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a change does is told before it is made, and afterwards. `apply --dry-run` names the packets whose fate would change; real
packets then meet just that, and no others. `history` keeps it, against the last policy that was confirmed before."""

import json
import socket

from case import DEVICE, NODE4, NodeTest, PEER4, figure, run
from wire import NODE6

_STAYS, _GOES, _COMES, _NEVER = 7000, 7001, 7002, 7003
_PORTS = (_STAYS, _GOES, _COMES, _NEVER)


def policy(ports, guarded: int = 0) -> str:
    """UDP to these ports, to `guarded` not from what `blocked` holds."""
    rules = f"  - {{id: no, from: blocked, to: me, protocol: udp, ports: {guarded}, action: deny}}\n" if guarded else ""
    rules += "".join(f"  - {{id: p{port}, from: any, to: me, protocol: udp, ports: {port}}}\n" for port in ports)
    return (f"matrix: m\nrules:\n{rules}---\n"
            f"node: node\nsets: {{me: [{NODE4}, '{NODE6}'], blocked: {{dynamic: true}}}}\nfailsafe: none\n"
            f"interfaces:\n  wan: {{device: {DEVICE}, local: me, matrices: [m]}}\n")


class Foreseen(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.start(policy([_STAYS, _GOES]))
        self.ends = {}
        for port in _PORTS:
            with self.wire.inside("node"):
                end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(end.close)
            end.bind((NODE4, port))
            end.settimeout(0.3)
            self.ends[port] = end
        with self.wire.inside("peer"):
            self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.peer.close)

    def passing(self) -> set[int]:
        """The ports that a datagram of the peer reaches."""
        for port in _PORTS:
            self.peer.sendto(b"?", (NODE4, port))
        arrived = set()
        for port, end in self.ends.items():
            try:
                end.recv(16)
                arrived.add(port)
            except TimeoutError:
                continue
        return arrived

    def told(self, *words: str) -> dict:
        done = self.command(*words, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    @staticmethod
    def lines(difference: dict) -> set[tuple]:
        """Port, whether it passes now, and the dynamic sets that hold the source."""
        found = set()
        for line in difference["packets"]["list"]:
            for first, last in line["ports"]:
                found |= {(port, line["becomes"]["verdict"] == "allow", *line["from"]["in_dynamic"]) for port in range(first, last + 1)}
        return found

    def test_packets_meet_what_the_dry_run_said(self) -> None:
        before = self.passing()
        self.assertEqual(before, {_STAYS, _GOES})
        second = self.other_policy("second", policy([_STAYS, _COMES]))
        difference = self.told("apply", second, "--dry-run")["difference"]
        self.assertTrue(difference["complete"])
        self.assertEqual(self.lines(difference), {(_COMES, True), (_GOES, False)})
        text = self.command("apply", second, "--dry-run").stdout
        self.assertIn("nothing was changed", text)
        self.assertIn("packets: 1 line passes now, 1 line drops now", text)
        self.assertEqual(self.passing(), before)
        self.apply(second)
        self.assertEqual(self.passing(), {_STAYS, _COMES})
        again = self.told("history", str(self.agent.counters().generation))
        self.assertEqual(again["difference"]["packets"], difference["packets"])
        otherwise = self.other_policy("otherwise", policy([_COMES, _STAYS]))
        self.assertEqual(self.told("apply", otherwise, "--dry-run")["difference"]["packets"]["lines"], 0)
        figure("a dry run named the port that would pass and the one that would drop; datagrams met that, and nothing else")

    def test_dynamic_set_is_named_and_does_what_was_said(self) -> None:
        guarding = self.other_policy("guarding", policy([_STAYS, _GOES], guarded=_GOES))
        difference = self.told("apply", guarding, "--dry-run")["difference"]
        self.assertEqual(self.lines(difference), {(_GOES, False, "blocked")})
        self.assertIn("any in dynamic set blocked", self.command("apply", guarding, "--dry-run").stdout)
        self.apply(guarding)
        self.assertEqual(self.passing(), {_STAYS, _GOES}, "nothing is in the set yet")
        self.assertEqual(self.command("set", "add", "blocked", PEER4).returncode, 0)
        self.assertEqual(self.passing(), {_STAYS})
        other = self.other_policy("other", policy([_STAYS, _GOES, _COMES], guarded=_GOES))
        difference = self.told("apply", other, "--dry-run")["difference"]
        self.assertEqual(self.lines(difference), {(_COMES, True)}, "the set holds the same under both")
        figure("a rule over a dynamic set: the dry run said for which sources it counts, and so it was")

    def test_history_compares_with_the_last_confirmed(self) -> None:
        first = self.agent.counters().generation
        self.apply(self.other_policy("tried", policy([_COMES])), "--confirm", "300s")
        tried = self.agent.counters().generation
        self.assertEqual(self.command("rollback").returncode, 0)
        self.apply(self.other_policy("kept", policy([_STAYS, _GOES, _COMES])), "--confirm", "300s")
        self.assertEqual(self.command("confirm").returncode, 0)
        kept = self.agent.counters().generation
        self.apply(self.other_policy("last", policy([_STAYS])))
        last = self.agent.counters().generation
        for number, against, lines in (
                (first, None, {(_STAYS, True), (_GOES, True)}),
                (tried, first, {(_STAYS, False), (_GOES, False), (_COMES, True)}),
                (kept, first, {(_COMES, True)}),
                (last, kept, {(_GOES, False), (_COMES, False)})):
            with self.subTest(generation=number):
                told = self.told("history", str(number))
                self.assertEqual(told["against"], against)
                self.assertTrue(told["difference"]["complete"])
                self.assertEqual(self.lines(told["difference"]), lines)
        counts = {entry["number"]: entry["packets"] for entry in self.told("history")["generations"]}
        for number, passing, dropping in ((first, 2, 0), (tried, 1, 2), (kept, 1, 0), (last, 0, 2)):
            self.assertEqual(counts[number], {"pass": passing, "drop": dropping, "complete": True}, f"generation {number}")
        head = self.command("history", str(tried)).stdout.splitlines()[0]
        self.assertIn("rolled-back", head)
        self.assertTrue(head.endswith(f"against generation {first}"), head)
        figure("history: each change against the last one that was confirmed before it, trials that were rolled back left out")


if __name__ == "__main__":
    run()
