"""The plots of the report, as SVG: colours come from the page's style sheet, by class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 18, 14, 44
BARS = 24

Point = tuple[float, float]


@dataclass
class Plot:
    """Axes, and what is drawn between them. `x` and `y` are (low, high) of the data.

    `place` maps a value of x to [0, 1]; by default it is linear.
    """

    title: str
    x_label: str
    y_label: str
    x: Point
    y: Point
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    place: Callable[[float], float] | None = None
    parts: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> Point:
        """Where a value is drawn."""
        share = self.place(x) if self.place else (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return round(LEFT + share * across, 1), round(TOP + (1 - up) * down, 1)

    def line(self, points: Sequence[Point], kind: str) -> None:
        """A line through the points."""
        drawn = " ".join(f"{x},{y}" for x, y in (self.at(*point) for point in points))
        self.parts.append(f'<polyline class="line {kind}" points="{drawn}"/>')

    def dots(self, points: Sequence[Point], kind: str, said: Sequence[str]) -> None:
        """A dot at each point, which says something when pointed at."""
        for point, words in zip(points, said, strict=True):
            x, y = self.at(*point)
            self.parts.append(
                f'<circle class="dot {kind}" cx="{x}" cy="{y}" r="4">'
                f"<title>{escape(words)}</title></circle>"
            )

    def bar(self, x: Point, height: float, said: str) -> None:
        """An upright bar between two values of x."""
        (left, top), (right, floor) = self.at(x[0], height), self.at(x[1], self.y[0])
        width = max(0.5, right - left - 1)
        self.parts.append(
            f'<rect class="bar" x="{left}" y="{top}" width="{width:.1f}" '
            f'height="{max(0.0, floor - top):.1f}"><title>{escape(said)}</title></rect>'
        )

    def upright(self, x: float, words: str, row: int = 0) -> None:
        """A dashed line at a value of x, with words beside its upper end; rows count downwards."""
        across, floor = self.at(x, self.y[0])
        left = across > LEFT + 90
        height = TOP + 14 * row
        self.parts.append(
            f'<line class="mark" x1="{across}" x2="{across}" y1="{height}" y2="{floor}"/>'
        )
        self.write(across + (-5 if left else 5), height + 10, words, "end" if left else "start")

    def write(self, x: float, y: float, words: str, anchor: str = "start") -> None:
        """Words at a place of the drawing."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def svg(self) -> str:
        """The whole drawing."""
        floor, end = HEIGHT - BOTTOM, WIDTH - RIGHT
        axes = []
        for value, words in self.y_ticks:
            _, y = self.at(self.x[0], value)
            axes.append(f'<line class="grid" x1="{LEFT}" x2="{end}" y1="{y}" y2="{y}"/>')
            axes.append(f'<text x="{LEFT - 7}" y="{y + 4}" text-anchor="end">{words}</text>')
        for value, words in self.x_ticks:
            x, _ = self.at(value, self.y[0])
            axes.append(f'<text x="{x}" y="{floor + 17}" text-anchor="middle">{words}</text>')
        axes.append(f'<line class="axis" x1="{LEFT}" x2="{end}" y1="{floor}" y2="{floor}"/>')
        middle = TOP + (floor - TOP) / 2
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(self.title)}">'
            f"<title>{escape(self.title)}</title>{''.join(axes)}{''.join(self.parts)}"
            f'<text class="label" x="{LEFT + (end - LEFT) / 2}" y="{HEIGHT - 7}" '
            f'text-anchor="middle">{escape(self.x_label)}</text>'
            f'<text class="label" transform="translate(13 {middle}) rotate(-90)" '
            f'text-anchor="middle">{escape(self.y_label)}</text></svg>'
        )


def risk_coverage(curve: Sequence[Sequence[float]], lowest_given: float | None) -> str:
    """Share of wrong answers against the share of questions answered, and where it stands now."""
    top = max(0.2, *(risk for _, risk, _ in curve))
    plot = Plot("Risk against coverage", "share of questions answered", "share of them wrong",
                (0, 1), (0, top * 1.05), _shares(1), _shares(top))  # fmt: skip
    plot.line([(coverage, risk) for coverage, risk, _ in curve], "one")
    given = [row for row in curve if lowest_given is not None and row[2] >= lowest_given]
    if given:
        coverage, risk, sure = given[-1]
        plot.upright(coverage, "in use")
        said = f"confidence {sure:.2f} and more: {coverage:.0%} answered, {risk:.0%} wrong"
        plot.dots([(coverage, risk)], "one", [said])
    return plot.svg()


def reliability(bins: Sequence[Sequence[float]]) -> str:
    """Share right against confidence, with 95% intervals (Wilson 1927)."""
    plot = Plot("Reliability of the confidence", "confidence", "share right",
                (0, 1), (0, 1), _shares(1), _shares(1))  # fmt: skip
    plot.line([(0, 0), (1, 1)], "ideal")
    points = [(sure, right) for sure, right, _ in bins]
    for sure, right, n in bins:
        low, high = _wilson(right, n)
        plot.parts.append(_upright(plot.at(sure, low), plot.at(sure, high)))
    said = [f"confidence {sure:.2f}: {right:.0%} right of {n:.0f}" for sure, right, n in bins]
    plot.dots(points, "one", said)
    return plot.svg()


def at_k(title: str, y_label: str, channels: Mapping[str, Mapping[int, float]]) -> str:
    """A measure at each k, a line a channel, k on a logarithmic scale."""
    cuts = sorted({cut for values in channels.values() for cut in values})
    low, high = np.log(cuts[0]), max(np.log(cuts[-1]), np.log(cuts[0]) + 1e-9)
    plot = Plot(title, "k", y_label, (cuts[0], cuts[-1]), (0, 1),
                [(cut, str(cut)) for cut in cuts], _shares(1),
                place=lambda x: float((np.log(x) - low) / (high - low)))  # fmt: skip
    for row, (channel, values) in enumerate(channels.items()):
        points = [(float(cut), values[cut]) for cut in sorted(values)]
        plot.line(points, channel)
        plot.dots(points, channel, [f"{channel}, top {x:.0f}: {y:.3f}" for x, y in points])
        y = HEIGHT - BOTTOM - 14 - 17 * (len(channels) - 1 - row)
        plot.parts.append(f'<circle class="dot {channel}" cx="{WIDTH - 92}" cy="{y - 4}" r="4"/>')
        plot.write(WIDTH - 82, y, channel)
    return plot.svg()


def latency(times: Sequence[float], quantiles: Mapping[str, float]) -> str:
    """How many questions took how long; the slowest hundredth is drawn in the last bar."""
    low = 0.0
    high = max(quantiles["p99"] * 1.05, 1.0)
    counts, edges = np.histogram(np.clip(times, low, high), bins=BARS, range=(low, high))
    top = float(max(counts.max(), 1))
    plot = Plot("Time a question", "milliseconds", "questions", (low, high), (0, top * 1.2),
                _round_ticks(high), _round_ticks(top))  # fmt: skip
    for count, left, right in zip(counts, edges, edges[1:], strict=False):
        said = f"{left:,.0f} to {right:,.0f} ms: {count:,}"
        plot.bar((float(left), float(right)), float(count), said)
    # The line furthest to the right is the highest, so that none runs through another's words.
    for row, (name, value) in enumerate(reversed(list(quantiles.items()))):
        plot.upright(value, f"{name} {value:,.0f} ms", row=row)
    return plot.svg()


def _wilson(share: float, n: float, z: float = 1.96) -> Point:
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _upright(low: Point, high: Point) -> str:
    return f'<line class="spread" x1="{low[0]}" x2="{high[0]}" y1="{low[1]}" y2="{high[1]}"/>'


def _shares(top: float) -> list[tuple[float, str]]:
    step = 0.25 if top > 0.6 else 0.1 if top > 0.25 else 0.05
    return [(n * step, f"{n * step:.0%}") for n in range(int(top / step + 1e-9) + 1)]


def _round_ticks(top: float) -> list[tuple[float, str]]:
    """0 and up to five multiples of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(max(top, 1) / 5))
    step = max(1.0, next(power * n for n in (1, 2, 5, 10) if power * n * 5 >= top))
    return [(n * step, f"{n * step:,.0f}") for n in range(int(top / step) + 1)]
