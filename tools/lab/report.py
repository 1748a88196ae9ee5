# SPDX-License-Identifier: Apache-2.0
"""What the demo says: a line for each step as it goes, then the table, the sums and one closing line; or all of it as JSON."""

import dataclasses
import os
import sys

from matrix import DRIVEN, FAMILIES, NODES, ROWS

_GREEN, _RED, _BOLD, _PLAIN = "\033[32m", "\033[31m", "\033[1m", "\033[0m"
# How many of the differences stand once more at the end.
_REPEATED = 20


class Report:
    def __init__(self, quiet: bool):
        self._quiet = quiet
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.trials = []
        self.differences = []

    def say(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)

    def phase(self, text: str) -> None:
        self.say(self._painted(_BOLD, text))

    def step(self, text: str, differences: list[str]) -> None:
        """A finished step: its line, and whatever was not as the matrix says, at once and again at the end."""
        self.differences += differences
        mark = self._painted(_RED, "DIFFERS") if differences else self._painted(_GREEN, "ok")
        self.say(f"  {text}  {mark}")
        for difference in differences:
            self.say(f"    {difference}")

    def row(self, row, trials) -> None:
        """The four trials of a row."""
        self.trials += trials
        number = len({trial.row for trial in self.trials})
        self.step(f"{number:2}/{len(ROWS)} {row.rule:<29} {_sums(trials).said}",
                  [text for trial in trials for text in trial.differences])

    @property
    def as_the_matrix_says(self) -> int:
        return sum(1 for trial in self.trials if not trial.differences)

    def table(self) -> None:
        """Each row, then each node and family."""
        if self._quiet or not self.trials:
            return
        print()
        width = max(len(str(row)) for row in ROWS)
        print(self._painted(_BOLD, f"{'row':<29} {'opens':<{width}} {_Sums.heading}"))
        for profile, matrices in DRIVEN.items():
            for row in ROWS:
                if row.matrix in matrices:
                    trials = [trial for trial in self.trials if trial.row is row]
                    print(f"{row.rule:<29} {str(row):<{width}} {self._sums(trials)}")
        print()
        print(self._painted(_BOLD, f"{'node, family':<29} {'rows':<{width}} {_Sums.heading}"))
        for node in NODES:
            for family in FAMILIES:
                trials = [trial for trial in self.trials if (trial.node, trial.family) == (node, family)]
                right = sum(1 for trial in trials if not trial.differences)
                print(f"{f'{node.name} IPv{family}':<29} {f'{right} of {len(ROWS)}':<{width}} {self._sums(trials)}")
        print(f"{'all':<29} {f'{self.as_the_matrix_says} of {len(ROWS) * len(NODES) * len(FAMILIES)}':<{width}} "
              f"{self._sums(self.trials)}")
        print("\nopened, refused: conversations that the row opens and first packets beside it, as the matrix says of those tried."
              "\npackets, answers: the kernel's count for the row's rule; dropped: for the default. Each is held against what TCP"
              "\nand the sockets say was sent.")

    def close(self) -> bool:
        """The differences and the closing line; whether there were none."""
        cells = len(ROWS) * len(NODES) * len(FAMILIES)
        shown = self.differences if self._quiet else self.differences[:_REPEATED]
        if shown and not self._quiet:
            print()
        for difference in shown:
            print(f"difference: {difference}")
        if len(self.differences) > len(shown):
            print(f"and {len(self.differences) - len(shown)} more, above")
        sums = _sums(self.trials)
        fate = "all refused and counted" if 0 < sums.probed == sums.refused else f"{sums.refused:,} refused and counted"
        good = not self.differences and self.as_the_matrix_says == cells
        line = (f"{len(ROWS)} rows x {len(NODES)} nodes x {len(FAMILIES)} families: {self.as_the_matrix_says} of {cells} as the "
                f"matrix says; {sums.probed:,} refused probes, {fate}; {len(self.differences)} differences")
        if not self._quiet:
            print()
        print(self._painted(_GREEN if good else _RED, line), flush=True)
        return good

    def values(self) -> dict:
        """Everything for a machine."""
        return {
            "rows": [{
                "row": trial.row.rule, "rule": trial.row.key, "node": trial.node.name, "family": trial.family,
                "tried": trial.tried, "allowed": trial.allowed, "probes": trial.probed, "refused": trial.refused,
                "packets": trial.packets, "reply_packets": trial.replies, "dropped_packets": trial.dropped,
                "as_the_matrix_says": not trial.differences,
            } for trial in self.trials],
            "as_the_matrix_says": self.as_the_matrix_says,
            "expected": len(ROWS) * len(NODES) * len(FAMILIES),
            "differences": self.differences,
        }

    def _sums(self, trials) -> str:
        text = _sums(trials).columns
        return self._painted(_RED, text) if any(trial.differences for trial in trials) else text

    def _painted(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colours else text


@dataclasses.dataclass(frozen=True)
class _Sums:
    tried: int
    allowed: int
    probed: int
    refused: int
    packets: int
    answers: int
    dropped: int

    heading = f"{'opened':>9} {'refused':>9} {'packets':>8} {'answers':>8} {'dropped':>8}"

    @property
    def columns(self) -> str:
        return (f"{f'{self.allowed}/{self.tried}':>9} {f'{self.refused}/{self.probed}':>9} "
                f"{self.packets:>8,} {self.answers:>8,} {self.dropped:>8,}")

    @property
    def said(self) -> str:
        return f"{f'{self.allowed}/{self.tried}':>7} opened, {f'{self.refused}/{self.probed}':>5} refused"


def _sums(trials) -> _Sums:
    return _Sums(*(sum(values) for values in zip(*(
        (trial.tried, trial.allowed, trial.probed, trial.refused, trial.packets, trial.replies, trial.dropped)
        for trial in trials))) if trials else (0,) * 7)
