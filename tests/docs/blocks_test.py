#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How pages are read and compared, as tables."""

import pathlib
import tempfile
import unittest

from blocks import BadPage, Command, File, NotRun, read_page
from comparison import difference


def _read(text: str) -> list:
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "page.md"
        page.write_text(text, encoding="utf-8")
        return read_page(page)


class Marks(unittest.TestCase):
    def test_what_a_page_says_becomes_steps(self) -> None:
        for name, text, wanted in (
                ("CommandsAndWhatTheyPrint", "```console\n# one\nsaid\n\nagain\nweb1$ two\n```\n",
                 [Command(2, "#", "one", ["said", "", "again"], 3, False), Command(6, "web1$", "two", [], 7, False)]),
                ("ABackslashAndAHereDocumentGoOn", "```console\n# a \\\n  b\n# cat <<EOF\n# x\nEOF\nsaid\n```\n",
                 [Command(2, "#", "a \\\n  b", [], 4, False), Command(4, "#", "cat <<EOF\n# x\nEOF", ["said"], 7, False)]),
                ("NumbersMayVary", "<!-- numbers vary -->\n```console\n# one\n```\n", [Command(3, "#", "one", [], 4, True)]),
                ("NotRunKeepsItsReason", "<!-- not run: no disk -->\n```console\n# one\n# two\n```\n", [NotRun(2, "no disk", 2)]),
                ("AFile", "<!-- file: a/b -->\n```yaml\nx: 1\n```\n", [File(2, "a/b", "x: 1\n")]),
                ("OtherBlocksAreNothing", "```text\n# no command\n```\n", [])):
            with self.subTest(name):
                self.assertEqual(_read(text), wanted)

    def test_what_nobody_would_understand_is_refused(self) -> None:
        for name, text, wanted in (
                ("NoLanguage", "```\nx\n```\n", "page.md:1: the language of a block is one of console, ini, json, text, yaml"),
                ("Shell", "```sh\nls\n```\n", "page.md:1: the language of a block is one of console, ini, json, text, yaml"),
                ("NoEnd", "```text\n", "page.md:1: a block without an end"),
                ("NoPrompt", "```console\nls\n```\n", "page.md:2: a console block begins with a prompt"),
                ("NoReason", "<!-- not run:  -->\n```console\n# ls\n```\n", "page.md:2: why can it not be run?"),
                ("AMarkFarAway", "<!-- numbers vary -->\ntext\n", "page.md:2: a mark must stand directly above its block"),
                ("NoEndOfACommand", "```console\n# a \\\n```\n", "page.md:2: a command without an end")):
            with self.subTest(name), self.assertRaises(BadPage) as raised:
                _read(text)
            self.assertEqual(str(raised.exception), wanted)


class Comparison(unittest.TestCase):
    def test_what_agrees(self) -> None:
        for name, shown, printed, numbers_vary, agrees in (
                ("Equal", ["a 1"], ["a 1"], False, True),
                ("AnotherNumber", ["a 1"], ["a 2"], False, False),
                ("AnotherNumberWhereThatIsSaid", ["a 1"], ["a 2345"], True, True),
                ("AnotherWord", ["a 1"], ["b 1"], True, False),
                ("Times", ["at 2026-11-28T13:32:08Z"], ["at 2027-01-02T03:04:05.6Z"], False, True),
                ("Fingerprints", ["8a8628ef272e"], ["0f8628ef272e"], False, True),
                ("WhiteSpace", ["a   b"], ["a b  "], False, True),
                ("MissingLine", ["a", "b"], ["a"], False, False),
                ("LineTooMany", ["a"], ["a", "b"], False, False),
                ("AnyLines", ["a", "...", "d"], ["a", "b", "c", "d"], False, True),
                ("AnyLinesCanBeNone", ["a", "...", "d"], ["a", "d"], False, True),
                ("AnyLinesFindTheirEnd", ["...", "d"], ["d", "e", "d"], False, True),
                ("AnyLinesNotAnyEnd", ["...", "d"], ["d", "e"], False, False),
                ("AnyText", ["a … d"], ["a b c d"], False, True),
                ("AnyTextNotAnyEnd", ["a … d"], ["a b c"], False, False),
                ("Nothing", [], [], False, True),
                ("SomethingForNothing", [], ["a"], False, False)):
            with self.subTest(name):
                self.assertEqual(difference(shown, printed, numbers_vary) is None, agrees)

    def test_the_first_difference_is_named(self) -> None:
        self.assertEqual(difference(["a", "b", "c"], ["a", "x", "c"], False), "the page shows: b\nprinted was:\n  | a\n  | x\n  | c")


if __name__ == "__main__":
    unittest.main()
