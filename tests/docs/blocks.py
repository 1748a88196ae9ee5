# SPDX-License-Identifier: Apache-2.0
"""A page of the documentation as what a reader would do with it: files to write and commands to type, in order.

   ```console                       a line with a prompt is a command, the lines below it are what it prints; several shells are told
   # portmatrix check policy        apart by their prompt (`web1# ` is a root shell in the network namespace web1). A command goes on
   edge1: 3 rules, ok               behind a backslash and up to the end of a here-document. `...` alone stands for any lines, `…`
   ```                              within a line for anything.

   <!-- file: /etc/x.yaml -->       the next block is that file's content
   <!-- not run: REASON -->         the next block cannot be run in the sandbox; such blocks are counted
   <!-- numbers vary -->            in the next block only the words are compared, not the numbers
"""

import dataclasses
import pathlib
import re

_FENCE = re.compile(r"^```(\w*)$")
_MARK = re.compile(r"^<!-- (file|not run|numbers vary)(?:: (.*))? -->$")
_PROMPT = re.compile(r"^([a-z0-9-]*[#$]) (.*)$")
_HERE = re.compile(r"<<-?'?(\w+)'?")
_LANGUAGES = {"console", "text", "yaml", "json", "ini"}


class BadPage(Exception):
    """Something in the page that a reader or this reader would not understand."""


@dataclasses.dataclass
class Command:
    line: int  # of the page, from 1
    shell: str  # its prompt: "#", "$", "web1#"
    text: str
    printed: list[str]  # what the page shows
    printed_line: int  # where that begins
    numbers_vary: bool


@dataclasses.dataclass
class File:
    line: int
    path: str
    text: str


@dataclasses.dataclass
class NotRun:
    line: int
    reason: str
    commands: int


def read_page(path: pathlib.Path) -> list[Command | File | NotRun]:
    steps, marks, lines = [], {}, path.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if mark := _MARK.match(line):
            marks[mark[1]] = mark[2] or ""
            continue
        if not (fence := _FENCE.match(line)):
            if line.startswith("```"):
                raise BadPage(f"{path.name}:{number}: a fence with more than a language")
            if line.strip() and marks:
                raise BadPage(f"{path.name}:{number}: a mark must stand directly above its block")
            continue
        if fence[1] not in _LANGUAGES:
            raise BadPage(f"{path.name}:{number}: the language of a block is one of {', '.join(sorted(_LANGUAGES))}")
        try:
            end = lines.index("```", number)
        except ValueError:
            raise BadPage(f"{path.name}:{number}: a block without an end") from None
        body = lines[number:end]
        steps += _steps_of(path, number, fence[1], body, marks)
        marks, number = {}, end + 1
    return steps


def _steps_of(path: pathlib.Path, line: int, language: str, body: list[str], marks: dict[str, str]) -> list:
    if "file" in marks:
        return [File(line, marks["file"], "\n".join(body) + "\n")]
    if language != "console":
        return []
    commands = _commands_of(path, line, body, "numbers vary" in marks)
    if "not run" not in marks:
        return commands
    if not marks["not run"]:
        raise BadPage(f"{path.name}:{line}: why can it not be run?")
    return [NotRun(line, marks["not run"], len(commands))]


def _commands_of(path: pathlib.Path, line: int, body: list[str], numbers_vary: bool) -> list[Command]:
    commands, i = [], 0
    while i < len(body):
        prompt = _PROMPT.match(body[i])
        if not prompt:
            if not commands:
                raise BadPage(f"{path.name}:{line + 1 + i}: a console block begins with a prompt")
            commands[-1].printed.append(body[i])
            i += 1
            continue
        begin, text = i, [prompt[2]]
        here = _HERE.search(prompt[2])
        while (here and text[-1] != here[1]) or (not here and text[-1].endswith("\\")):
            i += 1
            if i == len(body):
                raise BadPage(f"{path.name}:{line + 1 + begin}: a command without an end")
            text.append(body[i])
        i += 1
        commands.append(Command(line + 1 + begin, prompt[1], "\n".join(text), [], line + 1 + i, numbers_vary))
    return commands


def replace_printed(path: pathlib.Path, changes: list[tuple[Command, list[str]]]) -> None:
    """Writes what commands really printed into the page."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for command, printed in sorted(changes, key=lambda change: -change[0].printed_line):
        begin = command.printed_line - 1
        lines[begin:begin + len(command.printed)] = printed
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
