# SPDX-License-Identifier: Apache-2.0
"""The kernel's counters of one node at one moment, what should have been added to them, and where the two differ."""

import collections
import dataclasses

from clients import Cost

# Passed by what they are, at any time: resolution of neighbours.
_BACKGROUND = ("neighbour", "ethertype")
# Sums of what the rules count.
_CREDITED = ("rule", "reply")


class Counters:
    """What `portmatrix --json counters` says."""

    def __init__(self, said: dict):
        self.generation = said["generation"]
        self.rules = collections.defaultdict(Cost)
        for rule in said["rules"]:
            self.rules[rule["rule"], rule["direction"]] = Cost(
                rule["packets"], rule["reply_packets"], rule["bytes"], rule["reply_bytes"])
        # By interface, or device for what selected no interface.
        self.reasons = collections.Counter()
        for reason in said["reasons"] + said.get("device_reasons", []):
            for fate in ("dropped", "audited", "passed"):
                self.reasons[_owner(reason), reason["direction"], reason["reason"], fate] = reason[f"{fate}_packets"]
        self.seen = {(_owner(entry), entry["direction"]): (entry["packets"], entry["retired_packets"])
                     for entry in said["interfaces"] + said.get("devices", [])}
        self.faults = collections.Counter(said.get("faults", {}))

    def drops(self, before: "Counters") -> collections.Counter:
        """What the default has dropped since, by side and direction."""
        return collections.Counter({
            (side, direction): packets - before.reasons[side, direction, reason, fate]
            for (side, direction, reason, fate), packets in self.reasons.items() if (reason, fate) == ("default", "dropped")})

    def growth(self, before: "Counters", row) -> Cost:
        """What a row's rule has counted since."""
        old, new = before.rules[row.key, row.direction], self.rules[row.key, row.direction]
        return Cost(new.packets - old.packets, new.replies - old.replies,
                    new.bytes - old.bytes, new.reply_bytes - old.reply_bytes)

    def unaccounted(self) -> list[str]:
        """Every packet counts in exactly one place; where the sums do not say so."""
        found = []
        for (owner, direction), (seen, retired) in self.seen.items():
            placed = retired
            for (key, travels), cost in self.rules.items():
                if key.split("/")[0] == owner:
                    placed += cost.packets if travels == direction else cost.replies
            for (where, travels, reason, _), packets in self.reasons.items():
                if (where, travels) == (owner, direction) and reason not in _CREDITED:
                    placed += packets
            if placed != seen:
                found.append(f"{owner} {direction}: {seen} packets seen, {placed} accounted for")
        return found


def _owner(entry: dict) -> str:
    return entry["interface"] if "interface" in entry else entry["device"]


@dataclasses.dataclass
class Expected:
    """What the counters must grow by: rules by (key, direction), the default's drops by side and direction, drops for other
    reasons and passes by side, direction and reason. Everything that is not named must stand still."""
    rules: dict = dataclasses.field(default_factory=dict)
    drops: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    other_drops: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    passes: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def credit(self, row, cost: Cost) -> None:
        self.rules.setdefault((row.key, row.direction), Cost()).add(cost)

    def differences(self, before: Counters, after: Counters) -> list[str]:
        faults = [f"fault {word} grew by {after.faults[word] - count}" for word, count in before.faults.items()
                  if after.faults[word] != count]
        return self._rule_differences(before, after) + self._reason_differences(before, after) + faults

    def _rule_differences(self, before: Counters, after: Counters) -> list[str]:
        found = []
        for name in {**before.rules, **after.rules, **self.rules}:
            old, new, wanted = before.rules[name], after.rules[name], self.rules.get(name, Cost())
            for what in ("packets", "replies", "bytes", "reply_bytes"):
                grown = getattr(new, what) - getattr(old, what)
                if getattr(wanted, what) not in (None, grown):
                    found.append(f"{name[0]}: {what.replace('_', ' ')} grew by {grown}, not {getattr(wanted, what)}")
        return found

    def _reason_differences(self, before: Counters, after: Counters) -> list[str]:
        found = []
        for name in {**before.reasons, **after.reasons}:
            side, direction, reason, fate = name
            if reason in _CREDITED or (reason in _BACKGROUND and fate == "passed"):
                continue
            wanted = 0
            if (reason, fate) == ("default", "dropped"):
                wanted = self.drops[side, direction]
            elif fate == "dropped":
                wanted = self.other_drops[side, direction, reason]
            elif fate == "passed":
                wanted = self.passes[side, direction, reason]
            grown = after.reasons[name] - before.reasons[name]
            if grown != wanted:
                found.append(f"{side} {direction}: {fate} for {reason} grew by {grown}, not {wanted}")
        return found
