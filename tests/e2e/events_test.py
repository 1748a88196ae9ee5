#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`portmatrix events`: its lines, filters and ends, and captures that tshark reads back."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

from case import PEER4, run
from event_readers import CLOSED, DENIED, LOGGED, Watched, event_policy


class Command(Watched):
    def test_count_ends_it_and_the_filter_chooses(self) -> None:
        self.start(event_policy())
        watcher = self.watch("events", "--count", "3", "--filter", f"reason default port {CLOSED} from {PEER4}")
        self.send(2, DENIED)
        self.send(5, CLOSED)
        code, out, err = self.ended(watcher)
        self.assertEqual((code, err), (0, "3 packets, 0 beyond their limit, 0 lost\n"))
        lines = out.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertRegex(lines[0], r"^TIME \(UTC\) +INTERFACE +DIR +VERDICT +WHY +PROTOCOL +FROM +TO +DETAILS$")
        for line in lines[1:]:
            self.assertRegex(line, r"^\d\d:\d\d:\d\d\.\d{6}  wan +in +drop +default +udp +192\.0\.2\.2:\d+ +192\.0\.2\.1:7999 +52 bytes$")
        self.assertNotIn("\033", out)

    def test_json_prints_the_stream_as_it_is(self) -> None:
        self.start(event_policy())
        watcher = self.watch("--json", "events", "--count", "2")
        self.send(2, CLOSED)
        code, out, err = self.ended(watcher)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual([json.loads(line)["type"] for line in out.splitlines()], ["listening", "packet", "packet"])

    def test_each_signal_ends_it_well(self) -> None:
        self.start(event_policy())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            watcher = self.watch("events")
            self.send(1, CLOSED)
            while "default" not in watcher.stdout.readline():
                pass
            watcher.send_signal(number)
            self.assertEqual(self.ended(watcher)[::2], (0, "1 packet, 0 beyond their limit, 0 lost\n"))

    def test_a_reader_of_the_output_that_leaves_ends_it(self) -> None:
        self.start(event_policy())
        watcher = self.watch("events")
        watcher.stdout.close()  # before anything else is said
        watcher.wait(10)
        self.assertEqual(watcher.returncode, 0)

    def test_agent_that_goes_or_is_not_there(self) -> None:
        self.start(event_policy())
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
        self.start(event_policy(), ["--event_rate", "1000000"])
        watcher = self.watch("--json", "events", stdout=subprocess.DEVNULL)
        watcher.send_signal(signal.SIGSTOP)
        for _ in range(8):
            self.send(4000, CLOSED)
            time.sleep(0.1)
        self.until(lambda: self.connections() == 0, 20, 0.1)
        watcher.send_signal(signal.SIGCONT)
        code, _, err = self.ended(watcher)
        self.assertEqual(code, 1)

    def test_wrong_words_are_explained(self) -> None:
        self.start(event_policy())
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
        self.start(event_policy())
        self.listener(LOGGED)
        path = self.folder / "events.pcapng"
        watcher = self.watch("events", "--pcap", str(path), "--count", "4", "--filter", "protocol udp")
        self.send(1, CLOSED)
        self.send(1, LOGGED, b"y" * 300)
        self.send(1, DENIED)
        self.send(1, CLOSED)
        code, out, _ = self.ended(watcher)
        self.assertEqual((code, len(out.splitlines())), (0, 5))
        self.assertEqual(self.read_back(path), [
            ["wan0", "0x00000001", "52", "52", PEER4, str(CLOSED), "", "wan in: drop, default"],
            ["wan0", "0x00000001", "342", "128", PEER4, str(LOGGED), "", "wan in: allow, rule wan/m/logged"],
            ["wan0", "0x00000001", "52", "52", PEER4, str(DENIED), "", "wan in: drop, rule wan/m/denied"],
            ["wan0", "0x00000001", "52", "52", PEER4, str(CLOSED), "", "wan in: drop, default"]])

    def test_capture_that_is_interrupted_is_whole(self) -> None:
        self.start(event_policy())
        path = self.folder / "cut.pcapng"
        watcher = self.watch("events", "--pcap", str(path))
        self.send(20, CLOSED)
        self.until(lambda: path.exists() and len(self.read_back(path)) == 20, 10, 0.2)
        watcher.send_signal(signal.SIGKILL)
        watcher.wait(10)
        self.assertEqual(len(self.read_back(path)), 20)

    def test_capture_on_standard_output_is_piped_to_others(self) -> None:
        self.start(event_policy())
        path = self.folder / "piped.pcapng"
        with open(path, "wb") as file:
            watcher = self.watch("events", "--pcap", "-", "--count", "3", stdout=file)
            self.send(3, CLOSED)
            self.assertEqual(self.ended(watcher)[0], 0)
        self.assertEqual(len(self.read_back(path)), 3)

    def test_tags_are_told_of_wherever_they_travel(self) -> None:
        """In the frame or beside it: the capture has them where the wire has them."""
        tagger = pathlib.Path(self.agent.line()[0]).parents[1] / "tests" / "e2e" / "tag_beside.bpf.o"
        if not tagger.exists():
            self.skipTest(f"no {tagger}")
        self.start(event_policy())
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
