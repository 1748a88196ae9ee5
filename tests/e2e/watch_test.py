#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""portmatrixd --watch takes up what changes in its policy folder, however it is changed; never half of it; a thousand changes as
one; and a broken policy not at all, with an alarm until it is mended."""

import os
import pathlib
import shutil
import subprocess
import time
import urllib.request

from case import NodeTest, figure, policy_of, run, scale

_METRICS = "127.0.0.1:9918"
_BURST = scale("PORTMATRIX_BURST", 1000)
# Half a second of quiet is awaited (agent/policy_watch.h); this long nothing may happen.
_LONG_SECONDS = 1.5
_FILES = "policy files"


class Watch(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.prepare()
        self.start(flags=("--watch", "--metrics_listen", _METRICS))

    def prepare(self) -> None:
        self.write_policy(policy_of([7000]))

    @property
    def file(self) -> pathlib.Path:
        return self.policy / "policy.yaml"

    def rules(self) -> list[str]:
        return sorted(key[0].rsplit("/", 1)[1] for key in self.agent.counters().rules)

    def generation(self) -> int:
        return self.agent.counters().generation

    def taken_up(self, *ports: int) -> float:
        """How long it takes until these rules are in force; those of the generation before count on beside them."""
        wanted = {"ping", *(f"p{port}" for port in ports)}
        return self.until(lambda: wanted <= set(self.rules()), 10.0, 0.01)

    def stays(self, generation: int, seconds: float = _LONG_SECONDS) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.assertEqual(self.generation(), generation)
            time.sleep(0.05)

    def metrics(self) -> str:
        with self.wire.inside("node"):
            with urllib.request.urlopen(f"http://{_METRICS}/metrics", timeout=5) as answer:
                return answer.read().decode()


class Saves(Watch):
    def test_every_way_of_saving(self) -> None:
        def beside(text: str) -> pathlib.Path:
            path = self.policy / ".fresh"
            path.write_text(text, encoding="utf-8")
            return path

        def in_place(text: str) -> None:
            self.file.write_text(text, encoding="utf-8")

        def vim_backup(text: str) -> None:
            """backupcopy=no: the old file becomes the backup, a new one is written, the backup goes."""
            backup = self.policy / "policy.yaml~"
            (self.policy / "4913").write_bytes(b"")
            (self.policy / "4913").unlink()
            self.file.rename(backup)
            self.file.write_text(text, encoding="utf-8")
            backup.unlink()

        def truncate_and_write(text: str) -> None:
            with open(self.file, "r+", encoding="utf-8") as file:
                file.truncate(0)
                file.flush()
                file.write(text)

        def deleted_and_made(text: str) -> None:
            self.file.unlink()
            self.file.write_text(text, encoding="utf-8")

        def hard_link(text: str) -> None:
            new = beside(text)
            self.file.unlink()
            os.link(new, self.file)
            new.unlink()

        def sed(text: str) -> None:
            new = beside(text)
            subprocess.run(["sed", "-i", "-e", f"1{{r {new}\nN}}", "-e", "1,$d", str(self.file)], check=True)
            new.unlink()

        ways = {"written in place": in_place, "renamed over": self.write_policy, "as vim does, over a backup": vim_backup,
                "truncated and written": truncate_and_write, "deleted and made again": deleted_and_made,
                "a hard link": hard_link, "sed -i": sed}
        took = []
        for number, (name, save) in enumerate(ways.items()):
            with self.subTest(name):
                before = self.generation()
                save(policy_of([7000, 7100 + number]))
                took.append(self.taken_up(7000, 7100 + number))
                self.assertEqual(self.generation(), before + 1, "one save is one change")
                self.until(lambda: not self.alarms())
        figure(f"{len(ways)} ways of saving ({', '.join(ways)}): each one change, in force {min(took):.2f}-{max(took):.2f} s "
               "after it, of which 0.5 s are awaited quiet")

    def test_file_in_a_new_folder_and_one_that_goes(self) -> None:
        more = self.policy / "more"
        more.mkdir()
        (more / "sets.yaml").write_text("sets: {others: [198.51.100.0/24]}\n", encoding="utf-8")
        self.write_policy(policy_of([7000, 7001]).replace("from: any, to: me, protocol: [tcp", "from: others, to: me, protocol: [tcp"))
        self.taken_up(7000, 7001)
        before = self.generation()
        (more / "sets.yaml").unlink()
        self.until(lambda: _FILES in self.alarms())
        self.stays(before, 0.3)
        (more / "sets.yaml").write_text("sets: {others: [203.0.113.0/24]}\n", encoding="utf-8")
        self.until(lambda: self.generation() > before)

    def test_half_written_file_is_never_taken(self) -> None:
        """The first half is a whole policy: only that somebody has it open tells that it is not what he means."""
        before = self.generation()
        text = policy_of([7000, 7001, 7002])
        half = policy_of([7001])
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(half)
            file.flush()
            self.until(lambda: "waiting for a quiet moment" in self.alarms().get(_FILES, ""))
            self.stays(before, 3.0)
            file.seek(0)
            file.write(text)
        took = self.taken_up(7000, 7001, 7002)
        self.assertEqual(self.generation(), before + 1)
        self.until(lambda: not self.alarms())
        figure(f"a writer pauses for 3 s in the middle of a file that is valid so far: not taken, an alarm meanwhile; "
               f"in force {took:.2f} s after he closed it")

    def test_writer_who_never_pauses(self) -> None:
        before = self.generation()
        begun = time.monotonic()
        with open(self.file, "w", encoding="utf-8") as file:
            while time.monotonic() - begun < 7.0:
                file.write("# more\n")
                file.flush()
                time.sleep(0.05)
            self.assertIn("waiting for a quiet moment", self.alarms().get(_FILES, ""))
            self.assertEqual(self.generation(), before)
            file.write(policy_of([7003]))
        self.taken_up(7003)

    def test_many_changes_in_a_second_are_few(self) -> None:
        before = self.generation()
        begun = time.monotonic()
        for number in range(_BURST):
            self.write_policy(policy_of([8000 + number]))
        wrote = time.monotonic() - begun
        took = self.taken_up(8000 + _BURST - 1)
        self.stays(self.generation(), 1.0)
        changes = self.generation() - before
        self.assertLessEqual(changes, 1 + wrote / 5)
        figure(f"{_BURST} changes in {wrote:.2f} s: {changes} generation, the last in force {took:.2f} s after it was written")

    def test_broken_policy_keeps_the_old_one_with_an_alarm_until_it_is_mended(self) -> None:
        before = self.generation()
        self.write_policy(policy_of([7000, 7001]).replace("ports: 7001", "ports: seven"))
        self.until(lambda: _FILES in self.alarms())
        self.assertIn("portmatrix_alarms 1", self.metrics())
        log = self.agent.log.read_text(errors="replace")
        self.assertIn(_FILES, log)
        self.assertIn("policy.yaml:", log, "the place of the error")
        self.stays(before)
        self.assertEqual(self.rules(), ["p7000", "ping"])
        os.utime(self.file)  # touched: still broken, still an alarm
        with open(self.file, "a", encoding="utf-8"):
            pass
        self.stays(before)
        self.assertIn(_FILES, self.alarms())
        self.write_policy(policy_of([7000, 7002]))
        took = self.taken_up(7000, 7002)
        self.until(lambda: not self.alarms())
        self.assertIn("portmatrix_alarms 0", self.metrics())
        figure(f"a broken policy: the old one judges, an alarm in status, log and metrics; mended, in force after {took:.2f} s")

    def test_files_as_they_were_are_no_change(self) -> None:
        before = self.generation()
        self.write_policy(policy_of([7000]))
        (self.policy / "notes.txt").write_text("not a policy", encoding="utf-8")
        self.stays(before)


class ConfigMap(Watch):
    """As Kubernetes mounts one: policy.yaml -> ..data/policy.yaml, ..data -> ..TIMESTAMP, swapped by renaming a new link over it."""

    def prepare(self) -> None:
        self.version = 0
        self.swap(policy_of([7000]))
        self.file.symlink_to("..data/policy.yaml")

    def swap(self, text: str) -> None:
        self.version += 1
        folder = self.policy / f"..version{self.version}"
        folder.mkdir()
        (folder / "policy.yaml").write_text(text, encoding="utf-8")
        link, old = self.policy / "..data", None
        if link.is_symlink():
            old = self.policy / os.readlink(link)
        fresh = self.policy / "..data_tmp"
        fresh.symlink_to(folder.name)
        fresh.rename(link)
        if old is not None:
            shutil.rmtree(old)

    def test_swaps(self) -> None:
        took = []
        for port in (7001, 7002, 7003):
            before = self.generation()
            self.swap(policy_of([7000, port]))
            took.append(self.taken_up(7000, port))
            self.assertEqual(self.generation(), before + 1)
        self.until(lambda: not self.alarms())
        figure(f"{len(took)} ConfigMap swaps: each one change, in force {min(took):.2f}-{max(took):.2f} s after it")

    def test_file_behind_a_link_that_leads_elsewhere(self) -> None:
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "real.yaml").write_text(policy_of([7004]), encoding="utf-8")
        fresh = self.policy / ".fresh"
        fresh.symlink_to("../elsewhere/real.yaml")
        fresh.rename(self.file)
        self.taken_up(7004)
        (elsewhere / "real.yaml").write_text(policy_of([7005]), encoding="utf-8")
        self.taken_up(7005)


if __name__ == "__main__":
    run("ip", "sed")
