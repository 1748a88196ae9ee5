#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Questions touch nothing: while packets arrive and a change waits for its confirmation, `trace`, `replay` and `flows` are asked
over and over, by the policy in force and by files. Every packet of the wire counts where it should and none that was only asked
about, the conversation stays as it was, and the change is confirmed, or rolls back, exactly as if nobody had asked."""

import json
import pathlib
import socket
import struct
import time

from case import NODE4, PEER4, NodeTest, figure, run, scale
from traffic import FIRST, SECOND, Traffic, policy

_ROUNDS = scale("PORTMATRIX_QUESTIONS", 2)
_OPENER, _SERVICE = 6100, 7100
_TIMEOUT_SECONDS = 180  # of a datagram that was answered: longer than the questions take on a busy machine
_TRIAL_SECONDS = 4
_RULE = "wan/m/query"
_TCPDUMP_MAGIC, _ETHERNET = 0xA1B2C3D4, 1


def _policy(which: str) -> str:
    """Of traffic.py, and a rule by which the node opens conversations."""
    return policy(which).replace("---\n", f"  - {{id: query, from: me, to: any, protocol: udp, ports: {_SERVICE}}}\n---\n", 1)


def _datagram(source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    udp = struct.pack("!HHHH", source[1], destination[1], 8, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0,
                     socket.inet_aton(source[0]), socket.inet_aton(destination[0]))
    return bytes(12) + struct.pack("!H", 0x0800) + ip + udp


def _capture(path: pathlib.Path) -> pathlib.Path:
    """Packets that match, drop, open and refresh the live conversation, and answer it."""
    frames = [_datagram((PEER4, 9), (NODE4, port)) for port in (FIRST, SECOND, 7009)]
    frames += [_datagram((NODE4, _OPENER), (PEER4, _SERVICE)), _datagram((PEER4, _SERVICE), (NODE4, _OPENER))]
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", _TCPDUMP_MAGIC, 2, 4, 0, 0, 1 << 16, _ETHERNET))
        for frame in frames * 200:
            file.write(struct.pack("=IIII", 1, 0, len(frame), len(frame)) + frame)
    return path


class Questions(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.start(_policy("first"))
        self.second = self.other_policy("second", _policy("second"))
        self.capture = _capture(self.folder / "capture.pcap")
        self.asked = 0
        with self.wire.inside("peer"):
            self.service = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with self.wire.inside("node"):
            self.opener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for end, place in ((self.service, (PEER4, _SERVICE)), (self.opener, (NODE4, _OPENER))):
            self.addCleanup(end.close)
            end.bind(place)
        self.opener.sendto(b"?", (PEER4, _SERVICE))
        self.opened = time.monotonic()
        for end in (self.service, self.opener):
            end.settimeout(10)
        question, opener = self.service.recvfrom(16)
        self.service.sendto(question, opener)
        self.opener.recvfrom(16)

    def ask(self, *words: str) -> str:
        self.asked += 1
        done = self.command(*words)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
        return done.stdout

    def trace(self, source: str, destination: str, *flags: str) -> tuple:
        said = json.loads(self.ask("trace", "--json", "--interface", "wan", "--from", source, "--to", destination, "--protocol",
                                   "udp", "--state_dir", str(self.state / "node"), *flags))
        return said["verdict"], said["reason"], said["rule"]

    def ask_everything(self) -> None:
        """Each kind of question that could touch something, with the answers of the second policy."""
        by_files = ("--policy", str(self.second), "--node", "node")
        for flags in ((), by_files):
            self.assertEqual(self.trace(f"{PEER4}:9", f"{NODE4}:{FIRST}", *flags), ("drop", "rule", "wan/m/first"))
            self.assertEqual(self.trace(f"{PEER4}:9", f"{NODE4}:{SECOND}", *flags), ("allow", "rule", "wan/m/second"))
            self.assertEqual(self.trace(f"{NODE4}:{_OPENER}", f"{PEER4}:{_SERVICE}", *flags), ("allow", "rule", _RULE))
        answer = (f"{PEER4}:{_SERVICE}", f"{NODE4}:{_OPENER}")
        self.assertEqual(self.trace(*answer), ("allow", "reply", _RULE))
        self.assertEqual(self.trace(*answer, *by_files), ("drop", "default", None))
        for flags in (("--state_dir", str(self.state / "node")), by_files):
            said = self.ask("replay", str(self.capture), "--interface", "wan", *flags)
            self.assertIn("1,000 packets in 0.000 s of capture time (800 in, 200 out): 600 allowed, 400 dropped", said)

    def conversation(self) -> dict:
        """What `flows` says of the only one, without what time changes; that must be the time that has passed."""
        begun = time.monotonic()
        flows = json.loads(self.ask("flows", "--json"))["flows"]
        least, most = begun - self.opened - 1.1, time.monotonic() - self.opened + 1.1  # whole seconds are said
        self.assertEqual([flow["rule"] for flow in flows], [_RULE])
        flow = flows[0]
        for word, passed in (("age_seconds", flow["age_seconds"]), ("idle_seconds", flow["idle_seconds"]),
                             ("expires_in_seconds", _TIMEOUT_SECONDS - flow["expires_in_seconds"])):
            said = flow.pop(word)
            self.assertTrue(least <= passed <= most, f"{word} {said} after {most - 1.1:.1f} s")
        return flow

    def test_a_pending_change_its_counters_and_its_conversations_are_untouched(self) -> None:
        history = self.ask("history", "--json")
        before = self.agent.counters()
        with Traffic(self.wire) as traffic:
            self.apply(self.second, "--confirm", "300s")
            begun = time.monotonic()
            status, conversation = self.agent.status(), self.conversation()
            self.assertEqual((conversation["state"], conversation["stale"]), ("answered", True))
            asked_before = self.asked
            for _ in range(_ROUNDS):
                self.ask_everything()
                self.assertEqual(self.conversation(), conversation)
            now = self.agent.status()
            passed = status.pop("pending")["milliseconds_left"] - now.pop("pending")["milliseconds_left"]
            self.assertAlmostEqual(passed / 1000, time.monotonic() - begun, delta=1.0, msg="the deadline has moved")
            self.assertEqual(now, status)
            questions = self.asked - asked_before
            self.ask("confirm")
            self.assertIsNone(self.agent.status()["pending"])
            self.until(lambda: traffic.packets > 400)
        self.assertEqual(traffic.wrong(changes=1), [])
        self.assertEqual(traffic.miscounted(before, self.agent.counters()), [])
        self.assertEqual(self.conversation(), conversation)
        self.assertEqual(len(json.loads(self.ask("history", "--json"))["generations"]),
                         len(json.loads(history)["generations"]) + 1)
        figure(f"{questions} questions while {traffic.packets} packets arrived and a change was pending: nothing touched")

    def test_a_change_rolls_back_at_its_deadline_whoever_asks(self) -> None:
        before = self.agent.counters()
        with Traffic(self.wire) as traffic:
            applying = time.monotonic()
            self.apply(self.second, "--confirm", f"{_TRIAL_SECONDS}s")
            while time.monotonic() < applying + _TRIAL_SECONDS:
                verdict = self.trace(f"{PEER4}:9", f"{NODE4}:{FIRST}")
                self.ask("replay", str(self.capture), "--interface", "wan", "--state_dir", str(self.state / "node"))
                pending = self.agent.status()["pending"]
                if time.monotonic() < applying + _TRIAL_SECONDS:
                    self.assertIsNotNone(pending, "rolled back before its time")
                    self.assertEqual(verdict, ("drop", "rule", "wan/m/first"))
            self.until(lambda: self.agent.status()["pending"] is None)
            self.assertEqual(self.trace(f"{PEER4}:9", f"{NODE4}:{FIRST}"), ("allow", "rule", "wan/m/first"))
        self.assertEqual(traffic.wrong(changes=2), [])
        self.assertEqual(traffic.miscounted(before, self.agent.counters()), [])


if __name__ == "__main__":
    run("ip")
