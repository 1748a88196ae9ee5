#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`portmatrix top` on a terminal of our own: what it shows, that keys and sizes count, and that every exit leaves it clean."""

import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

from case import NODE4, NodeTest, policy_of, run

_LEAVE = b"\x1b[?25h\x1b[?1049l"
_RULE = "wan/m/p7000"


class Screen:
    """A terminal, and what stands on it: just the moves that the command makes."""

    def __init__(self, rows: int, columns: int):
        self.master, self.slave = pty.openpty()
        self.said = b""
        self._parsed = 0
        self.lines: dict[int, str] = {}
        self.resize(rows, columns)
        self.modes = termios.tcgetattr(self.slave)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while select.select([self.master], [], [], max(0.0, end - time.monotonic()))[0]:
            self.said += os.read(self.master, 65536)
        for row, text in re.findall(r"\x1b\[(\d+);1H(.*?)\x1b\[0m\x1b\[K", self.said.decode(errors="replace"), re.DOTALL):
            self.lines[int(row)] = re.sub(r"\x1b\[[0-9;]*m", "", text)

    def text(self) -> str:
        return "\n".join(self.lines[row] for row in sorted(self.lines))

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)


class Top(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.start(policy_of([7000, 7001]))
        with self.wire.inside("node"):  # else each packet is answered with an error, which counts too
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.bind((NODE4, 7000))

    def begin(self, rows: int = 24, columns: int = 100):
        screen = Screen(rows, columns)
        self.addCleanup(screen.close)
        process = subprocess.Popen(
            self.wire.command("node", str(self.agent._command), "--pin_root", str(self.agent.pin_root), "top", "--interval", "0.2"),
            stdin=screen.slave, stdout=screen.slave, stderr=screen.slave, env={**os.environ, "TERM": "xterm"},
            start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        screen.read(0.5)
        return screen, process

    def send(self, count: int, port: int) -> None:
        with self.wire.inside("peer"), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(count):
                sender.sendto(b"x", (NODE4, port))

    def shown(self, screen: Screen, pattern: str) -> str:
        """The line that comes to match."""
        for _ in range(20):
            screen.read(0.2)
            for line in screen.lines.values():
                if re.search(pattern, line):
                    return line
        self.fail(f"no line with {pattern} on\n{screen.text()}")

    def test_rates_totals_and_drops_are_shown_the_busiest_first(self) -> None:
        screen, process = self.begin()
        self.shown(screen, rf" 0 +0 +0 +never .*in +{_RULE}$")
        self.send(70, 7000)
        self.send(30, 9999)
        self.shown(screen, rf" 70 .*in +{_RULE}$")
        self.shown(screen, r" 30 .*in +wan dropped: default$")
        self.send(400, 7000)
        self.shown(screen, rf" 470 .*[▁-█].* in +{_RULE}$")
        os.write(screen.master, b"sq")
        process.wait(5)

    def test_filters_take_a_part_of_the_word(self) -> None:
        screen, process = self.begin()
        os.write(screen.master, b"rp7001\n")
        self.shown(screen, r"1 of \d+ rows.*rule=p7001")
        self.assertIn("wan/m/p7001", screen.text())
        os.write(screen.master, b"c")
        self.shown(screen, r"(\d+) of \1 rows")
        os.write(screen.master, b"q")
        self.assertEqual(process.wait(5), 0)

    def test_no_line_is_wider_than_the_terminal(self) -> None:
        for rows, columns in ((24, 100), (24, 80), (10, 40), (5, 12), (2, 3)):
            screen, process = self.begin(rows, columns)
            self.assertLessEqual(max(screen.lines), rows)
            for line in screen.lines.values():
                self.assertLessEqual(len(line), columns, (rows, columns, line))
            screen.lines.clear()
            screen.said = b""
            screen.resize(12, 60)
            process.send_signal(signal.SIGWINCH)
            screen.read(0.6)
            self.assertEqual(max(screen.lines), 12)
            process.kill()
            process.wait()

    def test_every_exit_leaves_the_terminal_as_it_was(self) -> None:
        ends = {"q": lambda screen, process: os.write(screen.master, b"q"),
                "the interrupt key": lambda screen, process: os.write(screen.master, b"\x03") and process.send_signal(signal.SIGINT),
                "SIGTERM": lambda screen, process: process.send_signal(signal.SIGTERM),
                "SIGHUP": lambda screen, process: process.send_signal(signal.SIGHUP)}
        for name, end in ends.items():
            with self.subTest(name):
                screen, process = self.begin()
                self.assertNotEqual(termios.tcgetattr(screen.slave)[3], screen.modes[3])
                end(screen, process)
                self.assertEqual(process.wait(5), 0)
                screen.read(0.1)
                self.assertTrue(screen.said.endswith(_LEAVE), screen.said[-60:])
                self.assertEqual(termios.tcgetattr(screen.slave), screen.modes)

    def test_quiet_screen_sends_little(self) -> None:
        screen, process = self.begin()
        screen.said = b""
        screen.read(2.0)
        self.assertLess(len(screen.said), 2500, "bytes in two seconds at five readings a second: the head line alone")
        process.kill()

    def test_without_a_terminal_it_says_so(self) -> None:
        done = self.command("top")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no terminal", done.stderr)


if __name__ == "__main__":
    run()
