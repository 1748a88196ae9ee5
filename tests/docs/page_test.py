#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does what a page of the documentation tells its reader to do, in order, in a sandbox, and compares what is printed with what the page
shows (blocks.py says how pages are marked).

   page_test.py [--build DIR] [--scene host] [--not_run N] [--write] PAGE

--not_run is how many commands the page may leave out, with a reason each: exactly so many. --write puts what was really printed into
the page, where it shows something else or `?`."""

import argparse
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import sandbox  # noqa: E402  (pylint: disable=wrong-import-position)
from blocks import BadPage, Command, File, NotRun, read_page, replace_printed
from comparison import difference

_SKIPPED = 77


def try_page(path: pathlib.Path, arguments) -> int:
    steps = read_page(path)
    home = sandbox.furnish(arguments.build, arguments.scene)
    shells, wrong, changes, run, not_run = {}, [], [], 0, 0
    page = path.read_text(encoding="utf-8")
    for step in steps:
        if isinstance(step, NotRun):
            not_run += step.commands
            print(f"not run: {path.name}:{step.line}: {step.commands} x: {step.reason}")
        elif isinstance(step, File):
            if f"`{step.path}`" not in page:
                wrong.append(f"{path.name}:{step.line}: the text does not say that this is `{step.path}`")
            target = home / step.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(step.text, encoding="utf-8")
        else:
            if step.shell not in shells:
                namespace = step.shell[:-1]
                if namespace and f"nsenter --net=/run/netns/{namespace}" not in page and f"netns {namespace}" not in page:
                    wrong.append(f"{path.name}:{step.line}: the page does not say where the shell `{step.shell}` is")
                shells[step.shell] = sandbox.Shell(step.shell, home, sandbox.environment(arguments.build))
            complaint, printed = _try(shells[step.shell], step)
            run += 1
            if complaint:
                wrong.append(f"{path.name}:{step.line}: {step.text}\n{complaint}")
                if step.printed:
                    changes.append((step, printed))
    if not_run != arguments.not_run:
        wrong.append(f"{path.name}: {not_run} commands are not run; the list of pages says {arguments.not_run}")
    if arguments.write and changes:
        replace_printed(path, changes)
    print(f"{path.name}: {run} commands run, {not_run} not run, {len(wrong)} wrong")
    for complaint in wrong:
        print(f"\nWRONG: {complaint}")
    return 1 if wrong else 0


def _try(shell: sandbox.Shell, command: Command) -> tuple[str | None, list[str]]:
    code, printed = shell.run(command.text)
    if code != 0:
        return f"exit code {code} (where one is meant, the page shows it: `; echo \"exit $?\"`)\n" + "\n".join(printed), printed
    if not command.printed:
        return None, printed  # the page leaves it out
    shown = command.printed if command.printed != ["?"] else []
    return difference(shown, printed, command.numbers_vary), printed


def main() -> int:
    parser = argparse.ArgumentParser(prog="page_test.py")
    parser.add_argument("--build", type=pathlib.Path, default=sandbox.ROOT / "build")
    parser.add_argument("--scene", choices=("empty", "host"), default="empty")
    parser.add_argument("--not_run", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("page", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.build, page = arguments.build.resolve(), arguments.page.resolve()
    for reason, missing in (("needs root", os.geteuid() != 0), ("needs unshare", shutil.which("unshare") is None),
                            (f"no {arguments.build}/bin/portmatrix", not (arguments.build / "bin/portmatrix").exists())):
        if missing:
            print(reason)
            return _SKIPPED
    sandbox.enter()
    sandbox.prepare()
    try:
        return try_page(page, arguments)
    except BadPage as problem:
        print(problem)
        return 1


if __name__ == "__main__":
    sys.exit(main())
