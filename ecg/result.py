"""What came of one file of a run: its facts, as `<stem>.json` keeps them, or the reason why there are none."""
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ecg.scale import Scale
from featurize.runtime.seal import sealed, unsealed


@dataclass(frozen=True)
class LeadFacts:
    """How surely one lead was seen.

    Parameters
    ----------
    confidence : float
        0 to 1, mean over the samples of the lead.
    gaps : sequence of (float, float)
        Begin and end of doubtful spans, s.
    """

    confidence: float
    gaps: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class TruthScore:
    """Digitized signals beside the true ones.

    Parameters
    ----------
    file : str
        Name of the csv of true signals.
    db : float or None
        Power of the true signals to that of the errors of all leads, dB, as `ecg.simulate.score` has it; at most 25.84.
        None where the true signals cannot be used.
    leads : mapping of lead to float
        The same of each lead.
    error : str
        Why they cannot be used.
    """

    file: str
    db: float | None
    leads: Mapping[str, float]
    error: str = ""


@dataclass(frozen=True)
class StatementFacts:
    """A statement whose criteria all hold, see `ecg.rhythm.statements`.

    Parameters
    ----------
    code, name : str
    steps : float
        By how many steps the weakest criterion is beyond its limit, 0 to 3.
    speaks_for : str
        The measured numbers with their limits.
    """

    code: str
    name: str
    steps: float
    speaks_for: str


@dataclass(frozen=True)
class PageFacts:
    """What `<stem>.json` holds of a page or a digital record; None where something is not known or has no meaning.

    Parameters
    ----------
    fs_hz : float
        Samples a second of `<stem>.csv`.
    px_per_mm : Scale or None
        None for a digital record, which has no paper; so are the gains, the speed and the rotation.
    mm_per_mv, chest_mm_per_mv : float or None
        Gain of the limb leads and of V1 to V6.
    mm_per_s : float or None
        Paper speed.
    layout : str
        A name of `ecg.layout.catalogue.LAYOUTS`, or record.
    rotation_deg : float or None
        By how much the page was turned in the file.
    leads : mapping of lead to LeadFacts
        The leads that are drawn, in the usual order.
    einthoven_residual_mv : float or None
        See `ecg.signals.residual`.
    heart_rate_bpm : float or None
    warnings : sequence of str
    path : str
        The file as the run that made the facts showed it.
    key : str
        See `ecg.job.key_of`.
    sha256 : str
        Of the file's bytes.
    rhythm : mapping of str to float or None
        The row of rhythm.parquet.
    review : bool
        Whether a person should look at the page.
    review_reason : str
        Why, words of `ecg.review` joined by "|".
    delineator : str
        What found the waves of its beats.
    read_from : str
        picture, vectors (the paths of a PDF), or record.
    statements : sequence of StatementFacts
        What the row of rhythm meets, the surest first.
    files : mapping of str to str
        SHA-256 of the files that were written for the page, by their endings.
    truth : TruthScore or None
        None, and not in the file, where nobody gave true signals.
    """

    fs_hz: float
    px_per_mm: Scale | None
    mm_per_mv: float | None
    chest_mm_per_mv: float | None
    mm_per_s: float | None
    layout: str
    rotation_deg: float | None
    leads: Mapping[str, LeadFacts]
    einthoven_residual_mv: float | None
    heart_rate_bpm: float | None
    warnings: Sequence[str]
    path: str
    key: str
    sha256: str
    rhythm: Mapping[str, float | None]
    review: bool = False
    review_reason: str = ""
    delineator: str = "pellucid"
    read_from: str = "picture"
    statements: Sequence[StatementFacts] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    truth: TruthScore | None = None

    def to_json(self) -> str:
        """The text of `<stem>.json`: the fields in their order, and their checksum."""
        content = {one.name: getattr(self, one.name) for one in fields(self)}
        content["px_per_mm"] = None if self.px_per_mm is None else [self.px_per_mm.x, self.px_per_mm.y]
        content["leads"] = {lead: asdict(facts) for lead, facts in self.leads.items()}
        content["statements"] = [asdict(statement) for statement in self.statements]
        if self.truth is None:
            del content["truth"]
        else:
            content["truth"] = asdict(self.truth)
        return json.dumps(sealed(content), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "PageFacts":
        """The facts that `to_json` wrote.

        Raises
        ------
        ValueError
            The text is no JSON, or not that of facts, or damaged.
        """
        content: Any = json.loads(text)
        try:
            content = unsealed(content)
            scale = content["px_per_mm"]
            leads = {lead: LeadFacts(facts["confidence"], [(begin, end) for begin, end in facts["gaps"]])
                     for lead, facts in content["leads"].items()}
            truth = TruthScore(**content["truth"]) if content.get("truth") else None
            statements = tuple(StatementFacts(**statement) for statement in content.get("statements", []))
            return cls(**{**content, "px_per_mm": None if scale is None else Scale(*scale), "leads": leads,
                          "statements": statements, "truth": truth})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"these are no facts of a page ({type(error).__name__}: {error})") from error

    @property
    def least_confidence(self) -> float:
        """Confidence of the lead that was seen least surely; 0 where no lead is drawn."""
        return min((lead.confidence for lead in self.leads.values()), default=0.0)

    @property
    def doubtful_s(self) -> float:
        """Length of the gaps of all leads together."""
        return float(sum(end - begin for lead in self.leads.values() for begin, end in lead.gaps))


@dataclass(frozen=True)
class FinishedFile:
    """A page or record whose signals are written.

    Parameters
    ----------
    path : str
        As this run shows it: relative to the folder that was named.
    stem : str
        Name of what is written, without suffix, relative to the output folder.
    facts : PageFacts
    set_aside : sequence of str
        Files of the page that somebody had changed: their new names, relative to the output folder.
    """

    path: str
    stem: str
    facts: PageFacts
    set_aside: Sequence[str] = ()


@dataclass(frozen=True)
class FailedFile:
    """A file that gave nothing.

    Parameters
    ----------
    path, stem : str
        As in `FinishedFile`.
    error : str
        One line for people.
    reason : str
        One word: a column of errors.csv.
    """

    path: str
    stem: str
    error: str
    reason: str


JobResult = FinishedFile | FailedFile


@dataclass(frozen=True)
class TruthSummary:
    """How pages compare with their true signals.

    Parameters
    ----------
    pages : int
        Pages that were compared.
    left_out : int
        Pages with true signals that gave nothing, or whose true signals cannot be used.
    mean_db : float
        Of all pages, the mean taken over power ratios. NaN if none was compared.
    lowest_db : float
    lowest_path : str
    csv : Path
        A row a page.
    """

    pages: int
    left_out: int
    mean_db: float
    lowest_db: float
    lowest_path: str
    csv: Path
