"""A run's figures, and the difference of two, in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from eval.compare import GATES, Comparison, Difference
from eval.measures import Figure
from eval.tune import Tuned
from rag.show import plain

FEW = 20
"""Flipped questions that are printed, each way."""


def run(console: Console, metrics: Mapping[str, Any]) -> None:
    """Every figure with its n and its 95% bootstrap interval; what was found by channel; errors."""
    if metrics["figures"]:
        figures(console, metrics["figures"])
    if metrics["retrieval"]:
        console.print()
        channels(console, metrics["retrieval"], _SHOWN[metrics["kind"]])
    if any(metrics["errors"].values()):
        counts = metrics["errors"].items()
        said = ", ".join(f"{name} {count:,}" for name, count in counts if count)
        console.print(Text(f"\nErrors: {said}"))
    for note in metrics.get("notes", ()):
        console.print(Text(f"Note: {plain(note)}.", style="bold"))
    if "speed" in metrics:
        speed, times = metrics["speed"], metrics.get("latency_ms")
        took = times and (
            f"A question took {times['p50']:,.0f} ms (p50), {times['p95']:,.0f} ms (p95). "
        )
        rate = f"{speed['questions_per_s']:g} questions a second, {speed['workers']} at work."
        console.print(Text((took or "") + rate))


def channels(
    console: Console, found: Mapping[str, Mapping[str, Figure]], names: Sequence[str]
) -> None:
    """A table of measures by channel."""
    table = Table("retrieval", box=None, pad_edge=False)
    for channel in found:
        table.add_column(channel, justify="right", no_wrap=True)
    for name in names:
        cells = []
        for of in found.values():
            low, high = of[name]["interval"] or (float("nan"), float("nan"))
            cells.append(f"{of[name]['value'] or 0:.3f} [{low:.3f}, {high:.3f}]")
        table.add_row(name, *cells)
    console.print(table)


def figures(console: Console, found: Mapping[str, Figure]) -> None:
    """A table of figures."""
    table = Table("measure", box=None, pad_edge=False)
    for name in ("value", "95% interval", "n"):
        table.add_column(name, justify="right")
    for name, figure in found.items():
        value, interval = figure["value"], figure["interval"]
        table.add_row(
            name,
            "–" if value is None else f"{value:.3f}",
            f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "",
            f"{figure['n']:,}",
        )
    console.print(table)


def differences(console: Console, found: Sequence[Difference]) -> None:
    """A table of measures before and after."""
    table = Table("measure", box=None, pad_edge=False)
    for name in ("before", "after", "difference, 95% interval", "n", ""):
        table.add_column(name, justify="right")
    for one in found:
        low, high = one.interval
        table.add_row(
            one.name, f"{one.before:.3f}", f"{one.after:.3f}",
            f"{one.after - one.before:+.3f} ({low:+.3f} to {high:+.3f})", f"{one.n:,}", one.verdict,
        )  # fmt: skip
    console.print(table)


def comparison(console: Console, found: Comparison) -> None:
    """Every measure before and after, and the questions that flipped."""
    differences(console, found.differences)
    gates = [one.name for one in found.differences if one.name in GATES]
    said = f"A significant loss in {', '.join(gates)} is exit code 3."
    console.print(Text(said, style="dim"))
    if found.unpaired:
        why = "of one run alone, or with other right answers"
        console.print(Text(f"{found.unpaired:,} questions {why}, are left out."))
    ways = {"Right before, wrong now": found.lost, "Wrong before, right now": found.won}
    if found.kind == "searched":  # no answers, right or wrong
        return
    for title, flips in ways.items():
        console.print(Text(f"\n{title}: {len(flips):,}", style="bold"))
        for ident, question, error in flips[:FEW]:
            console.print(Text(f"  {plain(ident)}  {plain(question)}  ({error})"))
        if len(flips) > FEW:
            console.print(Text(f"  and {len(flips) - FEW:,} more (--json has them all)"))


def tuned(console: Console, found: Tuned) -> None:
    """What was tried on one half, what it is worth on the other, and what to set."""
    for step, values in found.tried.items():
        best = sorted(values.items(), key=lambda pair: -pair[1])[:5]
        said = ", ".join(f"{name} {value:.4f}" for name, value in best)
        console.print(Text(f"{step}: {said}"))
    console.print(Text(f"\nOn the other half ({found.reporting:,} questions)", style="bold"))
    differences(console, found.differences)
    changed = {
        name: value
        for name, value in asdict(found.chosen).items()
        if value != getattr(found.in_use, name)
    }
    console.print()
    if not changed:
        console.print(Text("Nothing is better than what is in use."))
        return
    for name in ("passages", "max_risk"):
        if name in changed:
            console.print(Text(f"settings.toml: {name} = {changed.pop(name)}"))
    if changed:
        said = ", ".join(f"{name} = {value}" for name, value in changed.items())
        console.print(Text(f"In code alone (index.build.sync, index.retrieve.search): {said}"))


_SHOWN = {
    "asked": ("Success@1", "Success@5", "Success@20", "R@5", "RR", "nDCG@10"),
    "searched": ("R@5", "R@10", "R@100", "RR", "nDCG@10"),
    "read": (),
}
