#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The packages' whole life on a clean Debian 12: installed, set to work, upgraded under traffic, removed, installed again,
purged. steady_traffic (tests/e2e) keeps packets going over two tap devices, and knows the fate of each.

   frames ══ tap0 ┐
                  ├ the machine: chroot, own network, own bpffs; the agent as its unit starts it
   frames ══ tap1 ┘
"""

import argparse
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

import clean_machine
from clean_machine import CleanMachine, run
from service import Service

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_SKIPPED = 77
_DEVICES = {"tap0": "192.0.2.1", "tap1": "198.51.100.1"}
_PINS = "/sys/fs/bpf/portmatrix/v1"
_POLICY = """\
matrix: both
rules:
  - {id: in-7001, from: any, to: me, protocol: udp, ports: [7001, 7003]}
  - {id: out-7001, from: me, to: any, protocol: udp, ports: [7001, 7003, 7005]}
---
node: edge
sets: {me: [192.0.2.1], inner: [198.51.100.1]}
failsafe: none
interfaces:
  outside: {device: tap0, local: me, matrices: [both]}
"""
_INSIDE = """\
  inside: {device: tap1, local: inner, matrices: [inner]}
---
matrix: inner
rules:
  - {id: in-7001, from: any, to: inner, protocol: udp, ports: [7001, 7003]}
  - {id: out-7001, from: inner, to: any, protocol: udp, ports: [7001, 7003, 7005]}
"""
# What that policy says of the packets of steady_traffic: do all pass, or none?
_FATES = {"in 7001": True, "in 7002": False, "in 7003": True, "in 7004": False, "out 7001": True, "out 7002": False,
          "out 7003": True, "out 7004": False, "request": True, "reply": True}


class Traffic:
    """Packets without a pause, for as long as the block lasts: each meets its fate, or, on a machine without a filter, some of
    every kind come through."""

    def __init__(self, program: pathlib.Path, test: unittest.TestCase, is_filtered: bool):
        self._program, self._test, self._is_filtered = program, test, is_filtered
        self._process = None

    def __enter__(self) -> "Traffic":
        self._process = subprocess.Popen([self._program, *_DEVICES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._process.stdout.readline()
        # It holds the taps, which are up only now; until the kernel has seen to that, nothing leaves.
        while any(json.loads(run("ip", "-j", "link", "show", device))[0]["operstate"] != "UP" for device in _DEVICES):
            time.sleep(0.02)
        time.sleep(0.1)
        self._process.stdin.write("g")
        self._process.stdin.flush()
        return self

    def __exit__(self, kind, *_) -> None:
        if kind is not None:
            self._process.kill()
            return
        seen = json.loads(self._process.communicate()[0])
        for device in _DEVICES:
            for what, passes in _FATES.items():
                sent, passed = seen[device][what]
                self._test.assertGreater(sent, 0, f"{device} {what}")
                if self._is_filtered:
                    self._test.assertEqual(passed, sent if passes else 0, f"{device} {what}: passed, of {sent}")
                else:
                    self._test.assertGreater(passed, 0, f"{device} {what}: passed, of {sent}")
        how = "none misjudged" if self._is_filtered else "of every kind some came through"
        print(f"figure: {seen['packets']} packets in {seen['seconds']:.1f} s, {how}", flush=True)


class PackagesTest(unittest.TestCase):
    """One machine, from the first installation to the purge."""

    build: pathlib.Path
    cache: pathlib.Path

    def setUp(self) -> None:
        self.machine = CleanMachine(self.cache / "base")
        self.service = Service(self.machine)
        self.addCleanup(self.service.stop)
        # What the host says on IPv6 of its own accord would stand in the queues beside the test's packets.
        for which in ("all", "default"):
            run("sysctl", "-qw", f"net.ipv6.conf.{which}.disable_ipv6=1")
        for device, address in _DEVICES.items():
            run("ip", "tuntap", "add", "dev", device, "mode", "tap")
            run("ip", "addr", "add", f"{address}/24", "dev", device)
            run("ip", "link", "set", device, "up")
            run("ip", "neigh", "replace", address.rpartition(".")[0] + ".2", "lladdr", "02:00:00:00:00:02", "dev", device)

    def traffic(self, is_filtered: bool = True) -> Traffic:
        return Traffic(self.build / "tests/steady_traffic", self, is_filtered)

    def install(self, which: str) -> str:
        """apt, with what the cache has fetched and no network."""
        shutil.rmtree(self.machine.path("/packages"), ignore_errors=True)
        with (self.cache / "debs/lock").open("wb") as lock:  # of tests/package/build
            fcntl.flock(lock, fcntl.LOCK_SH)
            shutil.copytree(self.cache / "debs" / which, self.machine.path("/packages"))
        packages = sorted(f"/packages/{path.name}" for path in self.machine.path("/packages").iterdir())
        return self.machine.run("apt-get", "-q", "-y", "--no-install-recommends", "install", *packages)

    def programs(self) -> dict[str, int]:
        return {device: json.loads(run("ip", "-j", "link", "show", device))[0].get("xdp", {}).get("prog", {}).get("id", 0)
                for device in _DEVICES}

    def test_from_the_first_installation_to_the_purge(self) -> None:
        for step in (self.first_installation, self.policy_in_force, self.readers_and_outsiders, self.scripts_run_twice,
                     self.upgrade_under_traffic, self.removal, self.second_installation, self.purge):
            begun = time.monotonic()
            step()
            print(f"figure: {step.__name__.replace('_', ' ')}: {time.monotonic() - begun:.1f} s", flush=True)

    def first_installation(self) -> None:
        said = self.install("previous")
        self.assertIn("nothing is filtered until a policy is applied: portmatrix apply POLICY --confirm 60s", said)
        self.assertIn("portmatrix:x:", self.machine.path("/etc/passwd").read_text(encoding="utf-8"))
        self.assertIn("portmatrix-admin:x:", self.machine.path("/etc/group").read_text(encoding="utf-8"))
        self.assertTrue(self.machine.path("/etc/systemd/system/sysinit.target.wants/portmatrixd.service").is_symlink())
        self.assertEqual(self.machine.run("portmatrixd", "--version").strip(), "portmatrixd version 0.1.0~previous")
        for policy in ("lync-2013-edge/common", "examples/web-server"):
            self.assertTrue(self.machine.path(f"/usr/share/portmatrix/policies/{policy}").is_dir(), policy)
        shipped = "/usr/share/portmatrix/policies/"
        self.machine.run("portmatrix", "check", shipped + "lync-2013-edge/common", shipped + "lync-2013-edge/profiles/full")
        self.libraries_on_demand()
        # The first start, with no policy anywhere, waits for one.
        self.service.start()
        self.assertIn("no policy was applied yet", self.machine.ask("portmatrix", "status").stdout)
        with self.traffic(is_filtered=False):
            time.sleep(0.2)

    def libraries_on_demand(self) -> None:
        """What the command loads by itself is there, though no tool saw that it needs it."""
        self.machine.path("/srv/ports.html").write_text(
            "<table><tr><th>Port<th>Source<th>Destination<tr><td>TCP/443<td>Any<td>Web host</table>", encoding="utf-8")
        self.assertIn("ports: 443", self.machine.run("portmatrix", "import", "/srv/ports.html"))
        self.machine.path("/srv/empty.pcap").write_bytes(b"no capture")
        self.assertIn("read capture /srv/empty.pcap: unknown file format",
                      self.machine.ask("portmatrix", "replay", "/srv/empty.pcap").stdout)

    def policy_in_force(self) -> None:
        self.machine.path("/etc/portmatrix/policy/edge.yaml").write_text(_POLICY + _INSIDE, encoding="utf-8")
        self.service.stop()
        file = self.machine.path("/etc/default/portmatrixd")
        file.write_text(file.read_text(encoding="utf-8").replace('policy"\n', 'policy --node edge"\n'), encoding="utf-8")
        self.service.start()
        self.machine.run("portmatrix", "apply", "/etc/portmatrix/policy")
        with self.traffic():
            time.sleep(0.5)
        status = self.service.status()
        self.assertEqual(status["CapEff"], "000000c000001000")
        self.assertEqual(status["CapBnd"], "000000c000001000")
        self.assertNotEqual(status["Uid"].split()[0], "0")
        for path, mode in (("/sys/fs/bpf", "0711 root root"), ("/sys/fs/bpf/portmatrix", "0750 portmatrix portmatrix"),
                           (_PINS + "/maps", "0750 portmatrix portmatrix"),
                           (_PINS + "/maps/rule_counters", "0640 portmatrix portmatrix"),
                           (_PINS + "/maps/control", "0640 portmatrix portmatrix"),
                           (_PINS + "/maps/flows", "0600 portmatrix portmatrix"),
                           (_PINS + "/programs/xdp", "0600 portmatrix portmatrix"),
                           (_PINS + "/links/xdp/tap0", "0600 portmatrix portmatrix"),
                           ("/var/lib/portmatrix", "0700 portmatrix portmatrix"),
                           ("/run/portmatrix", "0755 portmatrix portmatrix"),
                           ("/run/portmatrix/control.sock", "0666 portmatrix portmatrix")):
            self.assertEqual(self.machine.mode(path), mode, path)

    def readers_and_outsiders(self) -> None:
        for user, group in (("reader", "portmatrix"), ("changer", "portmatrix-admin"), ("outsider", "users")):
            self.machine.run("useradd", "--groups", group, user)
        # Who reads counters (pins), asks the agent, and changes policy: exit codes.
        for user, counters, history, apply in (("reader", 0, 0, 4), ("changer", 4, 0, 0), ("outsider", 4, 4, 4)):
            for command, wanted in ((("counters",), counters), (("history",), history),
                                    (("apply", "--dry-run", "/etc/portmatrix/policy"), apply)):
                done = self.machine.ask("setpriv", "--reuid", user, "--regid", user, "--init-groups", "--no-new-privs",
                                        "portmatrix", *command)
                self.assertEqual(done.returncode, wanted, f"{user}: {command[0]}\n{done.stdout}")

    def scripts_run_twice(self) -> None:
        """What dpkg does again after a failure half-way."""
        before = self.machine.path("/etc/passwd").read_text(encoding="utf-8")
        script = "/var/lib/dpkg/info/portmatrixd."
        for _ in range(2):
            for line in (("postinst", "configure", ""), ("postinst", "configure", "0.0.1"), ("prerm", "upgrade", "0.1.0"),
                         ("postrm", "upgrade", "0.1.0"), ("postinst", "abort-upgrade", "0.1.0")):
                self.machine.run(script + line[0], *line[1:])
        self.assertEqual(self.machine.path("/etc/passwd").read_text(encoding="utf-8"), before)

    def upgrade_under_traffic(self) -> None:
        before = self.programs()
        with self.traffic():
            self.install("new")
            # What postinst asks systemd for; here there is none.
            self.service.stop()
            self.service.start()
            time.sleep(0.5)
        self.assertEqual(self.machine.run("portmatrixd", "--version").strip(), "portmatrixd version 0.1.0")
        after = self.programs()
        self.assertTrue(all(after.values()) and not set(after.values()) & set(before.values()),
                        f"programs before {before}, after {after}: an upgrade exchanges them")
        self.assertIn("--node edge", self.machine.path("/etc/default/portmatrixd").read_text(encoding="utf-8"))

    def removal(self) -> None:
        with self.traffic():
            self.service.stop()  # as prerm does where systemd runs
            said = self.machine.run("apt-get", "-q", "-y", "remove", "portmatrixd", "portmatrix")
        self.assertIn("portmatrixd: the agent goes, BUT THE KERNEL GOES ON FILTERING: tap0 tap1\n"
                      "The policy in force stays in force, and nobody can change it, until\n"
                      "    portmatrix detach --yes         while that command is installed, or\n"
                      "    dpkg --purge portmatrixd        which detaches too, or\n"
                      "    the machine restarts            which leaves it without any filter.\n", said)
        self.assertFalse(self.machine.path("/usr/sbin/portmatrixd").exists())
        with self.traffic():
            time.sleep(0.2)

    def second_installation(self) -> None:
        before = self.programs()
        with self.traffic():
            self.install("new")
            self.service.start()
        self.assertEqual(self.programs(), before)
        self.service.stop()

    def purge(self) -> None:
        said = self.machine.run("apt-get", "-q", "-y", "purge", "portmatrixd", "portmatrix", "portmatrix-doc")
        self.assertIn("portmatrixd: detached: no device is filtered any more", said)
        self.assertEqual(self.programs(), {device: 0 for device in _DEVICES})
        with self.traffic(is_filtered=False):
            time.sleep(0.2)
        left = [path for path in ("/sys/fs/bpf/portmatrix", "/var/lib/portmatrix", "/etc/default/portmatrixd",
                                  "/etc/systemd/system/sysinit.target.wants/portmatrixd.service", "/usr/share/portmatrix")
                if os.path.lexists(self.machine.path(path))]
        self.assertEqual(left, [])
        # Somebody wrote it: it is theirs.
        self.assertTrue(self.machine.path("/etc/portmatrix/policy/edge.yaml").exists())
        self.assertEqual(self.machine.ask("dpkg", "--purge", "portmatrixd").returncode, 0, "a second time")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=_ROOT / "build")
    arguments, rest = parser.parse_known_args()
    PackagesTest.build = arguments.build.resolve()
    PackagesTest.cache = PackagesTest.build / "package"
    for reason, missing in (("needs root", os.geteuid() != 0), ("needs /dev/net/tun", not os.path.exists("/dev/net/tun")),
                            ("no clean Debian: tests/package/base makes one", not (PackagesTest.cache / "base").is_dir()),
                            ("no packages: tests/package/build makes them", not (PackagesTest.cache / "debs").is_dir())):
        if missing:
            print(f"install_test.py: {reason}")
            sys.exit(_SKIPPED)
    clean_machine.enter()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
