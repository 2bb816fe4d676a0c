"""A run as one HTML file that needs nothing else: no network, no other file.

Everything that comes from documents and questions is handed over as lines of JSON, in which no
``<`` is written, and put on the page as text by ``static/report.js``. The page's own policy lets
nothing run or load but that script and that style sheet. The rows are written one at a time, so
that a long run needs no more memory than a short one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from eval import plots
from eval.judge import ERRORS
from eval.measures import Figure
from eval.report_rows import Pages
from eval.runs import ENVIRONMENT, METRICS, read_json, rows_of

STATIC = Path(__file__).parent / "static"
FILE = "report.html"

HEADLINES = (
    "right answer at the top", "token F1", "exact match", "right document cited",
    "answer-bearing passage in the top 5", "right decisions", "share answered",
    "wrong among the answers given", "best token F1 with unanswerables",
    "AUROC of right by confidence",
)  # fmt: skip
MOST_HEADLINES = 6

RISK = "If only the surest answers were given: how many of them are wrong."
RELIABILITY = "Bins of equal count, with 95% intervals. Ideal is the diagonal."
PASSAGES = (
    "Answer-bearing passage found",
    "Share of the answerable questions with one among the first k, by channel.",
    "Success@",
)
DOCUMENTS = (
    "Recall of relevant documents",
    "Share of the relevant documents among the first k, by channel.",
    "R@",
)


def write(folder: Path) -> Path:
    """Write ``report.html`` into the folder of a run, from the other files there.

    Raises:
        QuestionError: it is not the folder of a finished run.
    """
    file, aside = folder / FILE, folder / f"{FILE}.new"
    environment = read_json(folder / ENVIRONMENT)
    metrics = read_json(folder / METRICS)
    times = array("d", (row["elapsed_ms"] for row in rows_of(folder) if "elapsed_ms" in row))
    with aside.open("w", encoding="utf-8", errors="replace") as stream:
        stream.write(_top(environment, metrics, times))
        stream.writelines(_lines(folder, metrics["kind"]))
        stream.write(f"</script><script>{_static('report.js')}</script></body></html>\n")
    aside.replace(file)
    return file


def _lines(folder: Path, kind: str) -> Iterator[str]:
    """The data: the kind of run; then each row, after the texts that it is the first to show."""
    yield _json({"kind": kind}) + "\n"
    pages = Pages()
    for row in rows_of(folder):
        small, texts = pages.row(row)
        for text in texts:
            yield _json({"source": text}) + "\n"
        yield _json({"row": small}) + "\n"


def _top(environment: Mapping[str, Any], metrics: Mapping[str, Any], times: Sequence[float]) -> str:
    """The page down to where the data begins; `times` are those of the questions, in ms."""
    style, script = _static("report.css"), _static("report.js")
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'"
    title = f"{environment['set']['name']} · Spanwise evaluation"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>"
        f"{_head(environment, metrics)}{_cards(metrics)}{_plots(metrics, times)}"
        f"{_errors(metrics)}{_tables(metrics)}{_questions()}{_made_with(environment)}</main>"
        '<script type="application/json" id="data">'
    )


def _static(name: str) -> str:
    return (STATIC / name).read_text("utf-8")


def _head(environment: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    made, asked = environment["made with"], environment["set"]
    index = made.get("index")
    parts = [f"{metrics['questions']:,} questions"]
    if asked.get("of", 0) > metrics["questions"]:
        parts.append(f"of {asked['of']:,}, drawn with seed {asked.get('seed')}")
    if metrics["kind"] != "searched":
        parts.append(f"{metrics['answerable']:,} answerable")
    parts.append(
        f"collection {index['collection']}: {index['documents']:,} documents, "
        f"{index['passages']:,} passages" if index else "each with its own passage"
    )  # fmt: skip
    if "reader" in made:
        parts.append(f"reader {made['reader']['name']} ({made['reader']['sha256'][:8]})")
    parts.append(environment["started"].replace("T", " ").replace("+00:00", " UTC"))
    said = " · ".join(escape(part) for part in parts)
    notes = "".join(f'<p class="note">{escape(note)}.</p>' for note in metrics.get("notes", ()))
    return f"<header><h1>{escape(asked['name'])}</h1><p>{said}</p>{notes}</header>"


def _cards(metrics: Mapping[str, Any]) -> str:
    figures = metrics["figures"]
    if metrics["kind"] == "searched":
        figures = {f"nDCG@10, {c}": of["nDCG@10"] for c, of in metrics["retrieval"].items()}
    names = [name for name in HEADLINES if figures.get(name, {}).get("n")] or list(figures)
    cards = []
    for name in names[:MOST_HEADLINES]:
        figure = figures[name]
        if figure["value"] is not None:
            cards.append(
                f'<div class="card"><h3>{escape(name)}</h3><p class="value">{figure["value"]:.3f}'
                f"</p>{_whisker(figure)}<p>{_interval(figure)} · n {figure['n']:,}</p></div>"
            )
    return f'<section class="cards">{"".join(cards)}</section>'


def _whisker(figure: Figure) -> str:
    """The value and its interval on a line from 0 to 1."""
    if not figure["interval"] or not 0 <= figure["value"] <= 1:
        return ""
    low, high = (round(200 * bound, 1) for bound in figure["interval"])
    return (
        '<svg class="whisker" viewBox="-4 0 208 12" preserveAspectRatio="xMinYMid" '
        'aria-hidden="true">'
        '<line class="axis" x1="0" x2="200" y1="6" y2="6"/>'
        f'<line class="range" x1="{low}" x2="{high}" y1="6" y2="6"/>'
        f'<circle class="dot one" cx="{200 * figure["value"]:.1f}" cy="6" r="4"/></svg>'
    )


def _plots(metrics: Mapping[str, Any], times: Sequence[float]) -> str:
    drawn = []
    if metrics.get("risk_coverage"):
        curve = plots.risk_coverage(metrics["risk_coverage"], metrics["lowest_given"])
        drawn.append(("Risk against coverage", RISK, curve))
        bins = plots.reliability(metrics["reliability"])
        drawn.append(("Reliability of the confidence", RELIABILITY, bins))
    if metrics["retrieval"]:
        searched = metrics["kind"] == "searched"
        title, said, kind = DOCUMENTS if searched else PASSAGES
        curves = {
            channel: _by_cut(figures, kind) for channel, figures in metrics["retrieval"].items()
        }
        drawn.append((title, said, plots.at_k(title, "share", curves)))
    if times and "latency_ms" in metrics:
        histogram = plots.latency(times, metrics["latency_ms"])
        drawn.append(("Time a question", _speed(metrics.get("speed")), histogram))
    figures = "".join(
        f"<figure><figcaption><h3>{escape(title)}</h3><p>{escape(said)}</p></figcaption>"
        f"{svg}</figure>"
        for title, said, svg in drawn
    )
    return f'<section class="plots">{figures}</section>'


def _speed(speed: Mapping[str, Any] | None) -> str:
    said = "As asked, one question at a time."
    if speed:
        processes = f"{speed['workers']} process{'es' if speed['workers'] > 1 else ''}"
        said += f" {speed['questions_per_s']:g} questions a second by {processes}"
        said += (
            f", peak memory {speed['peak_memory_mb']:,.0f} MB (of the largest process)"
            if speed["peak_memory_mb"]
            else ""
        )
        said += "."
    return said


def _by_cut(figures: Mapping[str, Figure], kind: str) -> dict[int, float]:
    return {
        int(name.removeprefix(kind)): figure["value"]
        for name, figure in figures.items()
        if name.startswith(kind) and figure["value"] is not None
    }


def _errors(metrics: Mapping[str, Any]) -> str:
    if not metrics["errors"]:
        return ""
    total = max(1, metrics["questions"])
    rows = [("", "as it should be", metrics["questions"] - sum(metrics["errors"].values()))]
    rows += [(name, name, metrics["errors"][name]) for name in ERRORS]
    bars = "".join(
        f'<button type="button" class="error" data-error="{escape(name) or "-"}">'
        f'<span>{escape(said)}</span><svg viewBox="0 0 100 8" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect class="{"bar" if name else "bar good"}" width='
        f'"{100 * count / total:.2f}" height="8"/></svg><b>{count:,}</b></button>'
        for name, said, count in rows
    )
    return (
        "<section><h2>What became of the questions</h2><p>Press one to see its questions.</p>"
        f'<div class="errors">{bars}</div></section>'
    )


def _tables(metrics: Mapping[str, Any]) -> str:
    tables = []
    if metrics["figures"]:
        body = "".join(
            f"<tr><th>{escape(name)}</th><td>{_value(figure)}</td>"
            f"<td>{_interval(figure)}</td><td>{figure['n']:,}</td></tr>"
            for name, figure in metrics["figures"].items()
        )
        tables.append(
            "<h2>Figures</h2><table><thead><tr><th>measure</th><th>value</th>"
            f"<th>95% interval</th><th>n</th></tr></thead><tbody>{body}</tbody></table>"
        )
    if metrics["retrieval"]:
        channels = list(metrics["retrieval"])
        names = list(metrics["retrieval"][channels[0]])
        body = "".join(
            f"<tr><th>{escape(name)}</th>"
            + "".join(
                f"<td>{_value(of[name])} <small>{_interval(of[name])}</small></td>"
                for of in metrics["retrieval"].values()
            )
            + "</tr>"
            for name in names
        )
        heads = "".join(f"<th>{escape(channel)}</th>" for channel in channels)
        n = metrics["retrieval"][channels[0]][names[0]]["n"]
        tables.append(
            f"<h2>Retrieval, by channel</h2><p>Over {n:,} questions, by ir-measures.</p><table>"
            f"<thead><tr><th>measure</th>{heads}</tr></thead><tbody>{body}</tbody></table>"
        )
    return f"<section>{''.join(tables)}</section>"


def _questions() -> str:
    return (
        '<section id="questions"><h2>Questions</h2><form class="filters">'
        '<input type="search" id="words" placeholder="Words of question, answer or id" '
        'aria-label="Words of question, answer or id">'
        '<select id="error" aria-label="What became of it"></select>'
        '<select id="tag" aria-label="Tag"></select>'
        '<output id="count"></output></form>'
        '<table id="rows"><thead></thead><tbody></tbody></table>'
        '<nav><button type="button" id="back">Back</button><span id="at"></span>'
        '<button type="button" id="on">On</button></nav></section>'
    )


def _made_with(environment: Mapping[str, Any]) -> str:
    text = json.dumps(environment, ensure_ascii=False, indent=1)
    return (
        "<section><details><summary>What it was made with</summary>"
        f"<pre>{escape(text)}</pre></details></section>"
    )


def _value(figure: Figure) -> str:
    return "–" if figure["value"] is None else f"{figure['value']:.3f}"


def _interval(figure: Figure) -> str:
    interval = figure["interval"]
    return f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else ""


def _json(value: object) -> str:
    """JSON that is safe inside a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
