"""Where a training stopped, so that it goes on to the same weights as if it had not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from index.errors import ModelError, SettingsError

CHECKPOINT = "checkpoint"


class Checkpoint:
    """Weights and the optimizer's moments in a subfolder of the model that is being made.

    Args:
        out: the folder of the model.
        fingerprint: of all that the training depends on.

    Raises:
        SettingsError: `out` holds something else.
    """

    def __init__(self, out: Path, fingerprint: str) -> None:
        self._folder = out / CHECKPOINT
        self._state = self._folder / "state.safetensors"
        if out.exists() and not out.is_dir() or (out / "config.json").exists():
            raise SettingsError(
                "There is a model already, or a file", where=out, mend="Name a new folder."
            )
        self._fingerprint = fingerprint

    def load(self, model: Any, optimizer: Any) -> int:  # noqa: ANN401
        """Put the state into both; the steps done, 0 where nothing was saved.

        Raises:
            ModelError: it cannot be read.
            SettingsError: it is another training's.
        """
        import torch
        from safetensors import SafetensorError, safe_open

        if not self._state.exists():
            return 0
        try:
            with safe_open(self._state, "pt") as stored:
                about = stored.metadata() or {}
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise ModelError(
                "The checkpoint cannot be read", where=self._state, mend="Remove its folder."
            ) from error
        if about.get("fingerprint") != self._fingerprint:
            raise SettingsError(
                "Another training was stopped here: its questions, base or settings differ",
                where=self._folder,
                mend="Name a new folder, or remove this one.",
            )
        step = int(about["step"])
        with torch.no_grad():
            for name, parameter in _learning(model):
                parameter.copy_(tensors[f"weight.{name}"])
                optimizer.state[parameter] = {
                    "step": torch.tensor(float(step)),
                    "exp_avg": tensors[f"mean.{name}"].to(parameter.device),
                    "exp_avg_sq": tensors[f"square.{name}"].to(parameter.device),
                }
        return step

    def save(self, model: Any, optimizer: Any, step: int) -> None:  # noqa: ANN401
        """Keep the state after so many steps, by one rename."""
        from safetensors.torch import save_file

        tensors = {}
        for name, parameter in _learning(model):
            moments = optimizer.state[parameter]
            tensors[f"weight.{name}"] = parameter.detach()
            tensors[f"mean.{name}"] = moments["exp_avg"]
            tensors[f"square.{name}"] = moments["exp_avg_sq"]
        self._folder.mkdir(parents=True, exist_ok=True)
        aside = self._state.with_suffix(".new")
        about = {"step": str(step), "fingerprint": self._fingerprint}
        save_file({n: t.contiguous().cpu() for n, t in tensors.items()}, aside, about)
        os.replace(aside, self._state)

    def remove(self) -> None:
        """The training is done."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _learning(model: Any) -> list[tuple[str, Any]]:  # noqa: ANN401
    """(name, parameter) of what is trained."""
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]
