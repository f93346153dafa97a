"""Lineages: branches of classes, such as immature and mature cells, read from TOML.

A branch is a list of classes, or a table of smaller branches:

    lymphoid = ["lymphocyte"]
    [myeloid]
    granulocytes = ["neutrophil", "eosinophil"]
    monocytes = ["monocyte"]
"""
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurize.arrays import BoolArray, Float64Array, Int64Array
from featurize.errors import UserError

# Lineages that ship with the package.
SHIPPED = Path(__file__).parents[1] / "lineages"
# Between the parts of a branch's name.
STEP = "/"
# Sums of probabilities may fall short of their true value by a rounding error.
ROUNDING = 1e-12

Branch = tuple[str, ...]


@dataclass(frozen=True)
class Lineage:
    """Where each class stands in the tree.

    Parameters
    ----------
    paths : tuple of K tuples of str
        Branches of each class from the root on, in the order of the task's classes.
    """

    paths: tuple[Branch, ...]

    @property
    def depth(self) -> int:
        """Levels of branches above the classes."""
        return max(len(path) for path in self.paths)

    def branches(self, level: int) -> tuple[tuple[str, ...], Int64Array]:
        """Names of the B branches of a level, from 1 on, and the (K,) number of each class's branch.

        A branch that ends before the level stands there as it is.

        >>> Lineage((("myeloid", "granulocytes"), ("lymphoid",))).branches(1)
        (('myeloid', 'lymphoid'), array([0, 1]))
        """
        names = [STEP.join(path[:level]) for path in self.paths]
        distinct = tuple(dict.fromkeys(names))
        return distinct, np.array([distinct.index(name) for name in names], dtype=np.int64)

    def surest_nodes(self, p: Float64Array, least: float) -> tuple[Int64Array, Int64Array]:
        """The smallest node of each row, class or branch, whose classes have at least a probability together.

        Smallest: on the deepest level. The path of Goren et al. 2024 (arXiv:2405.11533) from the most probable class
        upwards leads to the same node where `least` is above even odds.

        Parameters
        ----------
        p : (n, K) float64
            Probabilities of the classes.
        least : float
            Least sum of probabilities, 0.5..1.

        Returns
        -------
        level : (n,) int64
            0 = no branch is probable enough, 1..depth = a branch of this level, depth + 1 = a class.
        number : (n,) int64
            Of the class, or of the branch in `branches` of its level; -1 at level 0.

        >>> Lineage((("a",), ("a",), ("b",))).surest_nodes(np.array([[.6, .3, .1], [.1, .1, .8], [.4, .3, .3]]), .8)
        (array([1, 2, 0]), array([ 0,  2, -1]))
        """
        level, number = np.zeros(len(p), np.int64), np.full(len(p), -1)
        for at in range(1, self.depth + 2):
            sums = p if at > self.depth else p @ np.eye(len(self.branches(at)[0]))[self.branches(at)[1]]
            sure = sums.max(axis=1) >= least - ROUNDING
            level[sure], number[sure] = at, sums.argmax(axis=1)[sure]
        return level, number

    def branch_of(self, members: BoolArray) -> str:
        """The smallest branch that holds all classes of one (K,) prediction set; "" where only the root does."""
        paths = [path for path, member in zip(self.paths, members) if member]
        return STEP.join(os.path.commonprefix(paths))


def read_lineage(name: str, classes: Sequence[str]) -> Lineage:
    """A shipped lineage or one of a file, for the classes of a table.

    Parameters
    ----------
    name : str
        ``marrow``, ``blood`` or the path of a TOML file.
    classes : sequence of str
        Every one must stand in one branch. A shipped lineage may name more.

    Raises
    ------
    UserError
        The file cannot be read, a class stands in two branches, in none, or is unknown to the table, or all classes
        stand in one branch.
    """
    shipped = SHIPPED / f"{name}.toml"
    ships = shipped.parent == SHIPPED and shipped.is_file()
    paths: dict[str, Branch] = {}
    for branch, member in _members(_content(shipped if ships else Path(name), name), (), name):
        if member in paths:
            raise UserError(f"--lineage {name}: the class {member!r} stands in {STEP.join(paths[member])} and in "
                            f"{STEP.join(branch)}: name each class once")
        paths[member] = branch
    missed = [c for c in classes if c not in paths]
    if missed:
        raise UserError(f"--lineage {name}: the class {missed[0]!r} of the table stands in no branch: name every class "
                        f"of the table once ({', '.join(classes)})")
    unknown = [c for c in paths if c not in classes]
    if unknown and not ships:
        raise UserError(f"--lineage {name}: the class {unknown[0]!r} is unknown, the table has {', '.join(classes)}: "
                        "write it as the table does, or leave it out")
    lineage = Lineage(tuple(paths[c] for c in classes))
    if len(lineage.branches(1)[0]) < 2:
        raise UserError(f"--lineage {name}: all classes of the table stand in {lineage.paths[0][0]}: at least two "
                        "branches are wanted")
    return lineage


def _content(path: Path, name: str) -> Mapping[str, Any]:
    known = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.toml")))
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--lineage {name} cannot be read ({error.strerror}): give a TOML file, or one of {known}"
                        ) from error
    except ValueError as error:
        raise UserError(f"--lineage {name} is not TOML ({error}): write a branch a line, such as immature = "
                        '["BLA", "PMO"]') from error


def _members(content: Mapping[str, Any], path: Branch, name: str) -> list[tuple[Branch, str]]:
    """Every class with its branch, in the order of the file."""
    found: list[tuple[Branch, str]] = []
    for key, value in content.items():
        branch = (*path, key)
        if STEP in key or "|" in key:
            raise UserError(f"--lineage {name}: the branch {key!r} holds {STEP!r} or '|': rename it")
        if isinstance(value, dict):
            found += _members(value, branch, name)
        elif isinstance(value, list) and all(isinstance(v, str) for v in value):
            found += [(branch, v) for v in value]
        else:
            raise UserError(f"--lineage {name}: {STEP.join(branch)} is {value!r}: a list of class names was wanted, "
                            'such as ["BLA", "PMO"]')
    return found
