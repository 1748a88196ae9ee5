#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The state directory on a full disk, and damaged in every way. While pins are there the kernel's word counts, and nothing
changes; after a boot the confirmed policy comes back or, where that is damaged, the last good one, with an alarm that says so."""

import collections
import os
import pathlib
import shutil
import subprocess

from case import NodeTest, figure, run, said, sample, scale
from traffic import Traffic, policy

from firewall import FirewallError

_DISK_KIB = 256
# So many of the ways to damage a file are tried, spread evenly; 0: all.
_DAMAGES = scale("PORTMATRIX_DAMAGES", 9)


class State(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.first, self.second = (self.other_policy(which, policy(which)) for which in ("first", "second"))
        self.directory = self.state / "node"

    def restart(self) -> None:
        self.agent.stop()
        self.agent.start([self.policy])
        self.agent.wait()

    def boot(self) -> None:
        """The kernel forgets everything, the disk nothing."""
        self.agent.stop()
        shutil.rmtree(self.agent.pin_root)

    def judging(self) -> str:
        """Which of both policies, by what comes through."""
        with Traffic(self.wire) as traffic:
            self.until(lambda: traffic.packets > 80)
        words = [which for which, port in (("first", 7001), ("second", 7002)) if traffic.came(port)]
        return " and ".join(words) or "neither"


class FullDisk(State):
    def setUp(self) -> None:
        super().setUp()
        self.directory.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_KIB}k", "tmpfs", str(self.directory)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.directory)], check=False)
        self.start(policy("first"))

    def fill(self) -> pathlib.Path:
        filler = self.directory / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(512))
            except OSError:
                pass
        return filler

    def test_change_is_refused_and_the_old_policy_judges_on(self) -> None:
        before = self.agent.counters()
        filler = self.fill()
        with Traffic(self.wire) as traffic:
            refused = self.command("apply", self.second)
            self.assertEqual((refused.returncode, "No space left on device" in refused.stderr), (1, True), refused.stderr)
            self.assertEqual(self.agent.counters().generation, before.generation)
            filler.unlink()
            self.apply(self.second)
        self.assertEqual(traffic.wrong(changes=1), [])
        figure(f"full disk: the change is refused, and made once there is room; {traffic.packets} packets, none misjudged")

    def test_agent_starts_on_a_full_disk(self) -> None:
        before = self.agent.counters()
        self.fill()
        with Traffic(self.wire) as traffic:
            self.restart()
        self.assertEqual(traffic.wrong(changes=0), [])
        self.assertEqual(self.agent.counters().generation, before.generation)

    def test_confirmation_that_cannot_be_stored_is_not_acknowledged(self) -> None:
        self.apply(self.second, "--confirm", "60s")
        filler = self.fill()
        done = self.command("confirm")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("No space left on device", done.stderr)
        self.until(lambda: "state directory" in self.alarms())
        filler.unlink()
        self.until(lambda: not self.alarms(), 15)
        self.boot()
        self.start()
        self.assertEqual(self.judging(), "second")


class Damaged(State):
    def setUp(self) -> None:
        super().setUp()
        self.start(policy("first"))
        self.apply(self.second)

    def files(self) -> list[pathlib.Path]:
        return sorted(path.relative_to(self.directory) for path in self.directory.rglob("*")
                      if path.is_file() and path.name != "lock")

    def test_every_file_in_every_way(self) -> None:
        ways = {
            "empty": lambda path: path.write_bytes(b""),
            "cut in half": lambda path: path.write_bytes(path.read_bytes()[:path.stat().st_size // 2]),
            "noise": lambda path: path.write_bytes(os.urandom(400)),
            "another's": lambda path: path.write_bytes(b'{"number": 2, "documents": [], "lists": []}\n'),
            "gone": lambda path: path.unlink(),
            "a folder": lambda path: (path.unlink(), path.mkdir()),
        }
        self.agent.stop()
        whole = self.folder / "whole"
        shutil.copytree(self.directory, whole)

        def renew() -> None:
            self.agent.stop()
            shutil.rmtree(self.directory)
            shutil.copytree(whole, self.directory)

        outcomes, tried = collections.Counter(), 0
        for name, how in sample([(name, how) for name in self.files() for how in ways], _DAMAGES):
            with self.subTest(file=str(name), damage=how):
                tried += 1
                renew()
                ways[how](self.directory / name)
                self.start()
                self.assertEqual(self.agent.counters().generation, 2, "the kernel's word counts while pins are there")
                self.assertEqual(self.judging(), "second")
                self.boot()
                renew()
                ways[how](self.directory / name)
                self.start()
                judging = self.judging()
                outcomes[f"the {judging} after a boot"] += 1
                if judging != "second":
                    self.assertEqual(judging, "first")
                    self.assertTrue(self.alarms(), "another policy than the confirmed one is an alarm")
            self.boot()
            renew()
            self.start()
        figure(f"{tried} damages of the state directory: the second policy judged on each time; {said(outcomes)}")

    def test_everything_damaged_and_a_boot(self) -> None:
        self.boot()
        for name in self.files():
            (self.directory / name).write_bytes(b"\0" * 16)
        self.start()
        self.assertTrue(self.alarms())
        self.assertEqual(self.judging(), "first", "the files of --policy are better than nothing")
        self.apply(self.second)
        self.assertEqual(self.judging(), "second")
        figure("everything in the state directory damaged, and a boot: the files of --policy judge, with an alarm")

    def test_everything_damaged_a_boot_and_no_policy_files(self) -> None:
        self.boot()
        for name in self.files():
            (self.directory / name).write_bytes(b"\0" * 16)
        (self.policy / "policy.yaml").unlink()
        self.agent.start([self.policy])
        self.until(lambda: self.command("apply", self.second).returncode == 0, 10, 0.1)
        self.assertEqual(self.judging(), "second")
        self.assertIn("no stored policy can be read", self.agent.log.read_text(errors="replace"))


class FirstStart(State):
    def test_leaves_nothing_where_it_is_refused(self) -> None:
        for broken, why in ((policy("first") + "nonsense: 1\n", "unknown-key"),
                            (policy("first").replace("node: node", "node: another"), "unknown-node")):
            self.write_policy(broken)
            self.agent.start([self.policy])
            with self.assertRaisesRegex(FirewallError, why):
                self.agent.wait()
            self.assertFalse(self.agent.pin_root.exists(), [*self.agent.pin_root.glob("*")])
        self.start(policy("first"))
        self.assertEqual(self.judging(), "first")


if __name__ == "__main__":
    run("ip", "mount")
