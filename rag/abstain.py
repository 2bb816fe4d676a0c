"""From the evidence of a whole answer to the probability that it is right, and to give it or not.

A `Calibrator` is a logistic regression over a few features, fitted by `rag.calibrate` on questions
that are never reported on, and kept as JSON beside the reader's weights. It names the reader it
was fitted for and is refused with another.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from index.errors import ModelError
from index.types import Hit
from rag.aggregate import Candidate

FILE = "calibrator.json"
FEATURES = ("evidence", "retrieval", "lead")
VERSION = 2
"""Of the file; 1 was fitted on evidence without `rag.rerank`."""
FARTHEST = 15.0
"""A lead is not counted beyond this; it is the lead of an answer without rival."""


def features(
    candidate: Candidate, hits: Sequence[Hit], said: Sequence[Candidate]
) -> dict[str, float]:
    """What speaks for an answer: all that its confidence is made from.

    ``evidence`` is what answers are ranked by, ``lead`` how far it is ahead of the best other one
    (negative for all but the first), so that confidence falls with the rank; ``retrieval`` is the
    fused score of the question's first hit, 1 where both channels put it first. On the 1,200
    questions of `rag.recipe.calibration_set`, in five folds, the Brier score is 0.163 without the
    lead and 0.156 with it. Agreement among passages or documents, ranks and length added nothing
    (0.166 to 0.164 without the lead and the likeness); the null score by itself did, but would let
    a worse answer be surer than a better one.

    Args:
        candidate: one of `said`.
        hits: the question's passages, best first.
        said: all its answers, best first.
    """
    rival = max((other.score for other in said if other is not candidate), default=-math.inf)
    lead = min(FARTHEST, candidate.score - rival)
    return {"evidence": candidate.score, "retrieval": hits[0].score, "lead": lead}


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Features → the probability that an answer is right → whether to give it.

    Attributes:
        reader: fingerprint of the reader whose scores it was fitted on.
        fitted_on: the questions, in words, with their number.
        weights: of each feature.
        bias: of the logistic function.
        risks: (confidence, share of wrong ones among the calibration answers at least that
            sure), by falling confidence.
        max_risk: the share that is accepted where the user sets none.
    """

    reader: str
    fitted_on: str
    weights: Mapping[str, float]
    bias: float
    risks: tuple[tuple[float, float], ...]
    max_risk: float

    def probability(self, found: Mapping[str, float]) -> float:
        """In [0, 1], not rounded: 1 / (1 + e^-(bias + Σ weight · feature))."""
        z = self.bias + sum(self.weights[name] * found[name] for name in FEATURES)
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))

    def threshold(self, max_risk: float | None = None) -> float:
        """The lowest confidence at which, on the calibration questions, the risk is kept.

        Above 1, so that no answer is given, if it is kept nowhere.
        """
        wanted = self.max_risk if max_risk is None else max_risk
        return min((c for c, risk in self.risks if risk <= wanted), default=1.01)

    def to_dict(self) -> dict[str, object]:
        """For the JSON file."""
        return {"version": VERSION, **asdict(self)}

    def write(self, file: Path) -> None:
        """Write the JSON file, by one rename."""
        aside = file.with_name(file.name + ".new")
        aside.write_text(json.dumps(self.to_dict()) + "\n", "utf-8")
        aside.replace(file)

    @classmethod
    def load(cls, file: Path, reader: str) -> Calibrator:
        """Read a calibrator for the reader of fingerprint `reader`.

        Raises:
            ModelError: there is none, it is damaged, or it was fitted for another reader.
        """
        mend = "Fit one on your own questions: spanwise calibrate QUESTIONS"
        try:
            data = json.loads(file.read_text("utf-8"))
            if data.pop("version") != VERSION or set(data["weights"]) != set(FEATURES):
                raise ValueError("another version")
            data["risks"] = tuple((float(c), float(r)) for c, r in data["risks"])
            calibrator = cls(**data)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"The calibrator cannot be read ({error})", where=file, mend=mend
            ) from error
        if calibrator.reader != reader:
            raise ModelError("The calibrator was fitted for another reader", where=file, mend=mend)
        return calibrator
