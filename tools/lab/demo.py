#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Drives all 37 rows of the Lync 2013 Edge port matrix through two nodes with real sockets, in IPv4 and IPv6, and holds the
kernel's counters against what TCP and the sockets say was sent. README.md has the drawing and the order of steps."""

import argparse
import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from clients import Clients, settle
from echo_server import EchoServer
from failsafe import failsafe_flows, try_failsafe
from firewall import Firewall, FirewallError, end
from flows import Flow, conversations, neighbours
from live_change import change_under_traffic, flows_across
from matrix import DRIVEN, FAMILIES, NODES, ROWS
from namespaces import Lab
from report import Report
from trial import try_row

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_POLICY = _ROOT / "policies" / "lync-2013-edge"
_BPFFS = pathlib.Path("/sys/fs/bpf")
_OPEN_FILES = 16384
_CONTROL_SECONDS = 5.0


class Demo:
    """One run, with everything that it makes and removes. Names, pins and files are its own: those of `name`."""

    def __init__(self, name: str, build: pathlib.Path, report: Report):
        self._name = name
        self._build = build
        self._report = report
        self.lab = Lab(name)
        self.pins = _BPFFS / f"portmatrix-{name}"
        self.state = None
        self.firewalls = {}

    def run(self) -> None:
        report = self._report
        report.phase("lab")
        self._make()
        plan = _plan()
        server = EchoServer(self.lab, plan.allowed + plan.refused + flows_across() +
                            [flow for node in NODES for pair in failsafe_flows(node) for flow in pair])
        try:
            clients = Clients(self.lab, server)
            self._control(plan, clients)
            self._protect()
            self._drive("full", clients)
            self._change(clients, server)
            self._drive("functions", clients)
            self._last_look(clients)
            report.differences += [f"echo server: {failure}" for failure in server.failures]
        finally:
            server.close()

    def clean(self) -> None:
        """Removes what this run made, and what an earlier run of the same name left."""
        for firewall in self.firewalls.values():
            firewall.stop()
        end([pid for pid in self.lab.processes() if _is_agent(pid)])
        for name, firewall in self.firewalls.items():
            try:
                firewall.detach()
            except FirewallError as error:
                self._report.differences.append(f"{name}: {error}")
        self.lab.remove()
        shutil.rmtree(self.pins, ignore_errors=True)
        for left in pathlib.Path(tempfile.gettempdir()).glob(f"portmatrix-{self._name}-*"):
            if left.is_dir() and not left.is_symlink() and left.stat().st_uid == os.geteuid():
                shutil.rmtree(left, ignore_errors=True)
        self.firewalls = {}

    def hint(self) -> None:
        """What to do with a lab that stays."""
        command, first = self._build / "bin" / "portmatrix", NODES[0]
        firewall = self.firewalls[first.name]
        address = first.services["access"][4]
        print(f"""
The lab stays, both nodes under profile `functions`. In one terminal:
  {command} --pin_root {firewall.pin_root} top
  {command} --socket {firewall.socket} events
In another (an open port with nobody behind it answers "refused" at once; a closed one is silent):
  nsenter --net=/run/netns/{self.lab.namespace("external")} timeout 2 bash -c '</dev/tcp/{address}/5269'   # xmpp-01
  nsenter --net=/run/netns/{self.lab.namespace("external")} timeout 2 bash -c '</dev/tcp/{address}/5270'   # no row
  {command} --socket {firewall.socket} apply {_POLICY}/common {_POLICY}/profiles/full
The end:
  tools/demo --clean{'' if self._name == 'demo' else f' --name {self._name}'}""")

    def _make(self) -> None:
        begun = time.monotonic()
        self.clean()
        self.lab.build()
        self.state = pathlib.Path(tempfile.mkdtemp(prefix=f"portmatrix-{self._name}-"))
        self.firewalls = {node.name: Firewall(self.lab, node.name, self._build, self.pins, self.state) for node in NODES}
        places = ", ".join(self.lab.namespace(place) for place in self.lab.places())
        self._report.step(f"namespaces {places}: {time.monotonic() - begun:.1f} s", [])

    def _control(self, plan: "_Plan", clients: Clients) -> None:
        """Without a firewall every probe must arrive; else its refusal would prove nothing."""
        with contextlib.ExitStack() as opened:
            probes = [opened.enter_context(clients.probe(flow)) for flow in plan.refused]
            settle(lambda: all(probe.arrived for probe in probes), _CONTROL_SECONDS)
            lost = [f"without a firewall: {probe.flow}: does not arrive" for probe in probes if not probe.arrived]
        self._report.step(f"no firewall yet: {len(probes) - len(lost):,} of {len(probes):,} forbidden first packets arrive", lost)

    def _protect(self) -> None:
        self._report.phase("profile full")
        begun = time.monotonic()
        for firewall in self.firewalls.values():
            firewall.start(_policy("full"))
        for name, firewall in self.firewalls.items():
            first = firewall.wait()
            self._report.step(f"{name} judges by generation {first.generation}, {len(first.rules)} rules: "
                              f"{time.monotonic() - begun:.1f} s", [])

    def _drive(self, profile: str, clients: Clients) -> None:
        for row in ROWS:
            if row.matrix in DRIVEN[profile]:
                self._report.row(row, [try_row(profile, row, node, family, clients, self.firewalls[node.name])
                                       for node in NODES for family in FAMILIES])

    def _change(self, clients: Clients, server: EchoServer) -> None:
        self._report.phase("profile functions, live")
        change = change_under_traffic(self.firewalls, _policy("functions"), clients, server)
        took = ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in change.seconds.items())
        self._report.step(f"apply under traffic: {took}; generation {change.before} to {change.after}; {change.messages:,} "
                          f"messages on {change.kept} flows went on, {change.stopped} flows stopped", change.differences)
        if not change.applied:
            raise FirewallError("without the profile `functions` its rows cannot be driven")

    def _last_look(self, clients: Clients) -> None:
        self._report.phase("beside the rows")
        for node in NODES:
            self._report.step(f"{node.name}: SSH passes for administrators alone, as failsafe",
                              try_failsafe(node, clients, self.firewalls[node.name]))
        for name, firewall in self.firewalls.items():
            found = []

            def adds_up() -> bool:
                found[:] = firewall.counters().unaccounted()
                return not found

            settle(adds_up, 2.0)
            seen = sum(packets for packets, _ in firewall.counters().seen.values())
            self._report.step(f"{name}: {seen:,} packets seen, each counted in exactly one place",
                              [f"{name}: {text}" for text in found])


@dataclasses.dataclass
class _Plan:
    """Every flow that is tried for the rows."""
    allowed: list[Flow] = dataclasses.field(default_factory=list)
    refused: list[Flow] = dataclasses.field(default_factory=list)


def _plan() -> _Plan:
    plan = _Plan()
    for profile, matrices in DRIVEN.items():
        for row in ROWS:
            if row.matrix in matrices:
                for node in NODES:
                    for family in FAMILIES:
                        plan.allowed += conversations(profile, row, node, family)
                        plan.refused += neighbours(profile, row, node, family)
    return plan


def _policy(profile: str) -> list[pathlib.Path]:
    return [_POLICY / "common", _POLICY / "profiles" / profile]


def _is_agent(pid: int) -> bool:
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")).startswith("portmatrixd")
    except OSError:
        return False


@contextlib.contextmanager
def _alone(name: str, report: Report):
    """Two runs of one name take turns."""
    with open(f"/run/portmatrix-{name}.lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report.say(f"another run named {name} is under way; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/demo", description="All 37 rows of the Lync 2013 Edge port matrix, for real.")
    parser.add_argument("--build", type=pathlib.Path, default=_ROOT / "build", metavar="DIR", help="where bin/portmatrixd is")
    parser.add_argument("--keep", action="store_true", help="leave the lab and both agents, and say what to try next")
    parser.add_argument("--clean", action="store_true", help="only remove a lab that was left")
    parser.add_argument("--quiet", action="store_true", help="differences and the closing line only")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="the result for a machine")
    parser.add_argument("--name", default="demo", help="of the namespaces and pins, for several labs on one host (demo)")
    return parser.parse_args()


def _prepare(build: pathlib.Path) -> str:
    """What a run needs of the machine; says what is missing."""
    for program in ("portmatrix", "portmatrixd"):
        if not os.access(build / "bin" / program, os.X_OK):
            return f"no {build / 'bin' / program}: tools/build makes it"
    if not os.path.ismount(_BPFFS):
        subprocess.run(["mount", "-t", "bpf", "bpf", str(_BPFFS)], check=True)
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, _OPEN_FILES) if limit > 0 else _OPEN_FILES, limit))
    return ""


def _stop(number, _frame) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    arguments = _arguments()
    missing = "needs root: namespaces and BPF programs" if os.geteuid() else ""
    if not missing and not arguments.clean:
        missing = _prepare(arguments.build)
    if missing:
        print(f"tools/demo: {missing}", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    report = Report(arguments.quiet)
    demo = Demo(arguments.name, arguments.build.resolve(), report)
    with _alone(arguments.name, report):
        if arguments.clean:
            demo.clean()
            return 0
        kept = False
        try:
            demo.run()
            kept = arguments.keep
        except (FirewallError, OSError) as error:
            report.differences.append(str(error))
        finally:
            # A second Ctrl-C must not leave half of it.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            if not kept:
                demo.clean()
            if sys.exc_info()[0] is SystemExit:
                print("tools/demo: interrupted; everything is removed", file=sys.stderr)
        report.table()
        if kept:
            demo.hint()
        good = report.close()
        if arguments.json:
            arguments.json.write_text(json.dumps(report.values(), indent=1) + "\n", encoding="utf-8")
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
