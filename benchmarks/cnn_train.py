"""Train one network on the training rows of a table, keep its best epoch, and go on where an earlier call stopped."""
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.cnn_images import Recipe, augmented, centred, normalized
from benchmarks.cnn_nets import LOAD_FAULTS
from benchmarks.held_out import Parts
from classify.evaluate.metrics import scores
from featurize.arrays import Float64Array, Int64Array, UInt8Array
from featurize.errors import UserError
from featurize.runtime.files import replacing

CURVE = ("epoch", "train_loss", "valid_loss", "valid_accuracy", "valid_macro_f1", "valid_auroc", "seconds")
# Images of a batch that is only predicted.
_PREDICTED_AT_ONCE = 64


@dataclass(frozen=True)
class Fit:
    """How a network is fitted, besides its recipe.

    Parameters
    ----------
    recipe : Recipe
    epochs : int
    seconds : float or None
        Stop after so much training time, see `clock`.
    seed : int
    device : str
    key : str
        Of everything that decides the result: a checkpoint of another key is refused.
    """

    recipe: Recipe
    epochs: int
    seconds: float | None
    seed: int
    device: str
    key: str

    def clock(self) -> float:
        """Seconds: on a GPU those of a clock, on a CPU those that the cores of this process worked, so that other
        programs on the machine shorten no training."""
        if self.device == "cuda":
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()


@dataclass
class State:
    """What a checkpoint holds: the weights of the last epoch and of the best one, and the curve so far."""

    last: dict[str, Tensor]
    optimizer: dict[str, Any]
    best: dict[str, Tensor]
    best_score: float = -math.inf
    best_epoch: int = -1
    seconds: float = 0.0
    done: bool = False
    curve: list[list[float]] = field(default_factory=list)


def train(net: nn.Module, images: UInt8Array, y: Int64Array, parts: Parts, fit: Fit, checkpoint: Path,
          told: Callable[[list[list[float]]], None]) -> State:
    """Fit a network; it holds the weights of its best epoch afterwards.

    Parameters
    ----------
    net : Module
    images : (n, side, side, 3) uint8
    y : (n,) int64
    parts : Parts
    fit : Fit
    checkpoint : Path
        Written after each epoch. One that is there is gone on from.
    told : callable
        Called with the curve, rows of `CURVE`, after each epoch.
    """
    net.to(fit.device)
    recipe = fit.recipe
    maker = torch.optim.AdamW if recipe.weight_decay else torch.optim.Adam
    optimizer = maker(net.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    state = _begun(net, optimizer, fit, checkpoint)
    while not state.done:
        start = fit.clock() - state.seconds
        epoch = len(state.curve)
        loss = _epoch(net, optimizer, images, y, parts.train, fit, epoch, lambda: fit.clock() - start)
        logits = predict(net, images[parts.valid], recipe, fit.device)
        state.curve.append([epoch, loss, *_judged(logits, y[parts.valid]), fit.clock() - start])
        state.seconds = state.curve[-1][-1]
        score = state.curve[-1][CURVE.index(f"valid_{recipe.best_by}")]
        state.last = _copied(net)
        if score > state.best_score:
            state.best, state.best_score, state.best_epoch = state.last, score, epoch
        state.optimizer = optimizer.state_dict()
        state.done = epoch + 1 >= fit.epochs or _spent(fit, state.seconds)
        _keep(state, fit.key, checkpoint)
        told(state.curve)
    net.load_state_dict(state.best)
    return state


def predict(net: nn.Module, images: UInt8Array, recipe: Recipe, device: str) -> Float64Array:
    """(n, K) logits of stored images."""
    net.eval()
    out = []
    with torch.inference_mode():
        for start in range(0, len(images), _PREDICTED_AT_ONCE):
            batch = centred(images[start:start + _PREDICTED_AT_ONCE], recipe)
            out.append(net(_tensor(batch, recipe, device)).double().cpu().numpy())
    return np.concatenate(out)


def rate_at(recipe: Recipe, share: float) -> float:
    """The learning rate after a share 0..1 of the training."""
    if recipe.schedule == "cosine":
        return recipe.rate * (1 + math.cos(math.pi * min(share, 1))) / 2
    return recipe.rate * (1 if share < .5 else .1 if share < .75 else .01)


def _epoch(net: nn.Module, optimizer: torch.optim.Optimizer, images: UInt8Array, y: Int64Array, train: Int64Array,
           fit: Fit, epoch: int, elapsed: Callable[[], float]) -> float:
    """One pass over the training rows, or what time is left of it; the mean loss."""
    net.train()
    # A stream for each epoch: an epoch after a stop is the one that would have been.
    rng = np.random.default_rng([fit.seed, epoch])
    order = rng.permutation(train)
    starts, losses = range(0, len(order), fit.recipe.batch), []
    for number, start in enumerate(starts):
        rows = order[start:start + fit.recipe.batch]
        if len(rows) < 2 and losses:
            continue  # batch normalization needs two
        # The rate falls with the epochs or with the time that is spent, whichever is further.
        share = max((epoch + number / len(starts)) / fit.epochs, elapsed() / fit.seconds if fit.seconds else 0)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(fit.recipe, share)
        x = _tensor(augmented(images[rows], fit.recipe, rng), fit.recipe, fit.device)
        loss = nn.functional.cross_entropy(net(x), torch.from_numpy(y[rows]).to(fit.device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if _spent(fit, elapsed()):
            break
    return float(np.mean(losses))


def _spent(fit: Fit, seconds: float) -> bool:
    return fit.seconds is not None and seconds >= fit.seconds


def _tensor(images: UInt8Array, recipe: Recipe, device: str) -> Tensor:
    return torch.from_numpy(normalized(images, recipe)).permute(0, 3, 1, 2).to(device)


def _judged(logits: Float64Array, y: Int64Array) -> tuple[float, float, float, float]:
    """Log-loss, accuracy, macro-F1 and AUROC of the validation rows."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    found = scores(y, p / p.sum(axis=1, keepdims=True))
    loss, accuracy, f1, auroc = (float(found[n][0]) for n in ("log_loss", "accuracy", "macro_f1", "auroc"))
    return loss, accuracy, f1, auroc


def _copied(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}


def _begun(net: nn.Module, optimizer: torch.optim.Optimizer, fit: Fit, checkpoint: Path) -> State:
    """The state of a checkpoint, put into the network and its optimizer, or a new one."""
    if not checkpoint.exists():
        return State(_copied(net), optimizer.state_dict(), _copied(net))
    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        key, state = content.pop("key"), State(**content)
    except LOAD_FAULTS as error:
        raise UserError(f"the checkpoint {checkpoint} is damaged: remove it, or train into another folder") from error
    if key != fit.key:
        raise UserError(f"the checkpoint {checkpoint} is of another table, network or setting: give the same command "
                        "again with --resume, or another folder with -o")
    net.load_state_dict(state.last)
    optimizer.load_state_dict(state.optimizer)
    return state


def _keep(state: State, key: str, checkpoint: Path) -> None:
    with replacing(checkpoint, durable=False) as part:
        torch.save({**vars(state), "key": key}, part)
