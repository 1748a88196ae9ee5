#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to a device or to its hooks, it is protected again in the blink of an eye, and meanwhile an alarm says that
it is not. Times are from the end of the event to the moment at which the kernel shows both hooks in place and ours first."""

import os
import pathlib
import re
import statistics
import subprocess
import time
import urllib.request

import kernel_view
from case import DEVICE, NodeTest, figure, policy_of, run, scale
from wire import ip

_TRIES = scale("PORTMATRIX_RECONCILE_TRIES", 5)
# Generous: a busy machine must not fail the test. The figure is what is printed.
_MOST_SECONDS = 5.0
# So often within ten seconds the agent answers one who takes the hook (kMostRepairs of agent/protection.h).
_ANSWERS = 5
_METRICS = "127.0.0.1:9917"


class Reconcile(NodeTest):
    def setUp(self) -> None:
        super().setUp()
        self.start(policy_of([7000]), flags=("--metrics_listen", _METRICS))

    def protected(self, device: str = DEVICE) -> bool:
        """Ours on receive, ours first on send: by the device's own word."""
        try:
            xdp = kernel_view.pinned_program(self.agent.pin_root / "programs" / "xdp")
            tc = kernel_view.pinned_program(self.agent.pin_root / "programs" / "tc")
            index = self.wire.index(device)
        except (OSError, ValueError, Exception):  # noqa: B902  (the device is gone, or its pins are)
            return False
        with self.wire.inside("node"):
            send = kernel_view.send_programs(index)
        return send[:1] == [tc] and kernel_view.receive_program(self.wire.namespace("node"), device) == xdp

    def again(self, event: str, cause, device: str = DEVICE, tries: int = _TRIES) -> None:
        """Causes the event a few times; prints how long the device was without protection."""
        took = []
        for _ in range(tries):
            self.assertTrue(self.protected(device), f"before: {event}")
            cause()
            took.append(self.until(lambda: self.protected(device), _MOST_SECONDS))
            self.until(lambda: not self.alarms(), _MOST_SECONDS)
            time.sleep(2.1 if tries > 4 else 0.0)  # no more often than the agent answers one who fights it
        gaps = [gap["seconds"] for gap in self.agent.status()["agent"]["gaps"]]
        told = f"; the agent's own gaps {_milliseconds(gaps)}" if gaps else "; no gap"
        figure(f"{event}: protected again after {_milliseconds(took)}{told}")

    def metrics(self) -> str:
        with self.wire.inside("node"):
            with urllib.request.urlopen(f"http://{_METRICS}/metrics", timeout=5) as answer:
                return answer.read().decode()

    def pin(self, hook: str) -> pathlib.Path:
        return self.agent.pin_root / "links" / hook / DEVICE

    def generation_and_counters(self):
        counters = self.agent.counters()
        return counters.generation, sorted(counters.rules)

    def test_device_deleted_and_made_again(self) -> None:
        before = self.generation_and_counters()

        def cause() -> None:
            self.wire.node_ip("link", "del", DEVICE)
            self.wire.connect()

        self.again("device deleted and made again", cause, tries=3)
        self.assertEqual(self.generation_and_counters(), before)

    def test_device_deleted_is_an_alarm_in_status_and_metrics_until_it_is_back(self) -> None:
        self.wire.node_ip("link", "del", DEVICE)
        self.until(lambda: f"device {DEVICE}" in self.alarms())
        self.assertIn("not protected", self.alarms()[f"device {DEVICE}"])
        self.assertIn(f'portmatrix_interface_protected{{device="{DEVICE}"}} 0', self.metrics())
        time.sleep(0.2)
        self.wire.connect()
        self.until(self.protected)
        self.until(lambda: not self.alarms())
        self.assertIn(f'portmatrix_interface_protected{{device="{DEVICE}"}} 1', self.metrics())
        total = re.search(r'portmatrix_interface_unprotected_seconds_total\{device="wan0"\} ([0-9.]+)', self.metrics())
        self.assertGreater(float(total[1]), 0.2)
        self.assertGreater(self.agent.status()["agent"]["gaps"][-1]["seconds"], 0.2)

    def test_renamed_device_stays_protected_with_an_alarm_and_no_gap(self) -> None:
        index = self.wire.index()
        self.wire.node_ip("link", "set", DEVICE, "down")
        self.wire.node_ip("link", "set", DEVICE, "name", "other0")
        self.wire.node_ip("link", "set", "other0", "up")
        self.until(lambda: "it is called other0 now" in self.alarms().get(f"device {DEVICE}", ""))
        self.assertTrue(self.protected("other0"))
        self.assertEqual(self.agent.status()["agent"]["gaps"], [])
        self.wire.node_ip("link", "set", "other0", "down")
        self.wire.node_ip("link", "set", "other0", "name", DEVICE)
        self.wire.node_ip("link", "set", DEVICE, "up")
        self.until(lambda: not self.alarms())
        self.assertEqual(self.wire.index(), index)
        figure("device renamed and back: protected all the time, an alarm meanwhile, no gap")

    def test_device_that_takes_the_name_is_hooked(self) -> None:
        self.wire.node_ip("link", "set", DEVICE, "down")
        self.wire.node_ip("link", "set", DEVICE, "name", "other0")
        self.until(lambda: self.alarms())
        self.wire.connect(number=1)
        took = self.until(self.protected)
        self.until(lambda: not self.alarms())
        figure(f"another device took the name: hooked after {_milliseconds([took])}")

    def test_two_devices_that_exchange_their_names(self) -> None:
        self.wire.connect("lan0", number=1)
        self.apply(self.other_policy("two", policy_of([7000], f"{DEVICE}, lan0")))
        self.until(lambda: self.protected() and self.protected("lan0"))

        def cause() -> None:
            for device in (DEVICE, "lan0"):
                self.wire.node_ip("link", "set", device, "down")
            for old, new in ((DEVICE, "tmp0"), ("lan0", DEVICE), ("tmp0", "lan0")):
                self.wire.node_ip("link", "set", old, "name", new)
            for device in (DEVICE, "lan0"):
                self.wire.node_ip("link", "set", device, "up")

        self.again("two devices exchange their names", cause, tries=2)
        self.assertTrue(self.protected("lan0"))

    def test_down_and_up(self) -> None:
        def cause() -> None:
            self.wire.node_ip("link", "set", DEVICE, "down")
            self.wire.node_ip("link", "set", DEVICE, "up")

        self.again("device down and up", cause, tries=3)
        self.assertEqual(self.agent.status()["agent"]["gaps"], [])

    def test_receive_vlan_offload_is_turned_off_and_stays_off(self) -> None:
        inside = ("nsenter", f"--net=/run/netns/{self.wire.namespace('node')}", "ethtool")

        def on() -> list[str]:
            said = subprocess.run((*inside, "-k", DEVICE), capture_output=True, text=True, check=True).stdout
            return re.findall(r"^(rx-vlan-offload|rx-vlan-stag-hw-parse): on", said, re.M)

        self.until(lambda: not on())
        subprocess.run((*inside, "-K", DEVICE, "rxvlan", "on"), capture_output=True, check=True)
        self.until(lambda: not on())
        self.assertEqual(self.alarms(), {})

    def test_mtu_changed(self) -> None:
        sizes = [1400, 1280, 1500]
        self.again("MTU changed", lambda: self.wire.node_ip("link", "set", DEVICE, "mtu", str(sizes.pop())), tries=3)
        self.assertEqual(self.agent.status()["agent"]["gaps"], [])

    def test_device_moved_to_another_namespace_and_back(self) -> None:
        away = self.wire.namespace("away")
        ip("netns", "add", away)
        self.addCleanup(lambda: ip("netns", "delete", away))
        self.wire.node_ip("link", "set", DEVICE, "netns", away)
        self.until(lambda: f"device {DEVICE}" in self.alarms())
        self.assertIn(f'portmatrix_interface_protected{{device="{DEVICE}"}} 0', self.metrics())
        ip("-n", away, "link", "set", DEVICE, "netns", self.wire.namespace("node"))
        took = self.until(self.protected)
        self.until(lambda: not self.alarms())
        figure(f"device moved away and back: protected again after {_milliseconds([took])}")

    def test_device_moved_away_and_another_of_its_name_and_index(self) -> None:
        """The link on the device that left shows the same index, which is of another namespace."""
        index, away = self.wire.index(), self.wire.namespace("away")
        ip("netns", "add", away)
        self.addCleanup(lambda: ip("netns", "delete", away))
        self.wire.node_ip("link", "set", DEVICE, "netns", away)
        ip("-n", self.wire.namespace("peer"), "link", "set", "peer0", "name", "left0")
        self.wire.connect(number=1, index=index)
        self.assertEqual(self.wire.index(), index)
        took = self.until(self.protected)
        figure(f"another device of the same name and index: protected after {_milliseconds([took])}")

    def test_send_hook_detached_by_force(self) -> None:
        self.again("TCX link detached by force", lambda: kernel_view.detach_by_force(self.pin("tc")))

    def test_receive_hook_detached_by_force(self) -> None:
        self.again("XDP link detached by force", lambda: kernel_view.detach_by_force(self.pin("xdp")))

    def test_pin_of_a_link_removed_by_hand(self) -> None:
        for hook in ("xdp", "tc"):
            self.pin(hook).unlink()
            self.assertTrue(self.protected(), "the hook itself must not go")
            took = self.until(self.pin(hook).exists)
            figure(f"pin of the {hook} link deleted: hook in place all the time, pinned again after {_milliseconds([took])}")
        self.until(lambda: not self.alarms())
        self.assertEqual(self.agent.status()["agent"]["gaps"], [])

    def test_all_pins_removed_by_hand(self) -> None:
        before = self.generation_and_counters()
        pins = [path for path in self.agent.pin_root.rglob("*") if path.is_file() and not path.name.startswith("slot-")]
        for path in pins:
            path.unlink()
        self.assertEqual(_names_left(pins), [])
        took = self.until(lambda: all(path.exists() for path in pins))
        self.assertTrue(self.protected())
        self.assertEqual(self.generation_and_counters(), before)
        self.assertIn("somebody deleted pins; put back", self.agent.log.read_text(errors="replace"))
        figure(f"{len(pins)} pins deleted by hand: back after {_milliseconds([took])}, no gap, no counter lost")

    def test_map_pins_removed_while_no_agent_runs(self) -> None:
        before = self.generation_and_counters()
        self.agent.kill()
        for path in (self.agent.pin_root / "maps").iterdir():
            if not path.name.startswith("slot-"):
                path.unlink()
        self.start()
        self.assertEqual(self.generation_and_counters(), before)
        self.assertTrue(self.protected())

    def test_foreign_program_put_before_ours(self) -> None:
        links = []

        def cause() -> None:
            with self.wire.inside("node"):
                program = kernel_view.foreign_program("tc", kernel_view.PASS_TCX)
                links.append(kernel_view.put_first(program, self.wire.index()))
                os.close(program)

        self.again("foreign TCX program put before ours", cause, tries=4)
        for link in links:
            os.close(link)
        self.assertIn("somebody put another program before it", self.agent.log.read_text(errors="replace"))

    def test_one_who_fights_for_the_first_place_is_an_alarm(self) -> None:
        def put() -> int:
            with self.wire.inside("node"):
                program = kernel_view.foreign_program("tc", kernel_view.NEXT_TCX)
                link = kernel_view.put_first(program, self.wire.index())
                os.close(program)
                return link

        links = []
        for _ in range(_ANSWERS):
            links.append(put())
            self.until(self.protected)
        links.append(put())
        self.until(self.alarms)
        alarm = self.alarms()[f"device {DEVICE}"]
        self.assertIn("somebody put another program before it", alarm)
        self.assertIn(f'portmatrix_interface_protected{{device="{DEVICE}"}} 0', self.metrics())
        for link in links:
            os.close(link)
        took = self.until(self.protected)
        figure(f"{len(links)} foreign programs in a row: an alarm stands; after they left, first again after {_milliseconds([took])}")

    def test_foreign_xdp_program_is_named_and_never_taken_for_ours(self) -> None:
        """It took the hook of a device that was made anew."""
        with self.wire.inside("node"):
            program = kernel_view.foreign_program("xdp", kernel_view.PASS_XDP)
        os.kill(self.agent.pid, 19)  # SIGSTOP: the agent must not be first
        self.wire.node_ip("link", "del", DEVICE)
        self.wire.connect()
        with self.wire.inside("node"):
            link = kernel_view.put_on_receive(program, self.wire.index())
        os.kill(self.agent.pid, 18)  # SIGCONT
        self.until(lambda: f"held by XDP program id {kernel_view.program_id(program)} named foreign"
                   in self.alarms().get(f"device {DEVICE}", ""))
        self.assertIn(f'portmatrix_interface_protected{{device="{DEVICE}"}} 0', self.metrics())
        self.assertEqual(kernel_view.receive_program(self.wire.namespace("node"), DEVICE), kernel_view.program_id(program))
        applied = self.command("apply", self.other_policy("next", policy_of([7000, 7001])))
        self.assertIn("not protected", applied.stderr)
        os.close(link)
        took = self.until(self.protected)
        self.until(lambda: not self.alarms())
        figure(f"foreign XDP program left: protected again after {_milliseconds([took])}")


def _names_left(pins) -> list[str]:
    return [str(path) for path in pins if path.exists()]


def _milliseconds(seconds: list[float]) -> str:
    values = sorted(value * 1000 for value in seconds)
    if len(values) == 1:
        return f"{values[0]:.0f} ms"
    return f"{statistics.median(values):.0f} ms (median of {len(values)}; {values[0]:.0f} to {values[-1]:.0f})"


if __name__ == "__main__":
    run("ip")
