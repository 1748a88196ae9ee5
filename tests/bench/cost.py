# SPDX-License-Identifier: Apache-2.0
"""Nanoseconds a packet through the whole filter by BPF_PROG_TEST_RUN, net of an empty program, each run another packet."""

import json
import os
import pathlib
import shutil
import subprocess

import policies

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Beyond this size a policy of the wide styles has too many different services for the tables' limits.
_LARGEST = {"acl": 100_000, "fw": 10_000, "ipc": 10_000}
_CONVERSATIONS = 1000  # rules of the policy whose answers need conversations
_PREFIXES = (2, 1_000_000)  # on the list of a policy that refuses what stands there


class Cost:
    """Runs packet_cost over policies. `rounds` of each figure."""

    def __init__(self, build: pathlib.Path, rounds: int, folder: pathlib.Path):
        self._program = build / "bin" / "packet_cost"
        self._rounds = rounds
        self._folder = folder

    def by_size(self, sizes: list[int]) -> list[dict]:
        """Styles of policies, both families, sizes; one processor, and for `acl` two at once; and the shipped policy."""
        figures = []
        for style, largest in _LARGEST.items():
            for size in (size for size in sizes if size <= largest):
                for family in (4, 6):
                    policy = self._write(style, family, size, "in")
                    for threads in (1, 2) if style == "acl" and os.cpu_count() > 1 else (1,):
                        figures += self._measure(threads, "bench", [policy], {"style": style, "rules": size})
                    shutil.rmtree(policy)
        shipped = ROOT / "policies" / "lync-2013-edge"
        return figures + self._measure(1, "edge1", [shipped / "common", shipped / "profiles" / "full"], {"style": "lync", "rules": 27})

    def of_conversations(self) -> list[dict]:
        """Rules that go out only, so that every answer asks for its conversation."""
        figures = []
        for family in (4, 6):
            policy = self._write("acl", family, _CONVERSATIONS, "out")
            figures += self._measure(1, "bench", [policy], {"style": "conversations", "rules": _CONVERSATIONS})
            shutil.rmtree(policy)
        return figures

    def of_prefixes(self) -> list[dict]:
        """What a packet costs behind a list of so many prefixes; twice in turns, for machines have moods: what
        disturbs a round only adds, often twice of all, so the quickest rounds are compared."""
        figures = []
        for count in _PREFIXES:
            policies.write_list_policy(count, self._folder / f"list-{count}", "lo")
        for count in _PREFIXES * 2:
            figures += self._measure(1, "bench", [self._folder / f"list-{count}"], {"style": "list", "rules": 2, "prefixes": count})
        return figures

    def _write(self, style: str, family: int, size: int, direction: str) -> pathlib.Path:
        policy = self._folder / f"{style}-{family}-{size}-{direction}"
        policies.write_policy(policies.generate(style, family, size), family, policy, "lo", direction)
        return policy

    def _measure(self, threads: int, node: str, paths: list[pathlib.Path], about: dict) -> list[dict]:
        done = subprocess.run([str(word) for word in (self._program, "--json", "--alone", "--threads", threads, "--rounds", self._rounds,
                                                      node, *paths)], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{about['style']}, {about['rules']} rules: not measured: {done.stderr.strip()}")
            return []
        tables, *lines = map(json.loads, done.stdout.splitlines())
        if threads == 1:
            what = f"{about['prefixes']:,} prefixes" if "prefixes" in about else f"{about['rules']} rules"
            print(f"{about['style']}, {what}: read in {tables['read_ms']:.0f} ms, compiled in {tables['compile_ms']:.0f} ms, "
                  f"{tables['bytes'] / 1e6:.2f} MB of tables")
        for line in lines:
            print(f"  {line['interface']:<10} IPv{line['family']} {line['kind']:<16} {line['net_ns']:7.1f} ns ({line['least']:.1f} to "
                  f"{line['most']:.1f}){' on each of two processors' if threads == 2 else ''}", flush=True)
        return [{**about, **tables, **line, "rules": about["rules"]} for line in lines]
