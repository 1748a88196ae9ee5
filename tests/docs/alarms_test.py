#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds docs/alarms.md against the alarms that the agent's sources can raise and the alerts that ship for Prometheus: each has a row,
and no row speaks of what does not exist."""

import pathlib
import re
import unittest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# How sources name a subject, where that is not a text: the text that a reader sees.
_NAMED = {
    "subject": None,  # the parameter of a function whose callers are found themselves
    "Subject(device)": "device NAME",
    "mode_subject": "device NAME mode",
    "tags_subject": "device NAME tags",
    "Subject(record.number)": "generation N",
    '"state directory: " + complaint.substr(0, complaint.find(\':\'))': "state directory: FILE",
}


def _first_argument(text: str, begin: int) -> str:
    depth, at = 0, begin
    while depth or text[at] not in ",)":
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        # A quoted parenthesis or comma is no structure.
        at = text.index(text[at], at + 1) + 1 if text[at] in "'\"" else at + 1
    return " ".join(text[begin:at].split())


def _raised() -> set[str]:
    sources = {path: path.read_text(encoding="utf-8") for path in sorted((_ROOT / "agent").glob("*.cc"))}
    constants = {}
    for path in [*sources, *sorted((_ROOT / "agent").glob("*.h"))]:
        constants |= dict(re.findall(r'constexpr char (k\w+)\[\] = ("[^"]*");', path.read_text(encoding="utf-8")))
    subjects = set()
    for path, text in sources.items():
        if path.name == "alarms.cc":
            continue
        for call in re.finditer(r"\b(?:alarms_\.Raise|(?<!::)Told)\(", text):
            argument = _first_argument(text, call.end())
            argument = constants.get(argument, argument)
            if argument in _NAMED:
                subjects |= {_NAMED[argument]} if _NAMED[argument] else set()
            elif re.fullmatch(r'"[^"]*"', argument):
                subjects.add(argument[1:-1])
            else:
                raise AssertionError(f"{path.name}: an alarm whose subject this test does not know: {argument}")
    return subjects


def _rows(table: str) -> set[str]:
    return {name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`([^`]*)`", row)}


class Alarms(unittest.TestCase):
    def setUp(self) -> None:
        page = (_ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
        self.agent, self.prometheus = page.split("\nFrom Prometheus", 1)

    def test_every_alarm_of_the_agent_has_a_row_and_no_other(self) -> None:
        self.assertEqual(_rows(self.agent), _raised())

    def test_every_alert_has_a_row_and_no_other(self) -> None:
        rules = (_ROOT / "tools/prometheus/alerts.yaml").read_text(encoding="utf-8")
        self.assertEqual(_rows(self.prometheus), set(re.findall(r"- alert: (\w+)", rules)))


if __name__ == "__main__":
    unittest.main()
