#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How trials end: with the agent killed, hung or alive, by packets alone, and across a boot; that the refused candidate does not
come back although its files lie where the agent reads; and starts with broken files.

   frames ══ outer0 ┐
                    ├ node n1: portmatrixd --watch
   frames ══ inner0 ┘ bound by the candidate only
"""

import json
import pathlib
import sys
import time

from tap_node import Node
from story import Story, policy, run_stories

_TRIAL_SECONDS = 1


class Trials(Story):
    """At the deadline the program falls back by itself, and the refused candidate does not come back."""

    def run(self) -> None:
        node = self._node
        folder = node.state.parent / "policy"
        folder.mkdir()
        good, candidate = policy("a:7001"), policy("a:7001", "b:7002", inner=True)
        _write(folder, good)
        node.start("--policy", str(folder), "--watch")
        self.expect("first start", self.generation(), 1)
        endings = {"killed": (node.kill, None), "hung": (node.hang, node.go_on), "alive": (lambda: None, None)}
        for what, (before, after) in endings.items():
            _write(folder, good)
            self._settle()
            node.apply(candidate, confirm_seconds=_TRIAL_SECONDS)
            self.expect(f"{what}: hooks on trial", self.hooks(), ["inner0", "outer0"])
            before()
            self._falls_back(what)
            # The candidate's files stand where the agent reads its own.
            _write(folder, candidate)
            if after is not None:
                after()
            if what == "killed":
                node.start("--policy", str(folder), "--watch")
            self.wait(f"{what}: files differ in status", lambda: node.status()["files"]["differ"])
            self.wait(f"{what}: hook of the candidate alone is taken off", lambda: self.hooks() == ["outer0"])
            node.reload()
            self.wait(f"{what}: the reload was refused", lambda: "rolled back" in node.alarms().get("policy files", ""))
            self._still_good(what)
        self._boot(folder, good, candidate)
        self._broken(folder, good)

    def _falls_back(self, what: str) -> None:
        """Packets alone end the trial: b passes before the deadline, and is dropped after it."""
        trial = self.rule("b")
        self._taps.send("outer0", 7002)
        self.expect(f"{what}: b before the deadline", self.rule("b"), trial + 1)
        time.sleep(_TRIAL_SECONDS + 0.1)
        self._taps.send("outer0", 7002)
        after = {rule["rule"]: rule for rule in self._node.said("counters")["rules"]}.get("outer/m/b")
        self.expect(f"{what}: b after the deadline", (after is None or after["packets"] == trial + 1), True)
        self.sums()

    def _still_good(self, what: str) -> None:
        names = [rule["rule"] for rule in self._node.said("counters")["rules"] if rule.get("in_force", True)]
        self.expect(f"{what}: rules in force", names, ["outer/m/a"])

    def _settle(self) -> None:
        self.wait("the watched files are taken up", lambda: not self._node.status()["files"]["differ"])

    def _boot(self, folder, good, candidate) -> None:
        """The machine goes down while pending."""
        node = self._node
        _write(folder, good)
        self._settle()
        number = node.apply(candidate, confirm_seconds=600)["generation"]
        _write(folder, candidate)
        node.boot()
        node.start("--policy", str(folder), "--watch")
        self._still_good("booted while pending")
        self.expect("its outcome", node.history()[number]["outcome"], "rolled-back")
        node.reload()
        self.wait("booted: the reload was refused", lambda: "rolled back" in node.alarms().get("policy files", ""))
        self._still_good("booted while pending, reloaded")
        node.apply(candidate, confirm_seconds=600)
        node.confirm()
        node.boot()
        node.start("--policy", str(folder))
        self.expect("hooks after a boot with the confirmed candidate", self.hooks(), ["inner0", "outer0"])

    def _broken(self, folder, good) -> None:
        """Broken files, then a broken state file too: the last good policy, and an alarm in status, log and metrics."""
        node = self._node
        (folder / "m.yaml").write_text("matrix: m\nrules: [{id: a}]\n", encoding="utf-8")
        node.boot()
        port = 19100  # the namespace is the test's own
        node.inside("ip", "link", "set", "lo", "up")
        node.start("--policy", str(folder), "--metrics_listen", f"127.0.0.1:{port}")
        self.expect("files in status", "the last good one" in node.alarms()["policy files"], True)
        self.expect("files in the log", "the last good one" in node.log.read_text(errors="replace"), True)
        metrics = node.inside("/usr/bin/python3", "-c", "import urllib.request as u; "
                              f"print(u.urlopen('http://127.0.0.1:{port}/metrics').read().decode())")
        self.expect("files in metrics", 'portmatrix_alarm{subject="policy files"} 1' in metrics, True)
        confirmed = node.status()["confirmed"]
        node.boot()
        fingerprint = _stored_policy(node, confirmed)
        fingerprint.write_text("{", encoding="utf-8")
        node.start()
        self.expect("stored policy in status", f"generation {confirmed}" in node.alarms()["stored policy"], True)
        self._still_good("booted with a broken stored policy")


def _stored_policy(node: Node, number: int) -> pathlib.Path:
    stored = json.loads((node.state / "generations" / f"{number}.json").read_text(encoding="utf-8"))
    return node.state / "sources" / f"{stored['fingerprint']}.json"


def _write(folder: pathlib.Path, wanted: dict) -> None:
    for document in wanted["documents"]:
        path = folder / document["path"].removeprefix("policy/")
        beside = path.with_suffix(".new")
        beside.write_text(document["text"], encoding="utf-8")
        beside.rename(path)


if __name__ == "__main__":
    sys.exit(run_stories({"trials": Trials}))
