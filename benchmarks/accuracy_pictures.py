"""Pictures of the rows of benchmarks/accuracy.py: accuracy against the training images, and against their price."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from featurize.runtime.files import replacing

# Ours, the networks measured here in turn, and gray for what was published: of the colors of Okabe and Ito 2008, which
# color-blind readers tell apart.
_OURS, _NETWORKS, _GRAY = "#0072B2", {"ResNet-18": "#D55E00", "small network": "#E69F00"}, "#777777"
_WIDTH_IN, _HEIGHT_IN, _DPI = 9.0, 3.6, 110


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """A panel of the price of each set, and one of its training images where some method has several counts.

    The file is .svg or .png by its name; none is written where no set has two measured rows.
    """
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    panels = _panels(rows)
    if not panels:
        return
    across = min(2, len(panels))
    lines = -(-len(panels) // across)
    figure, axes = pyplot.subplots(lines, across, figsize=(_WIDTH_IN * across / 2, _HEIGHT_IN * lines), squeeze=False,
                                   layout="constrained")
    for axis in axes.flat[len(panels):]:
        axis.remove()
    handles: dict[str, Any] = {}
    for axis, (name, own, key, label) in zip(axes.flat, panels):
        _panel(axis, own, key, label)
        axis.set_title(name, fontsize=10)
        handles |= dict(zip(*reversed(axis.get_legend_handles_labels())))
    axes[0][0].set_ylabel("accuracy on tested images")
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2 * across, fontsize=8,
                  frameon=False)
    with replacing(path) as part:
        figure.savefig(part, format=path.suffix[1:], dpi=_DPI)
    pyplot.close(figure)


def _panels(rows: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]], str, str]]:
    """Set, its rows, the column of the x axis and what it is called."""
    found = []
    for name in dict.fromkeys(row["set"] for row in rows):
        own = [{**row, "price": None if row["train s"] is None else row["train s"] + (row["measure s"] or 0)}
               for row in rows if row["set"] == name]
        measured = [row for row in own if row["price"] is not None]
        if len(measured) > 1:
            found.append((name, own, "price", "seconds of one core, from images to the model"))
        if len({row["train rows"] for row in measured}) > 1:
            found.append((name, own, "train rows", "images learned from"))
    return found


def _panel(axis: Any, rows: Sequence[dict[str, Any]], key: str, label: str) -> None:
    """Accuracy with its interval against a column, on a logarithmic scale; the first published network as a line."""
    from matplotlib.ticker import LogLocator, NullFormatter
    for method, color in (("Pellucid", _OURS), *_NETWORKS.items()):
        own = sorted((r for r in rows if r["method"].startswith(method) and r.get(key) is not None),
                     key=lambda r: float(r[key]))
        if not own:
            continue
        edges = [[float(v) for v in r["95 %"].split(" to ")] for r in own]
        accuracy = [r["accuracy"] for r in own]
        spread = [[a - low for a, (low, _) in zip(accuracy, edges)],
                  [high - a for a, (_, high) in zip(accuracy, edges)]]
        axis.errorbar([max(r[key], 1) for r in own], accuracy, yerr=spread, color=color, marker="o", capsize=2,
                      markersize=4, linewidth=1.2, label="Pellucid" if color == _OURS else f"{method}, measured here")
    known = [r for r in rows if r["train s"] is None and r["accuracy"] and r["method"].startswith("network")
             and "images of" not in r["method"]]
    for row in known[:1]:
        axis.axhline(row["accuracy"], color=_GRAY, linestyle="--", linewidth=1,
                     label=f"{row['method'].removeprefix('network: ')}, published {row['from'][:3]}")
    axis.set_xscale("log")
    low, high = (op(r[key] for r in rows if r.get(key) is not None) for op in (min, max))
    axis.set_xlim(max(low, 1) / 2, 2 * high)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel(label)
    axis.grid(axis="y", color="#dddddd", linewidth=.6)
    axis.spines[["top", "right"]].set_visible(False)
