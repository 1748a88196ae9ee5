# SPDX-License-Identifier: Apache-2.0
"""Does what was printed agree with what a page shows? Times, long hexadecimal numbers and white space may differ, and where the page
says so numbers too."""

import re

ANY_LINES = "..."
_ANY_TEXT = "…"
_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?"), "TIME"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,64}\b"), "HEX"),
    (re.compile(r"\s+"), " "),
)


def difference(shown: list[str], printed: list[str], numbers_vary: bool) -> str | None:
    """The first line of the page that nothing printed agrees with, or what was printed beyond it; nothing if they agree."""
    patterns = [None if line == ANY_LINES else _pattern(line, numbers_vary) for line in shown]
    texts = [_plain(line, numbers_vary) for line in printed]
    return None if _agree(patterns, texts) else _first_difference(shown, patterns, printed, texts)


def _plain(line: str, numbers_vary: bool) -> str:
    for pattern, word in _VARYING:
        line = pattern.sub(word, line.rstrip())
    return re.sub(r"\d+", "N", line) if numbers_vary else line


def _pattern(line: str, numbers_vary: bool) -> re.Pattern:
    return re.compile(".*".join(re.escape(_plain(part, numbers_vary)) if part.strip() else ".*" for part in line.split(_ANY_TEXT))
                      if _ANY_TEXT in line else re.escape(_plain(line, numbers_vary)))


def _agree(patterns: list, texts: list[str]) -> bool:
    # reachable[j]: the patterns so far can stand for the first j lines.
    reachable = {0}
    for pattern in patterns:
        if pattern is None:
            reachable = set(range(min(reachable), len(texts) + 1)) if reachable else set()
        else:
            reachable = {j + 1 for j in reachable if j < len(texts) and pattern.fullmatch(texts[j])}
    return len(texts) in reachable


def _first_difference(shown: list[str], patterns: list, printed: list[str], texts: list[str]) -> str:
    for count in range(len(patterns), -1, -1):
        if any(_agree(patterns[:count], texts[:j]) for j in range(len(texts) + 1)):
            break
    wanted = shown[count] if count < len(shown) else "the end"
    return f"the page shows: {wanted}\nprinted was:\n" + "\n".join(f"  | {line}" for line in printed)
