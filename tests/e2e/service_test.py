#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the agent tells its service manager (sd_notify(3)): when it is ready, that it lives, reloads and stops."""

import os
import signal
import socket
import time

from case import NodeTest, figure, policy_of, run

_WATCHDOG = 3.0  # seconds


class Service(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(str(self.folder / "notify"))
        self.manager.setblocking(False)
        self.told: list[tuple[float, str]] = []
        self.under = ("env", f"NOTIFY_SOCKET={self.folder / 'notify'}", f"WATCHDOG_USEC={int(_WATCHDOG * 1e6)}")
        self.start(policy_of([7001]), under=self.under)

    def listen(self) -> list[str]:
        """The words so far."""
        while True:
            try:
                text = self.manager.recv(4096).decode()
            except BlockingIOError:
                return [word for _, word in self.told]
            self.told += [(time.monotonic(), line) for line in text.splitlines() if not line.startswith("STATUS=")]

    def test_watchdog_is_fed_from_ready_on_and_not_before(self) -> None:
        # Before that the manager's patience is for the whole start, which the verifier makes long on a slow machine.
        self.until(lambda: self.listen().count("WATCHDOG=1") >= 4, 5 * _WATCHDOG)
        self.assertEqual(self.listen()[0], "READY=1")
        begun = time.monotonic()
        while time.monotonic() < begun + 2 * _WATCHDOG:
            self.listen()
            time.sleep(0.01)
        fed = [at for at, word in self.told if word == "WATCHDOG=1"]
        longest = max(after - before for before, after in zip(fed, fed[1:]))
        self.assertLess(longest, _WATCHDOG)
        figure(f"the watchdog of {_WATCHDOG} s was fed {len(fed)} times, {longest:.2f} s apart at most")

    def test_hung_agent_feeds_nothing(self) -> None:
        self.until(lambda: "WATCHDOG=1" in self.listen(), _WATCHDOG)
        os.kill(self.agent.pid, signal.SIGSTOP)
        time.sleep(0.1)
        before = len(self.listen())
        time.sleep(1.5 * _WATCHDOG)
        self.assertEqual(self.listen()[before:], [])
        os.kill(self.agent.pid, signal.SIGCONT)
        self.until(lambda: len(self.listen()) > before, _WATCHDOG)

    def test_reload_and_stop_are_told(self) -> None:
        for text, word in ((policy_of([7001, 7002]), "a reload"), ("nonsense: [", "a reload of broken files")):
            with self.subTest(word):
                self.write_policy(text)
                before = len(self.listen())
                self.agent.reload()
                self.until(lambda: "READY=1" in self.listen()[before:])  # pylint: disable=cell-var-from-loop
                words = [line for line in self.listen()[before:] if line != "WATCHDOG=1"]
                self.assertEqual([words[0], words[-1]], ["RELOADING=1", "READY=1"], words)
                self.assertTrue(words[1].startswith("MONOTONIC_USEC="), words)
        self.agent.stop()
        self.assertIn("STOPPING=1", self.listen())

    def test_reload_without_files_is_noted_and_no_alarm(self) -> None:
        self.agent.stop()
        before = len(self.listen())
        self.agent.start([], under=self.under)
        self.agent.wait()
        self.agent.reload()
        self.until(lambda: self.listen()[before:].count("READY=1") == 2)
        self.assertIn("RELOADING=1", self.listen()[before:])
        self.assertIn("there is no --policy to read again, nothing is changed", self.agent.last_words())
        self.assertEqual(self.alarms(), {})


if __name__ == "__main__":
    run("env")
