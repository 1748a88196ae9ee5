# SPDX-License-Identifier: Apache-2.0
"""The order of it all: a lab, two agents, every row, a change of profile under traffic, agents killed, and everything removed."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
import time

from clients import Clients, settle
from counters import Expected
from echo_server import EchoServer
from failsafe import failsafe_flows, try_failsafe
from firewall import Firewall, FirewallError, end
from flows import Flow, conversations, neighbours
from live_change import change_under_traffic, flows_across
from matrix import DRIVEN, FAMILIES, NODES, ROWS
from namespaces import Lab
from report import Report
from trial import try_row

ROOT = pathlib.Path(__file__).resolve().parents[2]
_POLICY = ROOT / "policies" / "lync-2013-edge"
_BPFFS = pathlib.Path("/sys/fs/bpf")
_CONTROL_SECONDS = 5.0


class Demonstration:
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
            self._drive("full", DRIVEN["full"], clients)
            self._change(clients, server)
            self._drive("functions", ("federation",), clients)
            self._without_agents(clients)
            self._drive("functions", ("xmpp",), clients)
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
            hooks, inexact = firewall.hooks()
            self._report.step(f"{name} judges by generation {first.generation}, {len(first.rules)} rules, on {hooks}: "
                              f"{time.monotonic() - begun:.1f} s", inexact)

    def _drive(self, profile: str, matrices, clients: Clients) -> None:
        for row in ROWS:
            if row.matrix in matrices:
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

    def _without_agents(self, clients: Clients) -> None:
        """The rows of public-im with both agents killed; then they come back to what they left."""
        self._report.phase("agents killed: the kernel goes on")
        for firewall in self.firewalls.values():
            firewall.kill()
        self._drive("functions", ("public-im",), clients)
        self._report.phase("agents back")
        left = {name: firewall.counters() for name, firewall in self.firewalls.items()}
        # With the policy that they were first started with: what is in force must win.
        for firewall in self.firewalls.values():
            firewall.start(_policy("full"))
        for name, firewall in self.firewalls.items():
            found = firewall.wait()
            differences = [f"{name}: while the agent came back: {text}" for text in Expected().differences(left[name], found)]
            if found.generation != left[name].generation:
                differences.append(f"{name}: generation {left[name].generation} became {found.generation}")
            self._report.step(f"{name} goes on with generation {found.generation}, every counter as it was", differences)

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
            firewall.check_alive()
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
