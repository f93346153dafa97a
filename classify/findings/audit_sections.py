"""Sections of the audit of several findings: changed pictures, parts of the picture, labels from here, subgroups."""
from collections.abc import Sequence
from typing import Any

from classify.audit.labels_section import HEAD as LABELS_HEAD, row_of as gain_row
from classify.audit.shortcuts.parts_evidence import PartScore
from classify.audit.shortcuts.parts_section import HEAD as PARTS_HEAD, auroc, foot, row_of as part_row
from classify.audit.subgroup_section import HEAD as GROUPS_HEAD, WORST, part_words, right_of, row_of as group_row
from classify.audit.subgroups import LEAST_IN_SUBGROUP
from classify.findings.audit import FindingsAudit
from classify.sweep.result import Sweep
from classify.sweep.section import pictures, without_pictures
from classify.sweep.sentences import counted
from featurize.report.numbers import count, finite, interval, number, score
from featurize.report.page import cell, table

# Parts that the page lists, the worst first; the JSON has all.
LISTED = 120


def sweep(result: FindingsAudit) -> dict[str, Any]:
    """One table of all findings, the pictures once, and every finding's chart and numbers."""
    first = next(iter(result.sweeps.values()))
    changes = [{"name": change.name[0].upper() + change.name[1:], "pictures": pictures(change, first, scores=False)}
               for change in first.changes]
    return {"lead": sweep_lead(result), "note": first.note, "table": _sweep_table(result), "changes": changes,
            "findings": [{"finding": name, **without_pictures(own)} for name, own in result.sweeps.items()]}


def sweep_lead(result: FindingsAudit) -> str:
    """What was done, in a sentence."""
    first = next(iter(result.sweeps.values()))
    images = max(own.unchanged.n for own in result.sweeps.values())
    return (f"{count(images, 'labelled image')}, chosen evenly by their rarest finding (seed {first.seed}), were "
            f"changed in {len(first.changes)} ways at five strengths and measured again; the model of every finding "
            f"was asked of the same images. {counted(first)}")


def _sweep_table(result: FindingsAudit) -> dict[str, Any]:
    names, sweeps = list(result.sweeps), list(result.sweeps.values())
    rows = [[cell("unchanged"), *(cell(f"{'broken' if own.unchanged.broken else 'kept'}; {score(own.unchanged.auroc)}",
                                       tone="bad" if own.unchanged.broken else "") for own in sweeps)]]
    for at, change in enumerate(sweeps[0].changes):
        rows.append([cell(change.name), *(_broken(own, at) for own in sweeps)])
    return table(["Change", *names], rows, caption="Strength at which a promise of each finding breaks, and its "
                 "AUROC at strength 5", foot="Kept: no promise is shown to break up to strength 5. What each strength "
                 "means stands below its picture; every strength's accuracy, coverage and review stand below, finding "
                 "by finding.")


def _broken(found: Sweep, at: int) -> dict[str, Any]:
    change = found.changes[at]
    text = f"breaks at {change.broken_at}" if change.broken_at else "kept"
    return cell(f"{text}; {score(change.strengths[-1].auroc)}", tone="bad" if change.broken_at else "")


def parts(result: FindingsAudit) -> dict[str, Any]:
    """Every finding from each part of the picture."""
    rows = [[cell(name), *part_row(part)] for name, own in result.parts.items() for part in own]
    first: Sequence[PartScore] = next(iter(result.parts.values()), ())
    return {"sentence": parts_sentence(result), "table": table(["Finding", *PARTS_HEAD], rows, sortable=True,
                                                               foot=foot(first)) if rows else None}


def parts_sentence(result: FindingsAudit) -> str:
    """Which findings the background or the rim tells."""
    if not result.parts:
        return "No finding has enough images and patients for a model of parts of the picture."
    telling = [(name, part) for name, own in result.parts.items() for part in own if part.tells]
    if not telling:
        return f"Of {count(len(result.parts), 'finding')} none is told for certain by the background or the rim alone."
    told = "; ".join(f"{name} by the {part.part} ({auroc(part)})" for name, part in telling)
    return (f"Told without the subject: {told}. A model can be right for the picture's sake, and so can the scores at "
            "home.")


def gains(result: FindingsAudit) -> dict[str, Any]:
    """What labels from here bring to each finding."""
    rows = [[cell(name), *gain_row(gain)] for name, own in result.gains.items() for gain in own]
    return {"lead": gains_sentence(result), "table": table(["Finding", *LABELS_HEAD], rows, sortable=True, foot=(
        "A finding counts as called from a probability of one half here; its stored threshold, which --fitted chooses "
        "again, is not used. AUROC does not change: the probabilities are moved, not their order."))}


def gains_sentence(result: FindingsAudit) -> str:
    """To how many findings the most labels bring a lower log-loss."""
    better = [name for name, own in result.gains.items() if own[-1].log_loss[0] < own[-1].log_loss[1]]
    most = max(own[-1].labels for own in result.gains.values())
    if not better:
        return (f"With {number(most)} labelled images from here no finding's log-loss falls: the models may stay as "
                "they are.")
    return (f"With {number(most)} labelled images from here the log-loss on the others falls for {len(better)} of "
            f"{count(len(result.gains), 'finding')}: {', '.join(better)}. The option --fitted writes models that are "
            "fitted so.")


def compared(result: FindingsAudit) -> dict[str, Any] | None:
    """A sentence, the worst parts of any finding, and all of them."""
    found = result.compared
    if found is None or found.empty:
        return None
    return {"sentence": compared_sentence(result), "worst": _groups(result, WORST), "all": _groups(result, LISTED)}


def compared_sentence(result: FindingsAudit) -> str:
    """How many parts are worse, and the worst of them."""
    found = result.compared
    if found is None or found.empty:
        return ""
    first, worse = found.iloc[0].to_dict(), int(found["worse"].sum())
    start = (f"{count(len(found), 'part or pair of parts', 'parts and pairs of parts')} of "
             f"{count(found['finding'].nunique(), 'finding')} with {LEAST_IN_SUBGROUP} labelled images or more were "
             "compared with the rest; counting all comparisons of all findings (Holm), ")
    where = (f"{first['finding']} in {part_words(first, result.audits[first['finding']])} with "
             f"{right_of(first)}")
    if not worse:
        return f"{start}none is shown to be worse. First: {where}."
    return f"{start}{number(worse)} {'is' if worse == 1 else 'are'} worse. Worst: {where}."


def _groups(result: FindingsAudit, most: int) -> dict[str, Any]:
    assert result.compared is not None, "the caller asked for these"
    rows = []
    for row in result.compared.head(most).to_dict("records"):
        cells = group_row(row, result.audits[row["finding"]])
        shares = [cell(interval(row[key], row[f"{key}_low"], row[f"{key}_high"]), key=finite(row[key]))
                  for key in ("sensitivity", "specificity")]
        rows.append([cell(row["finding"]), *cells[:2], cell(number(row["positives"]), key=row["positives"]), cells[2],
                     *shares, *cells[3:]])
    head = ["Finding", *GROUPS_HEAD[:2], "With it", GROUPS_HEAD[2], "Sensitivity", "Specificity", *GROUPS_HEAD[3:]]
    more = f"{number(len(result.compared) - most)} more stand in the JSON of this audit." if most == LISTED and \
        len(result.compared) > most else ""
    return table(head, rows, sortable=True, foot=more)
