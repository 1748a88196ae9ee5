#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what is written about the programs against what they say of themselves: manual pages, completions of bash and zsh, and every
`portmatrix …` in the running text of the pages.

   references_test.py --build DIR"""

import argparse
import json
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_MAN = _ROOT / "tools" / "man"
_COMPLETIONS = _ROOT / "tools" / "completions"
_GLOBAL = {"--json", "--pin_root", "--socket"}
_build = _ROOT / "build"


def _says(*line: str) -> str:
    return subprocess.run(line, capture_output=True, text=True, check=False).stdout


def _command() -> str:
    return str(_build / "bin" / "portmatrix")


def _commands() -> list[str]:
    return re.findall(r"^  ([a-z]+)  ", _says(_command(), "help"), re.M)


def _flags(command: str) -> set[str]:
    return set(re.findall(r"^  (--[a-z_]+)", _says(_command(), "help", command), re.M))


def _rendered(page: pathlib.Path | str) -> str:
    """The page as a reader sees it, on a wide terminal; complaints of groff fail."""
    text = page if isinstance(page, str) else page.read_text(encoding="utf-8")
    done = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-P-cbou", "-rLL=200n", "-rHY=0"], input=text, capture_output=True, text=True,
                          check=False)
    if done.returncode or done.stderr:
        raise AssertionError(f"groff: {done.stderr}")
    return done.stdout


@unittest.skipUnless(shutil.which("groff"), "no groff")
class Manual(unittest.TestCase):
    def test_the_command_page_has_every_command_and_flag(self) -> None:
        page = _rendered(_says(str(_MAN / "write_commands"), str(_MAN / "portmatrix.8.in"), _command()))
        self.assertGreater(len(_commands()), 10)
        for command in _commands():
            section = re.search(rf"^   {command}\b.*?(?=^(   )?\S)", page, re.M | re.S)
            self.assertIsNotNone(section, f"no section of `{command}`")
            for flag in _flags(command) - _GLOBAL:
                self.assertRegex(section[0], rf"(?m)^ +{flag}\b", f"`{command}` without `{flag}`")
        for flag in _GLOBAL:
            self.assertRegex(page, rf"(?m)^ +{flag}\b")
        self.assertNotIn("@COMMANDS@", page)

    def test_the_daemon_page_has_every_flag_and_no_other(self) -> None:
        source = (_ROOT / "agent/main.cc").read_text(encoding="utf-8")
        defined = {f"--{name}" for name in re.findall(r"DEFINE_\w+\(\s*(\w+),", source)}
        self.assertGreater(len(defined), 5)
        page = _rendered(_MAN / "portmatrixd.8")
        self.assertEqual(sorted(re.findall(r"^       (--[a-z_]+)", page, re.M)), sorted(defined))

    def test_the_daemon_tells_of_its_own_flags_alone(self) -> None:
        page = _rendered(_MAN / "portmatrixd.8")
        told = _says(str(_build / "bin" / "portmatrixd"), "--help")
        self.assertEqual(sorted(re.findall(r"^  (--[a-z_]+)", told, re.M)), sorted(re.findall(r"^       (--[a-z_]+)", page, re.M)))

    def test_the_policy_page_has_every_key_of_the_schema(self) -> None:
        schema = json.loads((_ROOT / "agent/policy/policy.schema.json").read_text(encoding="utf-8"))
        page = _rendered(_MAN / "portmatrix-policy.5")
        for name, definition in schema["$defs"].items():
            for key in definition.get("properties", {}):
                self.assertRegex(page, rf"\b{key}:", f"`{key}` of {name}")


class Bash(unittest.TestCase):
    def offers(self, *words: str) -> list[str]:
        """What the completion offers for the last word of `portmatrix WORDS`."""
        script = (f"source {_COMPLETIONS}/portmatrix.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _portmatrix; "
                  "((!${#COMPREPLY[@]})) || printf '%s\\n' \"${COMPREPLY[@]}\"")
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", _command(), *words], capture_output=True, text=True, check=False,
                              cwd=_ROOT)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout.split()

    def test_commands(self) -> None:
        self.assertEqual([word for word in self.offers("") if not word.startswith("-")], ["help", *_commands()])
        self.assertEqual(self.offers("co"), [name for name in _commands() if name.startswith("co")])
        self.assertEqual(self.offers("--json", "his"), ["history"])
        self.assertEqual(self.offers("--pin_root", "apply", "his"), ["history"])
        self.assertEqual(self.offers("help", ""), _commands())
        self.assertEqual(self.offers("--j"), ["--json"])

    def test_flags_of_every_command(self) -> None:
        for command in _commands():
            self.assertEqual(set(self.offers(command, "--")), _flags(command), command)

    def test_values(self) -> None:
        for words, wanted in (
                (["trace", "--direction", ""], ["in", "out"]),
                (["trace", "--direction", "="], ["in", "out"]),
                (["trace", "--direction", "=", "o"], ["out"]),
                (["show", "policies/examples", "--format", "m"], ["markdown"]),
                (["import", "--format", ""], ["page", "csv"]),
                (["show", "policies/examples", "--node", ""], ["branch1", "gateway1", "web1"]),
                (["trace", "--policy", "policies/examples/web-server,policies/examples/gateway", "--node", "g"], ["gateway1"]),
                (["trace", "--policy", "policies/examples/web-server", "--interface", "p"], ["public"])):
            self.assertEqual(self.offers(*words), wanted, words)

    def test_files_elsewhere(self) -> None:
        self.assertEqual(self.offers("check", "polic"), ["policies"])
        self.assertEqual(self.offers("confirm", ""), [])


@unittest.skipUnless(shutil.which("zsh"), "no zsh")
class Zsh(unittest.TestCase):
    """In a real line editor, on a terminal of its own."""

    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="portmatrix-zsh-")
        self.addCleanup(self.folder.cleanup)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(_ROOT)
            os.environ.update(TERM="dumb", PATH=f"{_build / 'bin'}:{os.environ['PATH']}", COLUMNS="400", HOME=self.folder.name)
            os.execlp("zsh", "zsh", "-f", "-i")
        self.addCleanup(self._end)
        self.type(f"PS1='> '; unsetopt beep zle_bracketed_paste; fpath=({_COMPLETIONS} $fpath); autoload -U compinit; "
                  "compinit -u -D; bindkey '^I' complete-word; setopt auto_list no_auto_menu no_list_ambiguous; LISTMAX=999; echo rea''dy\n",
                  "ready")

    def _end(self) -> None:
        os.close(self.terminal)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)

    def type(self, text: str, until: str = "", seconds: float = 20.0) -> str:
        """What the terminal shows after that: up to `until`, and then until it has been quiet for a while."""
        os.write(self.terminal, text.encode())
        shown, deadline = "", time.monotonic() + seconds
        while time.monotonic() < deadline:
            if select.select([self.terminal], [], [], 0.6)[0]:
                shown += os.read(self.terminal, 65536).decode(errors="replace")
            elif until in shown:
                return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", " ", shown)
        self.fail(f"zsh shows no `{until}`: {shown}")

    def offers(self, line: str, until: str) -> set[str]:
        shown = self.type(f"{line}\t\t", until)
        self.type("\x15")  # the line is given up
        return set(shown.replace(line, " ").split())

    def test_commands_flags_and_values(self) -> None:
        offered = self.offers("portmatrix ", "detach")
        self.assertLessEqual(set(_commands()), offered)
        for command in ("apply", "trace", "counters"):
            offered = self.offers(f"portmatrix {command} --", "--json")
            self.assertEqual({word for word in offered if word.startswith("--") and word != "--"}, _flags(command), command)
        self.assertLessEqual({"in", "out"}, self.offers("portmatrix trace --direction ", "out"))
        self.assertLessEqual({"branch1", "gateway1", "web1"}, self.offers("portmatrix show policies/examples --node ", "web1"))


class Pages(unittest.TestCase):
    def test_commands_in_the_text_exist(self) -> None:
        known = {command: _flags(command) for command in _commands()}
        found = 0
        for page in [_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md")), _ROOT / "policies/README.md"]:
            text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
            for words in re.findall(r"`portmatrix(?: --json)? ([a-z]+)([^`]*)`", text):
                found += 1
                self.assertIn(words[0], [*known, "help"], f"{page.name}: `portmatrix {words[0]}{words[1]}`")
                for flag in re.findall(r"--[a-z][a-z_-]*", words[1]):
                    self.assertIn(flag.replace("-", "_").replace("__", "--", 1), known.get(words[0], set()), f"{page.name}: {words}")
        self.assertGreater(found, 10)

    def test_links_lead_somewhere(self) -> None:
        for page in [_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md"))]:
            for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
                self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")

    def test_tests_that_pages_name_exist(self) -> None:
        listed = re.findall(r"Test +#\d+: (\S+)", _says("ctest", "--test-dir", str(_build), "-N"))
        self.assertGreater(len(listed), 100)
        for page in sorted((_ROOT / "docs").glob("*.md")):
            for kind, name in re.findall(r"`(unit|kernel|e2e|docs)\.([\w.]+)`", page.read_text(encoding="utf-8")):
                # A suite's instance stands before its name.
                wanted = re.compile(rf"{kind}\.(\w+/)?{re.escape(name)}")
                self.assertTrue(any(wanted.match(test) for test in listed), f"{page.name}: {kind}.{name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=_build)
    options, rest = parser.parse_known_args()
    _build = options.build.resolve()
    if not os.access(_command(), os.X_OK):
        print(f"no {_command()}: tools/build makes it")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *rest])
