"""study.toml: what only the authors of a study know, by name. docs/study.toml is an example."""
import difflib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from featurize.errors import UserError, shown
from featurize.runtime.seal import unsealed

# Key, and what is wanted.
FIELDS: Mapping[str, str] = {
    "title": "title of the study",
    "abstract": "its abstract, or where it stands",
    "background": "the health problem, and why a model is wanted",
    "objectives": "aims and hypotheses",
    "design": "retrospective or prospective",
    "intended_use": "what the model is for, and what it must not be used for",
    "users": "who uses it, and what they must be able to do",
    "target_population": "the patients it is for",
    "care_pathway": "at which point of care it is used",
    "oversight": "who looks at which predictions before what is decided",
    "provenance": "where the images come from",
    "dates": "first and last date of the images",
    "setting": "kind, number and place of the centers",
    "eligibility": "who and what was taken in and left out",
    "flow": "how many at each step",
    "demographics": "age, sex and other characteristics of the patients",
    "treatments": "treatments that matter, or that there were none",
    "acquisition": "device, stain, magnification, settings",
    "deidentification": "how patients were made unrecognizable",
    "label_source": "the reference standard: how the labels were found",
    "label_rationale": "why this reference standard",
    "annotators": "who labelled: number, training, experience",
    "label_procedure": "tools and rules of labelling",
    "label_agreement": "agreement of those who labelled",
    "blinding": "what those who labelled did not know",
    "sample_size": "why so many images and patients",
    "inequalities": "known inequalities between groups of people",
    "fairness": "what was done about them",
    "no_external_test": "why there is no test on data from elsewhere",
    "user_test": "how users tried it, and what came out",
    "safety": "what counts as a harmful error, and what guards against it",
    "interpretation": "what the results mean for practice",
    "limits": "limits of the study",
    "next_steps": "what should be done next",
    "monitoring": "what is watched in use, and what stops the model",
    "update_plan": "when and how the model is trained again",
    "updating": "how the model was updated after its evaluation",
    "ethics": "ethics committee, number of the approval, consent",
    "funding": "who paid, and their part in the study",
    "conflicts": "conflicts of interest",
    "protocol": "where the protocol is",
    "registration": "register and number, or that there is none",
    "data_availability": "where and how the data can be had",
    "code_availability": "where and how the code can be had",
    "involvement": "the part of patients and public",
    "contact": "whom to ask",
}
# Similarity of an unknown key to a known one from which it is suggested.
_ALIKE = 0.6


def read_study(path: Path) -> dict[str, str]:
    """The answers of the authors; a key with an empty text is as good as none.

    Raises
    ------
    UserError
        The file cannot be read, is no TOML, or has an unknown key or a value that is no text.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise UserError(f"--study {path} cannot be read ({why}): give a TOML file as docs/study.toml") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise UserError(f'--study {path} is no TOML ({why}): lines such as users = "pathologists" were wanted'
                        ) from error
    return _checked(content, f"--study {path}")


def read_kept(path: Path) -> dict[str, str]:
    """The answers that a run keeps.

    Raises
    ------
    UserError
        The file is damaged.
    """
    try:
        content = unsealed(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: remove it, or give study.toml with --study") from error
    return _checked(content, str(path))


def _checked(content: Mapping[str, Any], where: str) -> dict[str, str]:
    """Known keys with a text, on one line each."""
    for key, value in content.items():
        if key not in FIELDS:
            raise UserError(f"{where}: {shown(key)} is unknown{_suggestion(key)}; the keys are {', '.join(FIELDS)}")
        if not isinstance(value, str):
            raise UserError(f'{where}: {key} = {shown(value)} is no text: write {key} = "..."')
    return {key: " ".join(value.split()) for key, value in content.items() if value.strip()}


def _suggestion(key: str) -> str:
    close = difflib.get_close_matches(key, FIELDS, 1, _ALIKE)
    return f" (did you mean {close[0]!r}?)" if close else ""
