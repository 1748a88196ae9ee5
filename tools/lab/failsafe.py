# SPDX-License-Identifier: Apache-2.0
"""The way in that no rule gives and no rule takes: SSH for administrators on the external side, and for nobody else."""

from clients import Clients, settle
from counters import Expected
from flows import Flow
from matrix import ADMINISTRATOR, ANYONE, FAMILIES, Node

_SSH = 22
_SETTLE_SECONDS = 0.6


def failsafe_flows(node: Node) -> list[tuple[Flow, Flow]]:
    """An administrator's flow and a stranger's, for each family."""
    return [(Flow(node.name, "external", "in", ADMINISTRATOR[family], node.services["access"][family], "tcp", _SSH),
             Flow(node.name, "external", "in", ANYONE["external"][family], node.services["access"][family], "tcp", _SSH))
            for family in FAMILIES]


def try_failsafe(node: Node, clients: Clients, firewall) -> list[str]:
    """What is wrong with it, in the conversations and in the counters."""
    differences = []
    for administrator, stranger in failsafe_flows(node):
        found = []
        before = firewall.counters()
        cost, wrong = clients.converse(administrator)
        with clients.probe(stranger) as probe:

            def agree() -> bool:
                expected = Expected()
                expected.passes["external", "in", "failsafe"] = cost.packets
                expected.passes["external", "out", "failsafe"] = cost.replies
                expected.drops["external", "in"] = probe.packets
                found[:] = expected.differences(before, firewall.counters())
                return not found

            settle(agree, _SETTLE_SECONDS)
            if wrong:
                found.append(f"{administrator}: {wrong}")
            if probe.arrived:
                found.append(f"{stranger}: got through")
        differences += [f"failsafe of {node.name}: {text}" for text in found]
    return differences
