# SPDX-License-Identifier: Apache-2.0
"""Packets a second through a veth pair, dropped and accepted by the same rules in each contestant's way; and what policies weigh."""

import pathlib
import shutil
import statistics
import subprocess

import peers
import policies

_SLOW_PACKETS = 400_000  # through a linear chain of up to 100 rules; fewer through longer ones
_FEWEST_PACKETS = 2_000
_PACKETS = 1_000_000
_LARGEST_OF_PEERS = {peers.NftablesLinear: 10_000, peers.Iptables: 10_000, peers.XdpFilter: 1_000}


def by_size(build: pathlib.Path, sizes: list[int], rounds: int, folder: pathlib.Path) -> list[dict]:
    """Each contestant at each size: rounds of a flood, and the median."""
    figures = []
    with peers.Lab(build, folder) as lab:
        for size in sizes:
            policy = folder / f"exact-{size}"
            rules = policies.generate("exact", 4, size, denies=1)
            policies.write_policy(rules, 4, policy, peers.DEVICE)
            at_size = [figure for kind in peers.ALL if size <= _LARGEST_OF_PEERS.get(kind, size)
                       if (figure := _flood(kind(lab, rules, policy), size, rounds))]
            _print(size, at_size)
            figures += at_size
            shutil.rmtree(policy)
    return figures


def _flood(contestant: peers.Contestant, size: int, rounds: int) -> dict | None:
    slow = isinstance(contestant, (peers.NftablesLinear, peers.Iptables))
    packets = max(_FEWEST_PACKETS, _SLOW_PACKETS // max(1, size // 100)) if slow else _PACKETS
    try:
        contestant.start()
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        print(f"{contestant.name}, {size} rules: not measured: {(getattr(error, 'stderr', None) or str(error)).strip()}")
        return None
    try:
        runs = [contestant.lab.send(packets, contestant.policy) for _ in range(rounds)]
    finally:
        contestant.stop()
    rates = [taken for taken, _ in runs]
    return {"contestant": contestant.name, "rules": size, "rate": statistics.median(rates), "least": min(rates), "most": max(rates),
            "untaken": sum(lost for _, lost in runs)}


def _print(size: int, figures: list[dict]) -> None:
    rates = {figure["contestant"]: figure["rate"] for figure in figures}
    empty, ours = rates[peers.EmptyDrop.name], rates[peers.Portmatrix.name]
    for figure in figures:
        figure["of_empty"], figure["ours_to_it"] = figure["rate"] / empty, ours / figure["rate"]
        print(f"{size:>7} rules  {figure['contestant']:<24}{figure['rate'] / 1e6:9.4f} Mpps ({figure['least'] / 1e6:.4f} to "
              f"{figure['most'] / 1e6:.4f})  {100 * figure['of_empty']:6.1f} % of the empty program, portmatrix {figure['ours_to_it']:8.2f} x",
              flush=True)


def memory(build: pathlib.Path, sizes: list[int], folder: pathlib.Path) -> list[dict]:
    """What the kernel and the agent hold for policies of each size."""
    figures = []
    with peers.Lab(build, folder) as lab:
        for size in sizes:
            policy = folder / f"acl-{size}"
            rules = policies.generate("acl", 4, size)
            policies.write_policy(rules, 4, policy, peers.DEVICE)
            contestant = peers.Portmatrix(lab, rules, policy)
            contestant.start()
            try:
                held = contestant.memory()
            finally:
                contestant.stop()
            figures.append({"rules": size, **held})
            print(f"{size:>7} rules  tables {held['tables'] / 1e6:7.1f} MB, all maps {held['maps'] / 1e6:7.1f} MB, agent {held['agent'] / 1e6:7.1f} MB "
                  f"(at most {held['agent_peak'] / 1e6:.1f})", flush=True)
            shutil.rmtree(policy)
    return figures
