#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Single packets, from the wire to whoever watches: readers of every kind of the agent's stream, the command's lines, filters and
ends, a flood beyond the limit, and captures that tshark reads back."""

import calendar
import collections
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time

from case import NODE4, NODE6, PEER4, NodeTest, figure, policy_of, run, said

_LOGGED, _OPEN, _CLOSED = 7001, 7000, 7999
_DENIED = 7002
_FLOOD = 20000
_RATE = 50


def _policy(more: str = "", logged: bool = True) -> str:
    log = ", log: true" if logged else ""
    return (policy_of([_OPEN], more=more).replace(
        "---\n", f"  - {{id: logged, from: any, to: me, protocol: [tcp, udp], ports: {_LOGGED}{log}}}\n"
                 f"  - {{id: denied, from: any, to: me, protocol: udp, ports: {_DENIED}, action: deny}}\n---\n"))


class Reader(threading.Thread):
    """A reader of GET /v1/events/stream: what it got, until the agent or a test ends it."""

    def __init__(self, path: pathlib.Path, query: str = ""):
        super().__init__(daemon=True)
        self._api = http.client.HTTPConnection("localhost", timeout=60)
        self._api.sock = socket.socket(socket.AF_UNIX)
        self._api.sock.settimeout(60)
        self._api.sock.connect(str(path))
        self._api.request("GET", f"/v1/events/stream{query}")
        self._answer = self._api.getresponse()
        self._socket = self._answer.fp.raw._sock
        self.status = self._answer.status
        self.first = json.loads(self._answer.readline())
        self._raw = []  # read at once, understood later: no reader is slow
        self._lines = []

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            for line in self._answer:
                self._raw.append(line)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self.ident:
            self.join(10)
        self._answer.close()
        self._api.close()

    @property
    def lines(self) -> list[dict]:
        self._lines += [json.loads(line) for line in self._raw[len(self._lines):]]
        return self._lines

    def packets(self) -> list[dict]:
        return [line for line in self.lines if line["type"] == "packet"]

    def sums(self) -> collections.Counter:
        """Packets told of, suppressed and lost, by rule or else reason."""
        sums = collections.Counter()
        for line in self.lines:
            sums[line.get("rule") or line.get("reason")] += line["packets"]
        return sums


class Watched(NodeTest):
    def reader(self, query: str = "") -> Reader:
        reader = Reader(self.agent.socket, query)
        self.assertEqual((reader.status, reader.first["type"]), (200, "listening"))
        self.addCleanup(reader.close)
        reader.start()
        return reader

    def send(self, count: int, port: int, payload: bytes = b"x" * 10, to: str = NODE4, family=socket.AF_INET) -> None:
        with self.wire.inside("peer"), socket.socket(family, socket.SOCK_DGRAM) as sender:
            for _ in range(count):
                sender.sendto(payload, (to, port))

    def listener(self, port: int) -> None:
        """A node's socket, so that packets that pass are no reason for ICMP errors."""
        with self.wire.inside("node"):
            held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        held.bind((NODE4, port))
        self.addCleanup(held.close)

    def watch(self, *arguments: str, **options) -> subprocess.Popen:
        """`portmatrix events` that listens already."""
        line = self.wire.command("node", *self.agent.line(), *arguments)
        self.until(lambda: not self.is_listened_to(), 20)
        process = subprocess.Popen(line, stdout=options.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, text=True,
                                   stdin=subprocess.DEVNULL, **options)
        self.addCleanup(self._finish, process)
        self.until(lambda: process.poll() is not None or self.is_listened_to(), 20)
        return process

    @staticmethod
    def _finish(process: subprocess.Popen) -> None:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def dump(self, name: str) -> dict:
        done = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", str(self.agent.pin_root / "maps" / name)],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)[0]["formatted"]

    def is_listened_to(self) -> bool:
        return self.dump("event_settings")["value"]["until"] > time.monotonic_ns()

    def connections(self) -> int:
        """Connections of the agent's socket."""
        text = subprocess.run(["ss", "-xHn", "src", str(self.agent.socket)], capture_output=True, text=True, check=True).stdout
        return text.count("ESTAB")

    def ended(self, process: subprocess.Popen) -> tuple[int, str, str]:
        out, err = process.communicate(timeout=20)
        return process.returncode, out, err

    def dropped(self, key: str = "dropped_packets") -> int:
        """By default, inwards."""
        counters = json.loads(self.command("--json", "counters").stdout)
        return next(row[key] for row in counters["reasons"]
                    if (row["interface"], row["direction"], row["reason"]) == ("wan", "in", "default"))

    def credited(self, rule: str) -> int:
        counters = json.loads(self.command("--json", "counters").stdout)
        return next(row["packets"] for row in counters["rules"] if row["rule"] == rule)


class Streams(Watched):
    def test_lines_say_what_happened_to_the_packet(self) -> None:
        self.start(_policy())
        self.listener(_LOGGED)
        reader = self.reader()
        self.send(1, _CLOSED)
        self.send(1, _CLOSED, to=NODE6, family=socket.AF_INET6)
        self.send(1, _LOGGED)
        self.send(1, _DENIED)
        self.send(3, _OPEN)
        with self.wire.inside("peer"):
            tcp = socket.socket()
        with tcp:
            tcp.settimeout(0.2)
            with contextlib.suppress(OSError):
                tcp.connect((NODE4, _CLOSED))
        self.until(lambda: len([line for line in reader.packets() if line["port"] is not None]) >= 5)
        rows = [(line["verdict"], line["reason"], line["rule"], line["protocol"], line["from"], line["to"], line["port"],
                 line.get("tcp_flags")) for line in reader.packets() if line["protocol"] in ("tcp", "udp")]
        peer6 = NODE6[:-1] + "2"
        self.assertEqual(rows[:4], [
            ("drop", "default", None, "udp", PEER4, NODE4, _CLOSED, None),
            ("drop", "default", None, "udp", peer6, NODE6, _CLOSED, None),
            ("allow", "rule", "wan/m/logged", "udp", PEER4, NODE4, _LOGGED, None),
            ("drop", "rule", "wan/m/denied", "udp", PEER4, NODE4, _DENIED, None)])
        self.assertEqual(rows[4][:7], ("drop", "default", None, "tcp", PEER4, NODE4, _CLOSED))
        self.assertIn("S", rows[4][7])
        for line in reader.packets():
            self.assertEqual((line["interface"], line["device"], line["generation"], line["vlan"]), ("wan", "wan0", 1, []))
            self.assertNotIn("head", line)
            self.assertLess(abs(time.time() - _seconds(line["time"])), 20)
        self.assertEqual(reader.first["node"], "node")

    def test_every_reader_gets_every_packet_and_slow_or_dead_ones_harm_nobody(self) -> None:
        self.start(_policy(), ["--event_rate", "1000000"])
        self.send(1, _OPEN)  # the neighbour is known from here on
        before = self.dropped()
        readers = [self.reader("?heads=true" if i % 2 else "") for i in range(8)]
        slow = Reader(self.agent.socket, "?heads=true")  # reads nothing more
        self.addCleanup(slow.close)
        dead = Reader(self.agent.socket)
        dead.close()
        for _ in range(10):
            self.send(1500, _CLOSED, b"x" * 100)
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
        self.start(_policy(), ["--event_rate", str(_RATE)])
        self.listener(_LOGGED)
        self.send(1, _OPEN)
        before = self.dropped()
        reader = self.reader()
        begun = time.monotonic()
        self.send(_FLOOD, _CLOSED)
        self.send(_FLOOD, _LOGGED)
        self.send(_FLOOD, _DENIED)
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
        self.start(_policy())
        self.send(50, _CLOSED)
        self.assertEqual(self.totals(), {"emitted": 0, "suppressed": 0, "lost": 0})
        reader = self.reader()
        self.send(10, _CLOSED)
        self.until(lambda: reader.sums()["default"] == 10)
        reader.close()
        self.until(lambda: not self.is_listened_to())
        before = self.totals()
        self.send(50, _CLOSED)
        self.assertEqual(self.totals(), before)

    def totals(self) -> dict[str, int]:
        """Of the map itself, all processors together."""
        values = [each["value"] for each in self.dump("event_totals")["values"]]
        return {key: sum(value[key] for value in values) for key in ("emitted", "suppressed", "lost")}

    def test_audit_tells_of_what_it_passes(self) -> None:
        self.start(_policy(more=", mode: audit"))
        reader = self.reader()
        self.listener(_CLOSED)
        self.send(5, _CLOSED)
        self.until(lambda: len(reader.packets()) >= 5)
        self.assertEqual({(line["verdict"], line["audit"], line["reason"]) for line in reader.packets()},
                         {("allow", True, "default")})
        self.assertEqual(self.dropped("audited_packets"), reader.sums()["default"])

    def test_changes_and_detachments_go_on_under_a_reader(self) -> None:
        self.start(_policy())
        self.listener(_LOGGED)
        reader = self.reader()
        self.send(1, _LOGGED)
        self.until(lambda: reader.sums()["wan/m/logged"] == 1)
        self.apply(self.other_policy("quiet", _policy(logged=False)))
        self.send(5, _LOGGED)
        self.send(1, _CLOSED)
        self.until(lambda: reader.sums()["default"] == 1)
        self.assertEqual((reader.sums()["wan/m/logged"], reader.packets()[-1]["generation"]), (1, 2))
        self.assertEqual(self.command("detach", "--yes").returncode, 0)
        self.send(1, _CLOSED)
        self.apply(self.other_policy("again", _policy()))

        def hears() -> bool:
            self.send(1, _LOGGED)
            return reader.sums()["wan/m/logged"] > 1
        self.until(hears, 10, 0.1)

    def test_an_agent_that_comes_back_lets_the_kernel_fall_silent_and_speak_again(self) -> None:
        self.start(_policy())
        reader = self.reader()
        self.agent.kill()
        reader.join(10)
        self.assertFalse(reader.is_alive())
        self.start()
        again = self.reader()
        self.send(7, _CLOSED)
        self.until(lambda: again.sums()["default"] == 7)
        self.assertEqual(len(again.packets()), 7)

    def test_wrong_questions_are_refused(self) -> None:
        self.start(_policy())
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


class Command(Watched):
    def test_count_ends_it_and_the_filter_chooses(self) -> None:
        self.start(_policy())
        watcher = self.watch("events", "--count", "3", "--filter", f"reason default port {_CLOSED} from {PEER4}")
        self.send(2, _DENIED)
        self.send(5, _CLOSED)
        code, out, err = self.ended(watcher)
        self.assertEqual((code, err), (0, "3 packets, 0 beyond their limit, 0 lost\n"))
        lines = out.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertRegex(lines[0], r"^TIME \(UTC\) +INTERFACE +DIR +VERDICT +WHY +PROTOCOL +FROM +TO +DETAILS$")
        for line in lines[1:]:
            self.assertRegex(line, r"^\d\d:\d\d:\d\d\.\d{6}  wan +in +drop +default +udp +192\.0\.2\.2:\d+ +192\.0\.2\.1:7999 +52 bytes$")
        self.assertNotIn("\033", out)

    def test_json_prints_the_stream_as_it_is(self) -> None:
        self.start(_policy())
        watcher = self.watch("--json", "events", "--count", "2")
        self.send(2, _CLOSED)
        code, out, err = self.ended(watcher)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual([json.loads(line)["type"] for line in out.splitlines()], ["listening", "packet", "packet"])

    def test_each_signal_ends_it_well(self) -> None:
        self.start(_policy())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            watcher = self.watch("events")
            self.send(1, _CLOSED)
            while "default" not in watcher.stdout.readline():
                pass
            watcher.send_signal(number)
            self.assertEqual(self.ended(watcher)[::2], (0, "1 packets, 0 beyond their limit, 0 lost\n"))

    def test_a_reader_of_the_output_that_leaves_ends_it(self) -> None:
        self.start(_policy())
        watcher = self.watch("events")
        watcher.stdout.close()  # before anything else is said
        watcher.wait(10)
        self.assertEqual(watcher.returncode, 0)

    def test_agent_that_goes_or_is_not_there(self) -> None:
        self.start(_policy())
        watcher = self.watch("events")
        self.agent.stop()
        code, _, err = self.ended(watcher)
        self.assertEqual(code, 5)
        self.assertIn("agent unreachable at", err)
        done = self.command("events")
        self.assertEqual(done.returncode, 5)
        self.assertIn("is portmatrixd running?", done.stderr)
        target = self.folder / "none.pcapng"
        self.assertEqual(self.command("events", "--pcap", str(target)).returncode, 5)
        self.assertFalse(target.exists())

    def test_a_command_that_is_stopped_for_long_is_told_that_it_fell_behind(self) -> None:
        self.start(_policy(), ["--event_rate", "1000000"])
        watcher = self.watch("--json", "events", stdout=subprocess.DEVNULL)
        watcher.send_signal(signal.SIGSTOP)
        for _ in range(8):
            self.send(4000, _CLOSED)
            time.sleep(0.1)
        self.until(lambda: self.connections() == 0, 20, 0.1)
        watcher.send_signal(signal.SIGCONT)
        code, _, err = self.ended(watcher)
        self.assertEqual(code, 1)

    def test_wrong_words_are_explained(self) -> None:
        self.start(_policy())
        for arguments, told in (
                (("--filter", "reason defualt"), "portmatrix events: --filter: `defualt` is no reason\n  reason defualt\n"
                                                 "         ^~~~~~~\n  did you mean `default`?\n"),
                (("port", "80"), "takes no arguments"), (("--json", "--pcap", "-"), "both want the standard output")):
            done = self.command("events", *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(told, done.stderr)
        done = self.command("events", "--pcap", "/proc/nowhere/x.pcapng")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/proc/nowhere/x.pcapng: No such file or directory", done.stderr)


class Captures(Watched):
    def read_back(self, path: pathlib.Path) -> list[list[str]]:
        fields = ("frame.interface_name", "frame.packet_flags_direction", "frame.len", "frame.cap_len", "ip.src", "udp.dstport",
                  "vlan.id", "frame.comment")
        done = subprocess.run(["tshark", "-n", "-r", str(path), "-T", "fields", *(part for name in fields for part in ("-e", name))],
                              capture_output=True, text=True, check=False, env={**os.environ, "HOME": str(self.folder)})
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def test_tshark_reads_heads_and_comments(self) -> None:
        self.start(_policy())
        self.listener(_LOGGED)
        path = self.folder / "events.pcapng"
        watcher = self.watch("events", "--pcap", str(path), "--count", "4", "--filter", "protocol udp")
        self.send(1, _CLOSED)
        self.send(1, _LOGGED, b"y" * 300)
        self.send(1, _DENIED)
        self.send(1, _CLOSED)
        code, out, _ = self.ended(watcher)
        self.assertEqual((code, len(out.splitlines())), (0, 5))
        self.assertEqual(self.read_back(path), [
            ["wan0", "0x00000001", "52", "52", PEER4, str(_CLOSED), "", "wan in: drop, default"],
            ["wan0", "0x00000001", "342", "128", PEER4, str(_LOGGED), "", "wan in: allow, rule wan/m/logged"],
            ["wan0", "0x00000001", "52", "52", PEER4, str(_DENIED), "", "wan in: drop, rule wan/m/denied"],
            ["wan0", "0x00000001", "52", "52", PEER4, str(_CLOSED), "", "wan in: drop, default"]])

    def test_capture_that_is_interrupted_is_whole(self) -> None:
        self.start(_policy())
        path = self.folder / "cut.pcapng"
        watcher = self.watch("events", "--pcap", str(path))
        self.send(20, _CLOSED)
        self.until(lambda: path.exists() and len(self.read_back(path)) == 20, 10, 0.2)
        watcher.send_signal(signal.SIGKILL)
        watcher.wait(10)
        self.assertEqual(len(self.read_back(path)), 20)

    def test_capture_on_standard_output_is_piped_to_others(self) -> None:
        self.start(_policy())
        path = self.folder / "piped.pcapng"
        with open(path, "wb") as file:
            watcher = self.watch("events", "--pcap", "-", "--count", "3", stdout=file)
            self.send(3, _CLOSED)
            self.assertEqual(self.ended(watcher)[0], 0)
        self.assertEqual(len(self.read_back(path)), 3)

    def test_tags_are_told_of_wherever_they_travel(self) -> None:
        """In the frame or beside it: the capture has them where the wire has them."""
        tagger = pathlib.Path(self.agent.line()[0]).parents[1] / "tests" / "e2e" / "tag_beside.bpf.o"
        if not tagger.exists():
            self.skipTest(f"no {tagger}")
        self.start(_policy())
        path = self.folder / "tags.pcapng"
        watcher = self.watch("events", "--pcap", str(path), "--count", "2", "--filter", "direction out vlan 7 reason vlan")
        frame = bytes(12) + b"\x88\xb5" + bytes(50)  # IEEE 802, local experiments
        with self.wire.inside("node"), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind(("wan0", 0))
            with contextlib.suppress(OSError):  # ENOBUFS: dropped
                sender.send(frame[:12] + b"\x81\x00\x20\x07" + frame[12:])
        self._send_with_tag_beside(tagger, frame)
        code, out, err = self.ended(watcher)
        self.assertEqual(code, 0, out + err)
        for row in self.read_back(path):
            self.assertEqual(row, ["wan0", "0x00000002", "68", "68", "", "", "7", "device wan0 out: drop, vlan"])

    def _send_with_tag_beside(self, tagger: pathlib.Path, frame: bytes) -> None:
        """Through a device on which the tag is put beside the frame (odd_frames/tag_beside.bpf.c), on to wan0."""
        self.wire.node_ip("link", "add", "feed", "type", "veth", "peer", "name", "feed-end")
        self.wire.node_ip("link", "set", "feed-end", "up")
        self.wire.node_ip("link", "set", "feed", "up")
        for line in (("qdisc", "add", "dev", "feed", "clsact"),
                     ("filter", "add", "dev", "feed", "egress", "bpf", "direct-action", "obj", str(tagger), "sec", "tc")):
            done = self.within(["tc", *line])
            self.assertEqual(done.returncode, 0, done.stderr)
        with self.wire.inside("node"), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("=I", 0x81002007))
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, socket.if_nametoindex("wan0"))
            sender.bind(("feed", 0))
            sender.send(frame)


if __name__ == "__main__":
    run("tshark", "ss", "bpftool", "tc")
