# SPDX-License-Identifier: Apache-2.0
"""Where packets are counted, by name: `external/m/web in`, `external/m/web in replies`, `external in default dropped`. A packet is in
exactly one of these places."""

# What the rules count stands there already.
_SUMS = ("rule", "reply")
# The kernel speaks of groups and neighbours of its own accord.
_BACKGROUND = " neighbour passed"


def places(said: dict) -> dict[str, tuple[int, int]]:
    """Packets and bytes by place, of what `portmatrix --json counters` says."""
    found = {}
    for rule in said["rules"]:
        name = f"{rule['rule']} {rule['direction']}"
        found[name] = (rule["packets"], rule["bytes"])
        found[f"{name} replies"] = (rule["reply_packets"], rule["reply_bytes"])
    for reason in said["reasons"] + said.get("device_reasons", []):
        owner = reason["interface"] if "interface" in reason else reason["device"]
        if reason["reason"] in _SUMS:
            continue
        for fate in ("dropped", "audited", "passed"):
            found[f"{owner} {reason['direction']} {reason['reason']} {fate}"] = (reason[f"{fate}_packets"], reason[f"{fate}_bytes"])
    for fault, count in said.get("faults", {}).items():
        found[f"fault {fault}"] = (count, 0)
    return found


def differences(before: dict, now: dict, expected: dict) -> list[str]:
    """Where what was added is not what was expected; what is not expected must not have grown."""
    found = []
    for place in sorted({*before, *now, *expected}):
        if place.endswith(_BACKGROUND) and place not in expected:
            continue
        old, new, wanted = before.get(place, (0, 0)), now.get(place, (0, 0)), expected.get(place, (0, 0))
        grown = (new[0] - old[0], new[1] - old[1])
        if grown != wanted:
            found.append(f"{place} grew by {grown[0]} packets, {grown[1]} bytes, not {wanted[0]} packets, {wanted[1]} bytes")
    return found
