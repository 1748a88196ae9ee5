#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Which words of a kernel command line keep portmatrixd from starting: asked of systemd's own code, which takes the line from the
environment, about the unit as it is shipped. The words are those that operations.md names."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from service import read_unit

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_UNIT = _ROOT / "tools/install/portmatrixd.service"
_GENERATOR = pathlib.Path("/usr/lib/systemd/system-generators/systemd-debug-generator")
_SKIPPED = 77


def _conditions_hold(command_line: str) -> bool:
    """Would the unit's conditions let it start in a boot with that line?"""
    conditions = [f"{name}={value}" for name, values in read_unit(_UNIT).items() if name.startswith("Condition") for value in values]
    done = subprocess.run(["systemd-analyze", "condition", *conditions], env={"SYSTEMD_PROC_CMDLINE": command_line}, check=False,
                          capture_output=True, text=True)
    if "Conditions succeeded." not in done.stdout + done.stderr and "Conditions failed." not in done.stdout + done.stderr:
        raise RuntimeError(done.stderr)
    return done.returncode == 0


def _masked_units(command_line: str) -> list[str]:
    """What systemd masks in a boot with that line."""
    with tempfile.TemporaryDirectory() as folder:
        folders = [pathlib.Path(folder) / name for name in ("normal", "early", "late")]
        for each in folders:
            each.mkdir()
        subprocess.run([_GENERATOR, *folders], env={"SYSTEMD_PROC_CMDLINE": command_line}, check=True)
        return [path.name for path in folders[1].iterdir() if str(path.readlink()) == "/dev/null"]


def _section(page: str, title: str) -> str:
    return re.search(rf"^### {title}\n(.*?)^##", page, re.DOTALL | re.MULTILINE).group(1)


class BreakGlass(unittest.TestCase):
    def test_only_the_word_alone_keeps_the_service_from_starting(self):
        for command_line, starts in (("", True), ("quiet ro", True), ("portmatrix=off", False), ("ro portmatrix=off quiet", False),
                                     ("portmatrix=on", True), ("portmatrix=offline", True), ("portmatrix", True),
                                     ("xportmatrix=off", True), ("portmatrix.off", True)):
            with self.subTest(command_line=command_line):
                self.assertEqual(_conditions_hold(command_line), starts)

    def test_systemds_own_word_masks_the_unit_by_its_name(self):
        self.assertEqual(_masked_units(f"quiet systemd.mask={_UNIT.name}"), [_UNIT.name])
        self.assertEqual(_masked_units("quiet portmatrix=off"), [])

    def test_the_page_names_these_words(self):
        section = _section((_ROOT / "docs/operations.md").read_text(encoding="utf-8"), "From the kernel command line")
        self.assertIn("```text\nportmatrix=off\n```", section)
        self.assertIn(f"`systemd.mask={_UNIT.name}`", section)


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None or not _GENERATOR.exists():
        print("break_glass_test: skipped: no systemd here")
        sys.exit(_SKIPPED)
    unittest.main()
