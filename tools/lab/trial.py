# SPDX-License-Identifier: Apache-2.0
"""One row on one node in one family: its conversations and its neighbours together, then the kernel's counters against what
they must have cost."""

import contextlib
import dataclasses

from clients import Clients, Cost, settle
from counters import Expected
from flows import conversations, neighbours
from matrix import Node, Row

# Well before TCP repeats the first packet of a probe.
_SETTLE_SECONDS = 0.6


@dataclasses.dataclass
class Trial:
    """What was tried and what came of it."""
    row: Row
    node: Node
    family: int
    tried: int = 0
    allowed: int = 0
    probed: int = 0
    refused: int = 0
    # What the kernel counted: for the row's rule, and dropped by default.
    packets: int = 0
    replies: int = 0
    dropped: int = 0
    differences: list[str] = dataclasses.field(default_factory=list)


def try_row(profile: str, row: Row, node: Node, family: int, clients: Clients, firewall) -> Trial:
    trial = Trial(row, node, family)
    before = firewall.counters()
    cost = Cost()
    for flow in conversations(profile, row, node, family):
        trial.tried += 1
        spent, wrong = clients.converse(flow)
        cost.add(spent)
        if wrong:
            trial.differences.append(f"{flow}: {wrong}")
        else:
            trial.allowed += 1
    with contextlib.ExitStack() as opened:
        probes = [opened.enter_context(clients.probe(flow)) for flow in neighbours(profile, row, node, family)]
        differences = _count(trial, cost, probes, before, firewall)
        differences += [f"{probe.flow}: got through" for probe in probes if probe.arrived]
    trial.differences += [f"{row.rule} on {node.name} IPv{family}: {text}" for text in differences]
    return trial


def _count(trial: Trial, cost: Cost, probes, before, firewall) -> list[str]:
    """What the counters say against the cost, once they agree or will not. A probe is refused if it has not arrived and its
    packet was counted as dropped."""
    found = []

    def agree() -> bool:
        after = firewall.counters()
        expected = Expected()
        expected.credit(trial.row, cost)
        for probe in probes:
            expected.drops[probe.flow.side, probe.flow.direction] += probe.packets
        found[:] = expected.differences(before, after)
        grown, drops = after.growth(before, trial.row), after.drops(before)
        trial.packets, trial.replies, trial.dropped = grown.packets, grown.replies, drops.total()
        uncounted = (expected.drops - drops).total()
        trial.probed = len(probes)
        trial.refused = max(0, sum(not probe.arrived for probe in probes) - uncounted)
        return not found

    settle(agree, _SETTLE_SECONDS)
    return found
