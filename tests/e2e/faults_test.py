#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The agent is killed, stopped, refused by the kernel and by the disk, at every step of a start and of a change, while traffic
runs. After each fault the old policy judges or the new one, whole; no packet is misjudged; no counter is lost; and the next start
takes up what it finds. The steps are system calls, so strace can kill at each, or make it fail."""

import collections
import os
import random
import re
import signal
import subprocess
import time

from case import NodeTest, figure, run, said, sample, scale
from traffic import Traffic, policy

from firewall import FirewallError

# Of all the points at which a fault is possible so many are tried, spread evenly; 0: all.
_POINTS = scale("PORTMATRIX_FAULT_POINTS", 24)
_KILLS = scale("PORTMATRIX_KILLS", 20)
_SEED = scale("PORTMATRIX_SEED", random.randrange(1 << 30))

# What changes something; killed before one that only reads, a program leaves what it left before the last of these.
_EFFECTS = re.compile(r"BPF_(MAP_CREATE|MAP_UPDATE_ELEM|MAP_DELETE_ELEM|MAP_FREEZE|PROG_LOAD|PROG_BIND_MAP|OBJ_PIN|LINK_\w+)|"
                      r"^(write|fsync|rename|unlink|mkdir|chmod)")
_CALLS = "bpf,write,fsync,rename,renameat2,unlink,mkdir,chmod"


class Faults(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.policies = [self.other_policy(which, policy(which)) for which in ("first", "second")]
        self.turn = 0
        self.start(policy("first"))

    def begin_apply(self) -> subprocess.Popen:
        """`apply` of the policy whose turn it is, under way."""
        self.turn += 1
        applying = self.agent.begin_apply([self.policies[self.turn % 2]])
        self.addCleanup(applying.stdout.close)
        return applying

    def restart(self) -> None:
        """As systemd does it, until the agent judges."""
        self.agent.start([self.policy])
        self.agent.wait()

    def check(self, traffic: Traffic, before, changes: int) -> None:
        self.assertEqual(traffic.wrong(changes), [])
        found = []

        def agrees() -> bool:
            found[:] = traffic.miscounted(before, self.agent.counters())
            return not found

        try:
            self.until(agrees, 2.0, 0.05)
        except AssertionError:
            self.fail(f"the counters disagree: {found}")

    def traced(self, *inject: str):
        """The command line under which the agent runs so that strace sees its steps, and interferes. The agent stays our child;
        strace counts the steps of each of its threads apart."""
        self.trace = self.folder / "trace"
        self.trace.unlink(missing_ok=True)
        return ("strace", "-f", "-D", "-qq", "-o", str(self.trace), "-e", f"trace={_CALLS}", *(f"-einject={how}" for how in inject))

    def points(self, only_effects: bool) -> list[tuple[str, int]]:
        """A start and a change, recorded: the points at which they can be interrupted, as (system call, its how-manieth)."""
        self.agent.stop()
        self.agent.start([self.policy], under=self.traced())
        self.agent.wait()
        self.assertEqual(self.begin_apply().wait(30), 0)
        self.agent.stop()
        counts, found = collections.Counter(), {}
        for line in self.trace.read_text(errors="replace").splitlines():
            if not (call := re.match(r"(\d+)\s+(?=(\w+)\()", line)):
                continue
            counts[call.groups()] += 1
            if not only_effects or _EFFECTS.search(line[call.end():]):
                found[call[2], counts[call.groups()]] = None
        return list(found)

    def interrupted(self, *inject: str) -> collections.Counter:
        """A start and a change with a fault in one of them; what came of it."""
        self.agent.start([self.policy], under=self.traced(*inject))
        came_of_it = "the change was made"
        try:
            self.agent.wait()
            if self.begin_apply().wait(60):
                came_of_it = "the change failed"
        except FirewallError:
            came_of_it = "the start failed"
        return came_of_it

    # ---- Killed ----

    def test_kill_at_every_step_of_a_start_and_of_a_change(self) -> None:
        everything = self.points(only_effects=True)
        tried, outcomes = sample(everything, _POINTS), collections.Counter()
        self.restart()
        before = self.agent.counters()
        with Traffic(self.wire) as traffic:
            self.agent.kill()
            for name, number in tried:
                outcomes[self.interrupted(f"{name}:signal=KILL:when={number}")] += 1
                ended = self.agent.ended(0.3)
                self.assertIn(ended, (None, -signal.SIGKILL), f"{name} {number}: it ended by itself\n{self.agent.last_words()}")
                if ended is None:
                    outcomes["the step did not come again"] += 1
                    self.agent.kill()
                self.restart()
                self.agent.kill()
            self.restart()
        self.check(traffic, before, changes=len(tried))
        figure(f"killed at {len(tried)} of {len(everything)} steps: {said(outcomes)}; {traffic.packets} packets, "
               "none misjudged, none uncounted")

    def test_random_kills_under_traffic(self) -> None:
        chance, outcomes, restarts = random.Random(_SEED), collections.Counter(), []
        before = self.agent.counters()
        with Traffic(self.wire) as traffic:
            for _ in range(_KILLS):
                applying = self.begin_apply() if chance.random() < 0.8 else None
                time.sleep(chance.uniform(0.0, 0.12))
                self.agent.kill()
                if applying is not None:
                    outcomes["change made" if applying.wait(30) == 0 else "change cut off"] += 1
                if chance.random() < 0.3:  # also while it starts
                    self.agent.start([self.policy])
                    time.sleep(chance.uniform(0.0, 0.5))
                    self.agent.kill()
                    outcomes["killed again while it started"] += 1
                begun = time.monotonic()
                self.restart()
                restarts.append(time.monotonic() - begun)
        self.check(traffic, before, changes=2 * _KILLS)
        figure(f"{_KILLS} kills at random moments (seed {_SEED}): {said(outcomes)}; {traffic.packets} packets, none misjudged, "
               f"none uncounted; back after {min(restarts) * 1000:.0f}-{max(restarts) * 1000:.0f} ms")

    def test_stopped_agent_takes_nothing_with_it(self) -> None:
        before = self.agent.counters()
        with Traffic(self.wire) as traffic:
            self.apply(self.policies[1], "--confirm", "2s")
            os.kill(self.agent.pid, signal.SIGSTOP)
            try:
                time.sleep(2.5)  # the deadline passes without an agent
                self.assertEqual(self.agent.counters().generation, before.generation)
                self.assertFalse(self.agent.status()["agent"]["reachable"])
            finally:
                os.kill(self.agent.pid, signal.SIGCONT)
            self.until(lambda: "trial" in self.alarms())
            self.apply(self.policies[1])
        self.check(traffic, before, changes=3)
        figure(f"stopped for 2.5 s over the end of a trial: rolled back without it; {traffic.packets} packets, none misjudged")

    # ---- Refused ----

    def refused(self, what: str, injections) -> None:
        outcomes = collections.Counter()
        self.restart()
        before = self.agent.counters()
        with Traffic(self.wire) as traffic:
            self.agent.stop()
            for inject in injections:
                outcomes[self.interrupted(inject)] += 1
                if (ended := self.agent.ended()) is None:
                    self.agent.kill()
                else:
                    self.assertEqual(ended, 1, f"{inject}\n{self.agent.last_words()}")
                self.restart()
                self.agent.kill()
            self.restart()
        self.check(traffic, before, changes=len(injections))
        figure(f"{what} at {len(injections)} calls: {said(outcomes)}; {traffic.packets} packets, none misjudged, none uncounted")

    def test_kernel_has_no_memory_at_any_call(self) -> None:
        calls = [number for name, number in self.points(only_effects=False) if name == "bpf"]
        self.refused("ENOMEM", [f"bpf:error=ENOMEM:when={number}" for number in sample(calls, _POINTS)])

    def test_kernel_permits_nothing_at_any_call(self) -> None:
        calls = [number for name, number in self.points(only_effects=False) if name == "bpf"]
        self.refused("EPERM", [f"bpf:error=EPERM:when={number}" for number in sample(calls, _POINTS)])

    def test_disk_refuses_at_any_call(self) -> None:
        calls = [(name, number) for name, number in self.points(only_effects=True) if name in ("fsync", "rename", "write", "unlink")]
        self.refused("EIO of the disk", [f"{name}:error=EIO:when={number}" for name, number in sample(calls, _POINTS)])

    def test_kernel_refuses_ever_after(self) -> None:
        """Not one call, but all from one on; and then it thinks better of it."""
        calls = [number for name, number in self.points(only_effects=True) if name == "bpf"]
        self.refused("ENOMEM from then on", [f"bpf:error=ENOMEM:when={number}+" for number in sample(calls, _POINTS)[::4]])


if __name__ == "__main__":
    run("strace", "ip")
