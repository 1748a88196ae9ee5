# SPDX-License-Identifier: Apache-2.0
"""Contestants on the receiving end of a veth pair: each drops or accepts frames by the same rules, in a way of its own."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import policies

DEVICE, SENDER = "pmbr", "pmbs"
_RULES_AS_SHIPPED = 16_384  # two generations of these fit
_START_SECONDS = 120


class Lab:
    """Two namespaces and a veth pair between them, named after this process."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path):
        self.build, self.folder = build, folder
        self.receiver, self.sender = (f"pm-bench-{os.getpid()}-{end}" for end in ("r", "s"))

    def __enter__(self):
        run("ip", "netns", "add", self.receiver)
        run("ip", "netns", "add", self.sender)
        run("ip", "-n", self.sender, "link", "add", SENDER, "type", "veth", "peer", "name", DEVICE, "netns", self.receiver)
        run("ip", "-n", self.receiver, "link", "set", DEVICE, "address", "02:00:00:00:00:00")
        for name, device in ((self.receiver, DEVICE), (self.sender, SENDER)):
            self.inside(name, "ethtool", "-K", device, "gro", "on")  # without it a veth takes no frames from XDP
            run("ip", "-n", name, "link", "set", device, "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        for name in (self.receiver, self.sender):
            subprocess.run(("ip", "netns", "del", name), check=False)

    def command(self, name: str, *words) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{name}", *map(str, words)]

    def inside(self, name: str, *words, text: str | None = None, check: bool = True) -> subprocess.CompletedProcess:
        return subprocess.run(self.command(name, *words), input=text, text=True, capture_output=True, check=check)

    def send(self, packets: int, policy: pathlib.Path) -> tuple[float, int]:
        """Packets a second that the receiver took, and how many it did not take."""
        before = self._received()
        done = self.inside(self.sender, self.build / "bin" / "live_frames", SENDER, packets, "bench", policy)
        said = json.loads(done.stdout)
        received = self._received() - before
        return received / said["seconds"], packets - received

    def _received(self) -> int:
        links = json.loads(self.inside(self.receiver, "ip", "-s", "-j", "link", "show", "dev", DEVICE).stdout)
        return links[0]["stats64"]["rx"]["packets"]


def run(*words) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)


class Contestant:
    """`start` puts rules in force, `stop` takes them away. `name` stands in the tables."""

    def __init__(self, lab: Lab, rules: list[policies.Rule], policy: pathlib.Path):
        self.lab, self.rules, self.policy = lab, rules, policy


class EmptyDrop(Contestant):
    """An XDP program that drops everything: what no filter can be faster than."""
    name = "empty XDP drop"

    def start(self) -> None:
        run("ip", "-n", self.lab.receiver, "link", "set", DEVICE, "xdpdrv", "object",
            self.lab.build / "tests" / "bench" / "draw.bpf.o", "program", "empty_xdp")

    def stop(self) -> None:
        run("ip", "-n", self.lab.receiver, "link", "set", DEVICE, "xdpdrv", "off")


class Portmatrix(Contestant):
    """The whole product, as its daemon attaches it."""
    name = "portmatrix"

    def start(self) -> None:
        self._own = self.lab.folder / "agent"
        shutil.rmtree(self._own, ignore_errors=True)
        self._own.mkdir()
        self._pins = pathlib.Path("/sys/fs/bpf") / self.lab.receiver
        words = ("--pin_root", self._pins, "--socket", self._own / "socket")
        self._agent = subprocess.Popen(
            self.lab.command(self.lab.receiver, self.lab.build / "bin" / "portmatrixd", "--policy", self.policy, "--node", "bench",
                             "--state_dir", self._own / "state", *self._room(), *words),
            stdout=subprocess.DEVNULL, stderr=(self._own / "log").open("w"))
        self._words = words
        deadline = time.monotonic() + _START_SECONDS
        while self._command("status").returncode:
            if time.monotonic() > deadline or self._agent.poll() is not None:
                raise SystemExit(f"portmatrixd does not protect:\n{(self._own / 'log').read_text()[-800:]}")
            time.sleep(.1)

    def _room(self) -> tuple[str, ...]:
        """More counters than the agent has by itself, where the policy needs them."""
        return ("--max_rules", str(2 * len(self.rules))) if len(self.rules) > _RULES_AS_SHIPPED else ()

    def memory(self) -> dict[str, int]:
        """Bytes: what the kernel holds for tables and for all maps, and what the agent holds now and has held at most."""
        held = {}
        for pin in (self._pins / "maps").iterdir():
            shown = subprocess.run(("bpftool", "--json", "map", "show", "pinned", pin), capture_output=True, text=True, check=True)
            described = json.loads(shown.stdout)
            held[described["id"]] = (pin.name, described["bytes_memlock"])  # generations share maps
        status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self._agent.pid}/status").read_text(encoding="ascii").splitlines())
        resident, peak = (1024 * int(status[key].split()[0]) for key in ("VmRSS", "VmHWM"))
        return {"tables": sum(size for name, size in held.values() if name.startswith("slot-") or name == "fronts"),
                "maps": sum(size for _, size in held.values()), "agent": resident, "agent_peak": peak}

    def _command(self, *words) -> subprocess.CompletedProcess:
        return self.lab.inside(self.lab.receiver, self.lab.build / "bin" / "portmatrix", *self._words, *words, check=False)

    def stop(self) -> None:
        self._command("detach", "--yes")
        self._agent.terminate()
        self._agent.wait()


class _Nftables(Contestant):
    def _load(self, text: str) -> None:
        done = self.lab.inside(self.lab.receiver, "nft", "-f", "-", text=text, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[0])

    def stop(self) -> None:
        self.lab.inside(self.lab.receiver, "nft", "flush", "ruleset")


class NftablesLinear(_Nftables):
    """netdev ingress, one rule after the other, a counter in each."""
    name = "nftables, linear"

    def start(self) -> None:
        self._load(policies.nft_rules(self.rules, 4, DEVICE))


class NftablesMap(_Nftables):
    """netdev ingress, one concatenated interval map, a counter in each element."""
    name = "nftables, interval map"

    def start(self) -> None:
        self._load(policies.nft_map(self.rules, 4, DEVICE))


class Iptables(Contestant):
    """INPUT of iptables-legacy, behind the host's routing."""
    name = "iptables-legacy"

    def start(self) -> None:
        for setting in ("all", "default", DEVICE):
            self.lab.inside(self.lab.receiver, "sysctl", "-qw", f"net.ipv4.conf.{setting}.rp_filter=0")
        self.lab.inside(self.lab.receiver, "ip", "route", "replace", "local", policies.LOCAL[4], "dev", "lo")
        self.lab.inside(self.lab.receiver, "ip", "route", "replace", "default", "dev", DEVICE)
        self.lab.inside(self.lab.receiver, "iptables-legacy-restore", text=policies.iptables_rules(self.rules))

    def stop(self) -> None:
        self.lab.inside(self.lab.receiver, "iptables-legacy", "-F", "INPUT")
        self.lab.inside(self.lab.receiver, "iptables-legacy", "-P", "INPUT", "ACCEPT")
        self.lab.inside(self.lab.receiver, "ip", "route", "del", "local", policies.LOCAL[4], "dev", "lo")


class XdpFilter(Contestant):
    """Destination addresses alone, all it can do with hosts: no services, no prefixes, no counter of a rule."""
    name = "xdp-filter, hosts only"

    def start(self) -> None:
        done = self.lab.inside(self.lab.receiver, "xdp-filter", "load", DEVICE, "-m", "native", "-p", "allow", "-f", "ipv4", check=False)
        if done.returncode:
            raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[0])
        for host in sorted({str(rule.destination.network_address) for rule in self.rules}):
            self.lab.inside(self.lab.receiver, "xdp-filter", "ip", host, "-m", "dst")

    def stop(self) -> None:
        self.lab.inside(self.lab.receiver, "xdp-filter", "unload", DEVICE, check=False)


ALL = (EmptyDrop, Portmatrix, NftablesMap, NftablesLinear, Iptables, XdpFilter)
