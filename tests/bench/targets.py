# SPDX-License-Identifier: Apache-2.0
"""What was aimed at, beside what was measured."""

import peers

_COST = {4: {30: 30, 1_000: 40, 10_000: 80, 100_000: 200}, 6: {30: 35, 1_000: 50, 10_000: 100, 100_000: 250}}  # ns a packet, net
_TIMES_LINEAR = {30: 8, 1_000: 140, 10_000: 500}
_TIMES_MAP = {30: 3, 1_000: 7}
_OF_EMPTY = {30: .6}
_PREFIXES = (1_000_000, 60)  # so many may cost so many ns more
_MEMORY = {100_000: 100e6}


def compare(result: dict) -> list[str]:
    """One line a target: what, aim, measured, reached or not."""
    lines = []

    def line(what: str, aim: float, measured: float, below: bool, unit: str) -> None:
        reached = measured <= aim if below else measured >= aim
        lines.append(f"{what:<58}{'below' if below else 'above':>6} {aim:6g} {unit:<3} measured {measured:8.1f}  {'reached' if reached else 'NOT reached'}")

    for figure in result.get("cost", []):
        aim = _COST[figure["family"]].get(figure["rules"])
        if figure["style"] == "acl" and figure["kind"] == "in allowed" and figure["threads"] == 1 and aim:
            line(f"IPv{figure['family']}, {figure['rules']:,} rules", aim, figure["net_ns"], True, "ns")
    least = {}
    for figure in result.get("prefixes", []):
        packets = (figure["family"], figure["kind"])
        by_count = least.setdefault(packets, {})
        by_count[figure["prefixes"]] = min(figure["least"], by_count.get(figure["prefixes"], figure["least"]))
    for (family, kind), by_count in sorted(least.items()):
        if len(by_count) == 2:
            line(f"IPv{family} {kind}, {_PREFIXES[0]:,} prefixes more, quickest", _PREFIXES[1], by_count[_PREFIXES[0]] - by_count[min(by_count)], True, "ns")
    for figure in result.get("rate", []):
        rules = figure["rules"]
        if figure["contestant"] == peers.NftablesLinear.name and rules in _TIMES_LINEAR:
            line(f"against {figure['contestant']}, {rules:,} rules", _TIMES_LINEAR[rules], figure["ours_to_it"], False, "x")
        if figure["contestant"] == peers.NftablesMap.name and rules in _TIMES_MAP:
            line(f"against {figure['contestant']}, {rules:,} rules", _TIMES_MAP[rules], figure["ours_to_it"], False, "x")
        if figure["contestant"] == peers.Portmatrix.name and rules in _OF_EMPTY:
            line(f"rate of the empty program, {rules} rules", 100 * _OF_EMPTY[rules], 100 * figure["of_empty"], False, "%")
    for figure in result.get("memory", []):
        if figure["rules"] in _MEMORY:
            line(f"memory of tables and agent, {figure['rules']:,} rules", _MEMORY[figure["rules"]] / 1e6,
                 (figure["tables"] + figure["agent"]) / 1e6, True, "MB")
    return lines
