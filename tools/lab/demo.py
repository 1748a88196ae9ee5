#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Drives all 37 rows of the Lync 2013 Edge port matrix through two nodes with real sockets, in IPv4 and IPv6, and holds the
kernel's counters against what TCP and the sockets say was sent. README.md has the drawing and the order of steps."""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys

from demonstration import ROOT, Demonstration
from firewall import FirewallError
from report import Report

_BPFFS = "/sys/fs/bpf"
_OPEN_FILES = 16384


@contextlib.contextmanager
def _alone(name: str, report: Report):
    """Two runs of one name take turns."""
    with open(f"/run/portmatrix-{name}.lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report.say(f"another run named {name} is under way; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _name(text: str) -> str:
    if not re.fullmatch("[a-z0-9]{1,16}", text):
        raise argparse.ArgumentTypeError("letters and digits, at most 16")
    return text


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/demo", description="All 37 rows of the Lync 2013 Edge port matrix, for real.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", metavar="DIR", help="where bin/portmatrixd is")
    parser.add_argument("--keep", action="store_true", help="leave the lab and both agents, and say what to try next")
    parser.add_argument("--clean", action="store_true", help="only remove a lab that was left")
    parser.add_argument("--quiet", action="store_true", help="differences and the closing line only")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="the result for a machine")
    parser.add_argument("--name", default="demo", type=_name, help="of the namespaces and pins, for several labs on one host (demo)")
    return parser.parse_args()


def _prepare(build: pathlib.Path) -> str:
    """What a run needs of the machine; says what is missing."""
    for program in ("portmatrix", "portmatrixd"):
        if not os.access(build / "bin" / program, os.X_OK):
            return f"no {build / 'bin' / program}: tools/build makes it"
    if not os.path.ismount(_BPFFS):
        subprocess.run(["mount", "-t", "bpf", "bpf", _BPFFS], check=True)
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, _OPEN_FILES) if limit > 0 else _OPEN_FILES, limit))
    return ""


def _stop(number, _frame) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    arguments = _arguments()
    missing = "needs root: namespaces and BPF programs" if os.geteuid() else ""
    if not missing and not arguments.clean:
        missing = _prepare(arguments.build)
    if missing:
        print(f"tools/demo: {missing}", file=sys.stderr)
        return 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    report = Report(arguments.quiet)
    demonstration = Demonstration(arguments.name, arguments.build.resolve(), report)
    with _alone(arguments.name, report):
        if arguments.clean:
            demonstration.clean()
            return 0
        kept = False
        try:
            demonstration.run()
            kept = arguments.keep
        except (FirewallError, OSError) as error:
            report.differences.append(str(error))
        finally:
            # A second Ctrl-C must not leave half of it.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            if not kept:
                demonstration.clean()
            if sys.exc_info()[0] is SystemExit:
                print("tools/demo: interrupted; everything is removed", file=sys.stderr)
        report.table()
        if kept:
            demonstration.hint()
        good = report.close()
        if arguments.json:
            arguments.json.write_text(json.dumps(report.values(), indent=1) + "\n", encoding="utf-8")
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
