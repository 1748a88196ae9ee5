#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Single packets, from the wire to the readers of the agent's stream: what each line says, many readers, slow and dead ones, a flood
beyond the limit, and changes meanwhile."""

import calendar
import collections
import contextlib
import http.client
import socket
import time

from case import NODE4, NODE6, PEER4, figure, run, said
from event_readers import CLOSED, DENIED, LOGGED, OPEN, Reader, Watched, event_policy

_FLOOD = 20000
_RATE = 50


class Streams(Watched):
    def test_lines_say_what_happened_to_the_packet(self) -> None:
        self.start(event_policy())
        self.listener(LOGGED)
        reader = self.reader()
        self.send(1, CLOSED)
        self.send(1, CLOSED, to=NODE6, family=socket.AF_INET6)
        self.send(1, LOGGED)
        self.send(1, DENIED)
        self.send(3, OPEN)
        with self.wire.inside("peer"):
            tcp = socket.socket()
        with tcp:
            tcp.settimeout(0.2)
            with contextlib.suppress(OSError):
                tcp.connect((NODE4, CLOSED))
        self.until(lambda: len([line for line in reader.packets() if line["port"] is not None]) >= 5)
        rows = [(line["verdict"], line["reason"], line["rule"], line["protocol"], line["from"], line["to"], line["port"],
                 line.get("tcp_flags")) for line in reader.packets() if line["protocol"] in ("tcp", "udp")]
        peer6 = NODE6[:-1] + "2"
        self.assertEqual(rows[:4], [
            ("drop", "default", None, "udp", PEER4, NODE4, CLOSED, None),
            ("drop", "default", None, "udp", peer6, NODE6, CLOSED, None),
            ("allow", "rule", "wan/m/logged", "udp", PEER4, NODE4, LOGGED, None),
            ("drop", "rule", "wan/m/denied", "udp", PEER4, NODE4, DENIED, None)])
        self.assertEqual(rows[4][:7], ("drop", "default", None, "tcp", PEER4, NODE4, CLOSED))
        self.assertIn("S", rows[4][7])
        for line in reader.packets():
            self.assertEqual((line["interface"], line["device"], line["generation"], line["vlan"]), ("wan", "wan0", 1, []))
            self.assertNotIn("head", line)
            self.assertLess(abs(time.time() - _seconds(line["time"])), 20)
        self.assertEqual(reader.first["node"], "node")

    def test_every_reader_gets_every_packet_and_slow_or_dead_ones_harm_nobody(self) -> None:
        self.start(event_policy(), ["--event_rate", "1000000"])
        self.send(1, OPEN)  # the neighbour is known from here on
        before = self.dropped()
        readers = [self.reader("?heads=true" if i % 2 else "") for i in range(8)]
        slow = Reader(self.agent.socket, "?heads=true")  # reads nothing more
        self.addCleanup(slow.close)
        dead = Reader(self.agent.socket)
        dead.close()
        for _ in range(10):
            self.send(1500, CLOSED, b"x" * 100)
            time.sleep(0.3)
        expected = self.dropped() - before
        self.assertGreaterEqual(expected, 10000)
        for reader in readers:
            self.until(lambda each=reader: each.sums()["default"] + each.sums()[None] == expected, 30, 0.1)
            self.assertEqual(reader.sums(), readers[0].sums())
        figure(f"{expected} packets, 8 readers: {len(readers[0].packets())} told of to each, "
               f"{readers[0].sums()[None]} lost in the ring")
        self.until(lambda: self.connections() <= len(readers), 10, 0.1)
        self.assertTrue(self.agent.status()["agent"]["reachable"])

    def test_flood_is_limited_and_what_is_kept_back_is_counted(self) -> None:
        self.start(event_policy(), ["--event_rate", str(_RATE)])
        self.listener(LOGGED)
        self.send(1, OPEN)
        before = self.dropped()
        reader = self.reader()
        begun = time.monotonic()
        self.send(_FLOOD, CLOSED)
        self.send(_FLOOD, LOGGED)
        self.send(_FLOOD, DENIED)
        seconds = int(time.monotonic() - begun) + 2
        expected = {"default": self.dropped() - before, "wan/m/logged": self.credited("wan/m/logged"),
                    "wan/m/denied": self.credited("wan/m/denied")}
        self.assertGreaterEqual(min(expected.values()), _FLOOD // 2)
        self.until(lambda: reader.sums() == collections.Counter(expected), 20, 0.1)
        told = collections.Counter(line["rule"] or line["reason"] for line in reader.packets())
        for source in ("default", "wan/m/logged", "wan/m/denied"):
            self.assertLessEqual(told[source], _RATE * seconds)
            self.assertGreaterEqual(told[source], _RATE)
        figure(f"3 x {_FLOOD} packets at {_RATE} events a second: told of {said(told)}; every other one counted")

    def test_nothing_is_told_while_nobody_reads(self) -> None:
        self.start(event_policy())
        self.send(50, CLOSED)
        self.assertEqual(self.totals(), {"emitted": 0, "suppressed": 0, "lost": 0})
        reader = self.reader()
        self.send(10, CLOSED)
        self.until(lambda: reader.sums()["default"] == 10)
        reader.close()
        self.until(lambda: not self.is_listened_to())
        before = self.totals()
        self.send(50, CLOSED)
        self.assertEqual(self.totals(), before)

    def totals(self) -> dict[str, int]:
        """Of the map itself, all processors together."""
        values = [each["value"] for each in self.dump("event_totals")["values"]]
        return {key: sum(value[key] for value in values) for key in ("emitted", "suppressed", "lost")}

    def test_audit_tells_of_what_it_passes(self) -> None:
        self.start(event_policy(more=", mode: audit"))
        reader = self.reader()
        self.listener(CLOSED)
        self.send(5, CLOSED)
        self.until(lambda: len(reader.packets()) >= 5)
        self.assertEqual({(line["verdict"], line["audit"], line["reason"]) for line in reader.packets()},
                         {("allow", True, "default")})
        self.assertEqual(self.dropped("audited_packets"), reader.sums()["default"])

    def test_changes_and_detachments_go_on_under_a_reader(self) -> None:
        self.start(event_policy())
        self.listener(LOGGED)
        reader = self.reader()
        self.send(1, LOGGED)
        self.until(lambda: reader.sums()["wan/m/logged"] == 1)
        self.apply(self.other_policy("quiet", event_policy(logged=False)))
        self.send(5, LOGGED)
        self.send(1, CLOSED)
        self.until(lambda: reader.sums()["default"] == 1)
        self.assertEqual((reader.sums()["wan/m/logged"], reader.packets()[-1]["generation"]), (1, 2))
        self.assertEqual(self.command("detach", "--yes").returncode, 0)
        self.send(1, CLOSED)
        self.apply(self.other_policy("again", event_policy()))

        def hears() -> bool:
            self.send(1, LOGGED)
            return reader.sums()["wan/m/logged"] > 1
        self.until(hears, 10, 0.1)

    def test_an_agent_that_comes_back_lets_the_kernel_fall_silent_and_speak_again(self) -> None:
        self.start(event_policy())
        reader = self.reader()
        self.agent.kill()
        reader.join(10)
        self.assertFalse(reader.is_alive())
        self.start()
        again = self.reader()
        self.send(7, CLOSED)
        self.until(lambda: again.sums()["default"] == 7)
        self.assertEqual(len(again.packets()), 7)

    def test_wrong_questions_are_refused(self) -> None:
        self.start(event_policy())
        for query in ("?heads=yes", "?filter=port+1"):
            api = http.client.HTTPConnection("localhost")
            api.sock = socket.socket(socket.AF_UNIX)
            api.sock.connect(str(self.agent.socket))
            with contextlib.closing(api):
                api.request("GET", f"/v1/events/stream{query}")
                self.assertEqual(api.getresponse().status, 400, query)


def _seconds(text: str) -> float:
    whole, fraction = text.rstrip("Z").split(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction}")


if __name__ == "__main__":
    run("ss", "bpftool")
