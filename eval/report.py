"""A run's figures for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from eval.run import Row, figures


def show(console: Console, rows: Sequence[Row]) -> None:
    """Print every figure with its n and its 95% bootstrap interval."""
    table = Table("measure", box=None, pad_edge=False)
    for name in ("value", "95% interval", "n"):
        table.add_column(name, justify="right")
    for name, figure in figures(rows).items():
        value, interval = figure["value"], figure["interval"]
        table.add_row(
            name,
            "–" if value is None else f"{value:.3f}",
            f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "",
            f"{figure['n']:,}",
        )
    console.print(table)
