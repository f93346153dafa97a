"""Images and classes in an expert's words, and what speaks for each word."""
from typing import Any

import numpy as np
import pandas as pd

from classify.result import RunResult, WordsResult
from featurize.report.feature_names import feature_name
from featurize.report.numbers import count, measurement, number, percent, score
from featurize.report.page import cell, table


def in_words(result: RunResult) -> dict[str, Any] | None:
    """Content of the section; None where no words were given."""
    said = result.words
    if said is None:
        return None
    subjects, mean = said.metrics["subjects"], said.metrics["mean"]
    described = max(scores["n"] for scores in subjects.values())
    told = said.table[[f"{subject}_expert" for subject in subjects]].notna().any(axis=1).to_numpy()
    known = {str(label) for label in result.frame["label"][told]}
    lacking = {"Experts described no image of": [c for c in result.task.classes if str(c) not in known],
               "No word is typical of": [c for c in result.task.classes
                                         if str(c) in known - set(said.classes["class"].astype(str))]}
    undescribed = "".join(f" {what} {', '.join(map(str, classes))}." for what, classes in lacking.items() if classes)
    return {"sentence": f"Experts gave words about {count(len(subjects), 'subject')} to {count(described, 'image')}. A "
                        "small model a subject (logistic regression on all measurements) says them of the others, and "
                        "of each of these images by a model that saw neither it nor its relatives. Mean balanced "
                        f"accuracy {score(mean['balanced_accuracy'])}; whoever knows only the class and says its "
                        f"most frequent word reaches {score(mean['class_only']['balanced_accuracy'])}. The classifier "
                        "itself does not read the words. words.csv has the words of every image whose predicted class "
                        f"experts described.{undescribed}",
            "classes": _classes(said), "measurements": _measurements(said, result), "scores": _scores(said)}


def _classes(said: WordsResult) -> list[dict[str, str]]:
    return [{"name": str(name), "text": "; ".join(
        f"{_plain(row['subject'])} {row['word']} in {percent(row['share'])} "
        f"(other classes {percent(row['share_of_others'])})" for row in part.to_dict("records"))}
        for name, part in said.classes.groupby("class", sort=False)]


def _measurements(said: WordsResult, result: RunResult) -> dict[str, Any]:
    preset = str(result.info.preset.get("name", ""))
    words, rows = {name: scores["words"] for name, scores in said.metrics["subjects"].items()}, []
    for row in said.measurements.to_dict("records"):
        others = [word for word in words[row["subject"]] if word != row["word"]]
        # Of two words both rows say the same: the one with more of the measurement is shown.
        if len(others) == 1 and row["direction"] == "lower":
            continue
        definition = feature_name(row["feature"], preset).definition if row["feature"] else ""
        word = f"{row['word']}, not {others[0]}" if len(others) == 1 else row["word"]
        rows.append([cell(_plain(row["subject"])), cell(word), cell(number(row["n"]), key=row["n"]),
                     cell(f"{row['name']}: {row['direction']}" if row["feature"] else "nothing", title=definition),
                     cell(score(row["auroc"]), key=row["auroc"]), cell(measurement(row["median"], row["unit"])),
                     cell(measurement(row["median_of_others"], row["unit"]))])
    head = ["Subject", "Word", "Images", "Measurement", "AUROC", "Median with the word", "Median of others"]
    return table(head, rows,
                 foot="Of the measurements that can be checked by eye the one that tells the word best from the other "
                      "words of its subject, on the images that experts described.")


def _scores(said: WordsResult) -> dict[str, Any]:
    entries = [*said.metrics["subjects"].items(), ("mean", said.metrics["mean"])]
    rows = [[cell(_plain(name)), cell(number(scores.get("n")) if "n" in scores else ""),
             cell(score(scores["balanced_accuracy"]), key=scores["balanced_accuracy"]),
             cell(score(scores["class_only"]["balanced_accuracy"]), key=scores["class_only"]["balanced_accuracy"]),
             cell(score(scores["macro_f1"]), key=scores["macro_f1"]),
             cell(score(scores["class_only"]["macro_f1"]), key=scores["class_only"]["macro_f1"])]
            for name, scores in entries]
    return table(["Subject", "Images", "Balanced accuracy", "Knowing only the class", "Macro-F1",
                  "Knowing only the class, macro-F1"], rows,
                 foot="Knowing only the class: the most frequent word of the true class in the other folds. Where the "
                      "measurements are no better, the subject says nothing beyond the class.")


def words_of_image(result: RunResult, row: int) -> dict[str, Any] | None:
    """The words of one image with what was measured; None where it has none."""
    said = result.words
    if said is None or said.table[list(said.metrics["subjects"])].iloc[row].isna().all():
        return None
    own, rows, texts = said.table.iloc[row], [], []
    speaking = said.measurements.set_index(["subject", "word"])
    for subject in said.metrics["subjects"]:
        word, p, expert = own[subject], own[f"{subject}_probability"], own[f"{subject}_expert"]
        texts.append(f"{_plain(subject)} {word} ({score(p)})")
        told = "" if pd.isna(expert) else expert
        rows.append([cell(_plain(subject)), cell(word), cell(score(p), key=float(p)),
                     cell(told, tone="bad" if told and told != word else ""),
                     measured(result.frame, row, speaking.loc[(subject, word)])])
    return {"text": ", ".join(texts),
            "table": table(["Subject", "Word", "Probability", "Expert", "What usually tells the word"], rows)}


def measured(frame: pd.DataFrame, row: int, speaking: pd.Series) -> dict[str, Any]:
    """The value of the measurement that tells the word best, and whether it lies on the side of the word."""
    if not speaking["feature"]:
        return cell("")
    value, with_it, without = (float(v) for v in (frame[speaking["feature"]].iloc[row], speaking["median"],
                                                  speaking["median_of_others"]))
    medians = f"with the word {measurement(with_it)}, else {measurement(without)}"
    if not np.isfinite(value):
        return cell(f"{speaking['name']}: not measured here ({medians})")
    against = abs(value - without) < abs(value - with_it)
    return cell(f"{speaking['name']}: {measurement(value, speaking['unit'])}, speaks "
                f"{'against' if against else 'for'} it ({medians})", tone="bad" if against else "")


def _plain(subject: str) -> str:
    return subject.replace("_", " ")
