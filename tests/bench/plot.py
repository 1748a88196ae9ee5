# SPDX-License-Identifier: Apache-2.0
"""Figures as SVG: lines over the number of rules, both axes logarithmic."""

import math
import pathlib

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 420, 80, 210, 40, 50
_COLOURS = ("#0b6e99", "#d9480f", "#2b8a3e", "#862e9c", "#c92a2a", "#495057", "#e67700", "#5c940d")


def draw(result: dict, out: pathlib.Path) -> None:
    if "cost" in result:
        series = {}
        for figure in result["cost"]:
            if figure["threads"] == 1 and figure["style"] != "lync" and figure["kind"] == "in allowed":
                series.setdefault(f"{figure['style']}, IPv{figure['family']}", []).append((figure["rules"], figure["net_ns"]))
        _lines(out / "cost.svg", "Nanoseconds a packet, net, by number of rules", series)
    if "memory" in result:
        series = {name: [(figure["rules"], figure[key] / 1e6) for figure in result["memory"]]
                  for name, key in (("tables", "tables"), ("all maps", "maps"), ("agent", "agent"))}
        _lines(out / "memory.svg", "Megabytes, by number of rules", series)
    if "rate" in result:
        series = {}
        for figure in result["rate"]:
            series.setdefault(figure["contestant"], []).append((figure["rules"], figure["rate"] / 1e6))
        _lines(out / "rate.svg", "Million packets a second dropped through veth, by number of rules", series)


def _lines(path: pathlib.Path, title: str, series: dict[str, list[tuple[float, float]]]) -> None:
    points = [point for line in series.values() for point in line]
    if not points:
        return
    (x_low, x_high), (y_low, y_high) = (_decades([point[axis] for point in points]) for axis in (0, 1))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - x_low) / (x_high - x_low) * (_WIDTH - _LEFT - _RIGHT)
        up = (math.log10(y) - y_low) / (y_high - y_low) * (_HEIGHT - _TOP - _BOTTOM)
        return _LEFT + across, _HEIGHT - _BOTTOM - up

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/><text x="{_LEFT}" y="22" font-size="15">{title}</text>']
    for decade in range(x_low, x_high + 1):
        x = place(10.0 ** decade, 10.0 ** y_low)[0]
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" stroke="#dee2e6"/>'
                     f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{10 ** decade:,}</text>')
    for decade in range(y_low, y_high + 1):
        y = place(10.0 ** x_low, 10.0 ** decade)[1]
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dee2e6"/>'
                     f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0 ** decade:g}</text>')
    for number, (name, line) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        placed = [place(*point) for point in sorted(line)]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in placed)}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed]
        parts.append(f'<text x="{_WIDTH - _RIGHT + 12}" y="{_TOP + 16 + 18 * number}" fill="{colour}">{name}</text>')
    path.write_text("\n".join(parts) + "\n</svg>\n", encoding="ascii")


def _decades(values: list[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)
