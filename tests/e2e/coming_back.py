#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What stays as it is whatever happens around it: every rule's counts, a detachment, and the history of changes.

   frames ══ outer0 ┐
                    ├ node n1: portmatrixd
   frames ══ inner0 ┘
"""

import datetime
import json
import subprocess
import sys
import time

from tap_node import Node
from story import Story, policy, run_stories


class Identity(Story):
    """Counters keep their rule's identity, whatever happens around them."""

    def run(self) -> None:
        node, send = self._node, self._taps.send
        node.start()
        node.apply(policy("a:7001", "b:7002"))
        send("outer0", 7001, 5)
        send("outer0", 7002, 3)
        changes = {
            "insertion before it": lambda: node.apply(policy("new:7009", "a:7001", "b:7002")),
            "insertion after it": lambda: node.apply(policy("new:7009", "a:7001", "b:7002", "c:7003")),
            "removal of another": lambda: node.apply(policy("a:7001", "b:7002")),
            "reordering": lambda: node.apply(policy("b:7002", "a:7001")),
            "another content under its key": lambda: node.apply(policy("b:7002", "a:7001-7002")),
            "moving to another file": lambda: node.apply(policy(files_of={"moved__here": ["a:7001", "b:7002"]})),
            "a trial that falls back": self._trial,
            "a restart": lambda: (node.stop(), node.start()),
            "a kill": lambda: (node.kill(), node.start()),
            "an upgrade of the program": self._upgrade,
        }
        sent = 5
        for what, change in changes.items():
            change()
            self.expect(f"after {what}: packets of a", self.rule("a"), sent)
            self.expect(f"after {what}: packets of b", self.rule("b"), 3)
            send("outer0", 7001)
            sent += 1
            self.expect(f"counting on after {what}", self.rule("a"), sent)
            self.sums()
        # Slots: a rule that goes leaves its sum to the interface, and nothing to who comes after it.
        for name in ("x", "y"):
            node.apply(policy("a:7001", f"{name}:7002"))
        self.expect("b after two generations without it", self.rule("b"), None)
        node.apply(policy("a:7001", "b:7002", *(f"n{number}:{7100 + number}" for number in range(20))))
        for name in ("b", *(f"n{number}" for number in range(20))):
            self.expect(f"packets of {name}, which is new", self.rule(name), 0)
        retired = node.counters().seen["outer", "in"][1]
        self.expect("packets that retired with b", retired >= 3, True)
        self.sums()

    def _trial(self) -> None:
        self._node.apply(policy("z:7005"), confirm_seconds=60)
        self._node.ask("POST", "/v1/rollback", {})

    def _upgrade(self) -> None:
        """The pins as another version's program leaves them: the next start must put its own on every hook."""
        node = self._node
        before = _programs(node)
        node.kill()
        _run_bpftool("map", "update", "pinned", str(node.pin_root / "maps" / "identity"), "key", "0", "0", "0", "0",
                     "value", "hex", *_identity(node, bytes(32)))
        node.start()
        after = _programs(node)
        self.expect("hooks with a program", sorted(after), sorted(before))
        self.expect("hooks whose program was not exchanged", [hook for hook in before if before[hook] == after[hook]], [])
        # And the same program is left alone.
        node.stop()
        node.start()
        self.expect("programs after a restart of the same version", _programs(node), after)


def _run_bpftool(*arguments: str) -> str:
    return subprocess.run(["bpftool", *arguments], capture_output=True, text=True, check=True).stdout


def _identity(node: Node, fingerprint: bytes) -> list[str]:
    dump = json.loads(_run_bpftool("-j", "map", "dump", "pinned", str(node.pin_root / "maps" / "identity")))
    value = dump[0]["value"]
    value[8:40] = [f"0x{byte:02x}" for byte in fingerprint]
    return [byte.removeprefix("0x") for byte in value]


def _programs(node: Node) -> dict[str, int]:
    found = {}
    for link in sorted((node.pin_root / "links").rglob("*")):
        if link.is_file():
            shown = json.loads(_run_bpftool("-j", "link", "show", "pinned", str(link)))
            found[f"{link.parent.name} {link.name}"] = (shown[0] if isinstance(shown, list) else shown)["prog_id"]
    return found


class Detaching(Story):
    """`detach` and an agent never fight, and both remember."""

    def run(self) -> None:
        node = self._node
        node.start()
        wanted = policy("a:7001")
        for what, before, after in (("with a living agent", lambda: None, lambda: None),
                                    ("without an agent", node.kill, node.start)):
            node.apply(wanted)
            self.expect(f"{what}: hooked", (node.pin_root / "links" / "xdp" / "outer0").exists(), True)
            before()
            node.command("detach", "--yes")
            self.expect(f"{what}: pins", [str(pin) for pin in node.pin_root.rglob("*") if pin.is_file()] if what.endswith("out an agent")
                        else [], [])
            after()
            self.wait(f"{what}: alarm", lambda: "detached" in node.alarms().get("enforcement", ""))
            self.expect(f"{what}: attachments", node.status()["attachments"], [])
            for again in ("restarted", "booted"):
                (node.stop if again == "restarted" else node.boot)()
                node.start()
                self.expect(f"{what}, {again}: attachments", node.status()["attachments"], [])
                self.expect(f"{what}, {again}: alarm", "detached" in node.alarms().get("enforcement", ""), True)
        node.apply(wanted)
        self.expect("after apply", [hook["device"] for hook in node.status()["attachments"]], ["outer0"])


class History(Story):
    """Who, when, what changed and from which file."""

    def run(self) -> None:
        node = self._node
        node.start()
        node.apply(policy("a:7001", "b:7002"))
        node.apply(policy("a:7001-7003", "c:7004"), confirm_seconds=600)
        node.confirm()
        node.command("rollback", "1")
        history = node.history()
        self.expect("outcomes", [entry["outcome"] for entry in history.values()], ["confirmed"] * len(history))
        first, second, third = (history[number] for number in sorted(history))
        self.expect("who", (second["uid"], second["user"]), (0, "root"))
        self.expect("when", abs(time.time() - _seconds(second["time"])) < 600, True)
        self.expect("how", (first["note"], second["confirm_seconds"], third["note"]), ("apply", 600, "rollback to 1"))
        self.expect("files", second["files"], ["policy/m.yaml", "policy/node.yaml"])
        self.expect("what", [(rule["change"], rule["rule"], rule["place"]) for rule in second["changes"]["rules"]],
                    [("removed", "outer/m/b in", "policy/m.yaml:4"), ("added", "outer/m/c in", "policy/m.yaml:4"),
                     ("changed", "outer/m/a in", "policy/m.yaml:3")])
        line = node.command("history").splitlines()[2]
        for word in ("confirmed", "root", "+1 -1 ~1", "policy/m.yaml", "apply"):
            self.expect(f"`{word}` in {line}", word in line, True)


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


if __name__ == "__main__":
    sys.exit(run_stories({"identity": Identity, "detaching": Detaching, "history": History}))
