#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Dynamic sets under traffic: an entry counts from the next packet on and until its time, whatever became of the agent, of the
policy, or of the machine."""

import http.client
import itertools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import threading
import time

from case import DEVICE, NODE4, NodeTest, figure, run, scale
from wire import NODE6, PEER4, PEER6

GUARDED, OPEN, ASKED = 7000, 7001, 7010
_ROUNDS = scale("PORTMATRIX_SET_CHANGES", 20)
_ENTRIES = 20_000


def policy(port: int = GUARDED, extra: str = "", most: int = 65536) -> str:
    """What `blocked` holds gets in nowhere and is asked nothing; `extra` makes it another policy."""
    return (f"matrix: m\ndescription: {extra or 'plain'}\nrules:\n"
            f"  - {{id: no-in, from: blocked, to: me, protocol: udp, ports: {port}, action: deny}}\n"
            f"  - {{id: no-out, from: me, to: blocked, protocol: any, action: deny}}\n"
            f"  - {{id: in, from: any, to: me, protocol: udp, ports: [{GUARDED}, {OPEN}]}}\n"
            f"  - {{id: ask, from: me, to: any, protocol: udp, ports: {ASKED}}}\n---\n"
            f"node: node\nsets: {{me: [{NODE4}, '{NODE6}'], {extra or 'unused'}: {{dynamic: true}}, "
            f"blocked: {{dynamic: true, max: {most}}}}}\n"
            f"failsafe: none\ninterfaces:\n  wan: {{device: {DEVICE}, local: me, matrices: [m]}}\n")


class UnixConnection(http.client.HTTPConnection):
    """The agent's API, one connection for many calls."""

    def __init__(self, path):
        super().__init__("localhost")
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)

    def ask(self, path: str, body: dict) -> dict:
        self.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)


class LiveSets(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.start(policy())
        self.numbers = itertools.count()
        self.receivers = {}
        for family, address in ((socket.AF_INET, NODE4), (socket.AF_INET6, NODE6)):
            with self.wire.inside("node"):
                for port in (GUARDED, OPEN):
                    receiver = socket.socket(family, socket.SOCK_DGRAM)
                    receiver.bind((address, port))
                    self.receivers[family, port] = receiver
                    self.addCleanup(receiver.close)
        self.senders = {}
        with self.wire.inside("peer"):
            for family in (socket.AF_INET, socket.AF_INET6):
                self.senders[family] = socket.socket(family, socket.SOCK_DGRAM)
                self.addCleanup(self.senders[family].close)

    def set(self, *arguments: str, code: int = 0, text: str | None = None) -> subprocess.CompletedProcess:
        """`portmatrix set`, with that exit code."""
        if text is None:
            done = self.command("set", *arguments)
        else:
            line = self.wire.command("node", *self.agent.line(), "set", *arguments)
            clean = {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}
            done = subprocess.run(line, input=text, capture_output=True, text=True, timeout=120, check=False, env=clean)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def held(self, name: str = "blocked") -> list[str]:
        listed = self.command("--json", "set", "list", name)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        return [entry["prefix"] for entry in json.loads(listed.stdout)["entries"]]

    def passes(self, family: int = socket.AF_INET) -> bool:
        """Whether a datagram to the guarded port arrives. One to the other port follows it and always does."""
        mark = str(next(self.numbers)).encode()
        node = {socket.AF_INET: NODE4, socket.AF_INET6: NODE6}[family]
        for port in (GUARDED, OPEN):
            self.senders[family].sendto(mark, (node, port))
        open_, guarded = self.receivers[family, OPEN], self.receivers[family, GUARDED]
        open_.settimeout(10)
        while open_.recv(64) != mark:
            pass
        came = False
        while select.select([guarded], [], [], 0)[0]:
            came |= guarded.recv(64) == mark
        return came

    def expect(self, passes: bool, message: str) -> None:
        self.assertEqual(self.passes(), passes, message)


class InForce(LiveSets):
    def test_entries_of_both_families_and_prefixes(self) -> None:
        for family, entries in ((socket.AF_INET, (PEER4, "192.0.2.0/24", "0.0.0.0/0")),
                                (socket.AF_INET6, (PEER6, "2001:db8::/64", "::/0"))):
            for entry in entries:
                self.assertTrue(self.passes(family), entry)
                self.set("add", "blocked", entry)
                self.assertFalse(self.passes(family), entry)
                self.set("del", "blocked", entry)
        self.set("add", "blocked", PEER6)
        self.expect(True, "the other family is not meant")
        self.set("flush", "blocked")
        self.assertEqual(self.held(), [])
        self.assertEqual(self.agent.counters().generation, 1, "no generation came of it")

    def test_next_packet_under_traffic(self) -> None:
        """A thread floods the guarded port with numbers; after each change every later number must be judged by it."""
        sent, stop, arrived = itertools.count(), threading.Event(), set()
        last = [0]

        def send() -> None:
            while not stop.is_set():
                for _ in range(20):
                    last[0] = next(sent)
                    self.senders[socket.AF_INET].sendto(b"%d" % last[0], (NODE4, GUARDED))
                time.sleep(0.0005)

        def receive() -> None:
            receiver = self.receivers[socket.AF_INET, GUARDED]
            receiver.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)
            receiver.settimeout(0.05)
            while not stop.is_set():
                try:
                    arrived.add(int(receiver.recv(64)))
                except TimeoutError:
                    pass

        threads = [threading.Thread(target=work, daemon=True) for work in (send, receive)]
        for thread in threads:
            thread.start()
        spans = []  # first number surely judged by it, last one, passes
        agent = UnixConnection(self.agent.socket)
        for turn in range(_ROUNDS):
            path = "add" if turn % 2 == 0 else "del"
            agent.ask(f"/v1/sets/{path}", {"set": "blocked", "entries": [PEER4]})
            first = last[0] + 1
            time.sleep(0.05)
            spans.append((first, last[0] - 1, path == "del"))
        time.sleep(0.2)
        stop.set()
        for thread in threads:
            thread.join()
        for first, end, passes in spans:
            wrong = [number for number in range(first, end + 1) if (number in arrived) != passes]
            self.assertEqual(wrong[:5], [], f"{len(wrong)} of {first} to {end} were misjudged, passes: {passes}")
        figure(f"{_ROUNDS} changes of a set under {last[0]} packets: each counted from the next packet on")

    def test_conversation_ends_with_the_entry_that_comes(self) -> None:
        with self.wire.inside("node"):
            asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with self.wire.inside("peer"):
            answerer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            answerer.bind((PEER4, ASKED))
        self.addCleanup(asker.close)
        self.addCleanup(answerer.close)
        asker.settimeout(1)
        answerer.settimeout(10)
        asker.bind((NODE4, 0))
        asker.sendto(b"?", (PEER4, ASKED))
        _, node = answerer.recvfrom(64)
        answerer.sendto(b"!", node)
        self.assertEqual(asker.recv(64), b"!")
        self.set("add", "blocked", PEER4)
        answerer.sendto(b"late", node)
        with self.assertRaises(TimeoutError):
            asker.recv(64)

    def test_full_and_unknown_sets_and_rubbish(self) -> None:
        self.apply(self.other_policy("small", policy(most=2)))
        said = self.set("add", "blocked", "10.0.0.1", "10.0.0.2", "10.0.0.3", code=6).stderr
        self.assertEqual(said, "portmatrix set: dynamic set `blocked` is full: it holds 0 entries of 2, and 3 more would come; "
                               "delete some, or raise its `max` in the policy (nothing was added)\n")
        said = self.set("add", "block", "10.0.0.1", code=6).stderr
        self.assertEqual(said, "portmatrix set: the policy in force has no dynamic set `block`; it has blocked, unused\n")
        said = self.set("add", "blocked", "-", text="10.0.0.1\n\n  # none\n 10.0.0.1/8 # bad\n", code=1).stderr
        self.assertEqual(said, "portmatrix set: standard input:4:2: `10.0.0.1/8` has bits set behind its first 8 (write "
                               "10.0.0.0/8 for the whole prefix, or 10.0.0.1 for the one address); nothing was changed\n")
        self.assertEqual(self.held(), [])

    def test_trace_judges_by_a_copy_of_what_is_there(self) -> None:
        self.set("add", "blocked", PEER4)
        traced = self.command("--json", "trace", "--from", f"{PEER4}:5000", "--to", f"{NODE4}:{GUARDED}", "--protocol", "udp")
        self.assertEqual(traced.returncode, 0, traced.stderr)
        self.assertEqual(json.loads(traced.stdout)["rule"], "wan/m/no-in", traced.stdout)
        self.assertEqual(self.held(), [PEER4])


class Lasting(LiveSets):
    def test_agent_killed_restarted_and_policies_changed(self) -> None:
        self.set("add", "blocked", PEER4)
        self.agent.kill()
        self.expect(False, "without an agent")
        self.start()
        self.expect(False, "with the next agent")
        self.assertEqual(self.held(), [PEER4])
        self.apply(self.other_policy("other", policy(extra="another")))
        self.expect(False, "under another policy with other sets before this one")
        done = self.command("rollback")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.expect(False, "after the rollback")
        self.set("del", "blocked", PEER4)
        self.expect(True, "once it is gone")

    def test_time_ends_while_the_agent_is_stopped(self) -> None:
        self.set("add", "blocked", PEER4, "--for", "3s")
        os.kill(self.agent.pid, signal.SIGSTOP)
        try:
            self.expect(False, "in its time")
            self.until(self.passes, 10, 0.01)
        finally:
            os.kill(self.agent.pid, signal.SIGCONT)
        self.assertEqual(self.held(), [])
        self.set("add", "blocked", PEER4, "--for", "1h")
        lines = self.set("list", "blocked").stdout.splitlines()
        self.assertRegex(lines[1], rf"^{PEER4}  59m5\ds +20\d\d-.*Z  root$|^{PEER4}  1h +20\d\d-.*Z  root$")
        self.assertEqual(lines[2], "1 entry of 65536")

    def test_boot_brings_entries_back(self) -> None:
        self.set("add", "blocked", PEER4, "2001:db8:5::/48")
        self.set("add", "blocked", "10.0.0.1", "--for", "1s")
        self.agent.stop()
        time.sleep(1)
        shutil.rmtree(self.agent.pin_root)
        self.start()
        self.expect(False, "after a boot")
        self.assertEqual(self.held(), [PEER4, "2001:db8:5::/48"])


class Rate(LiveSets):
    def test_thousands_a_second(self) -> None:
        entries = "".join(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}\n" for number in range(_ENTRIES))
        begun = time.monotonic()
        said = self.set("add", "blocked", "-", text=entries).stdout
        seconds = time.monotonic() - begun
        self.assertEqual(said, f"{_ENTRIES} entries added; blocked holds {_ENTRIES} of 65536\n")
        agent = UnixConnection(self.agent.socket)
        begun, calls = time.monotonic(), 0
        while time.monotonic() - begun < 2:
            agent.ask("/v1/sets/add", {"set": "blocked", "entries": [f"11.0.{calls >> 8 & 63}.{calls & 255}"]})
            calls += 1
        alone = calls / (time.monotonic() - begun)
        self.expect(True, "none of them is the peer")
        self.set("add", "blocked", PEER4)
        self.expect(False, "among thousands")
        figure(f"{_ENTRIES} entries by one command in {seconds:.2f} s ({_ENTRIES / seconds:.0f} a second); "
               f"one entry a call: {alone:.0f} calls a second")


if __name__ == "__main__":
    run("ip")
