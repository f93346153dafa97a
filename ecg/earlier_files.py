"""What an earlier run left of a page or record, before a new one writes its files."""
from pathlib import Path

from ecg.job import PageJob, is_corrected
from ecg.output_folder import BEFORE, FACTS, OVERLAY, files_beside
from ecg.result import PageFacts
from featurize.runtime.set_aside import set_aside, set_aside_changed


def make_way(job: PageJob, out: Path) -> list[str]:
    """Keep what somebody changed, and the overlay that corrections are compared with; remove the facts.

    The facts go before the first file is written: a run that is killed in between leaves none, so that the next one
    does not take this run's own files for changed ones.

    Returns
    -------
    list of str
        New names of the files that were changed since they were written, relative to `out`.
    """
    facts = out / (job.stem + FACTS)
    kept = []
    try:
        written = PageFacts.from_json(facts.read_text(encoding="utf-8")).files
        # The endings are our own: those in the facts could lead anywhere.
        kept = set_aside_changed({out / (job.stem + suffix): written[suffix] for suffix in files_beside(job)
                                  if suffix in written})
    except OSError:
        pass
    except ValueError:
        if facts.stat().st_size:
            kept = [set_aside(facts)]
    _keep_before(job, out)
    facts.unlink(missing_ok=True)
    return [file.relative_to(out).as_posix() for file in kept]


def _keep_before(job: PageJob, out: Path) -> None:
    """Keep the overlay of the run before beside that of a page with corrections; without corrections none is kept."""
    overlay, before = out / (job.stem + OVERLAY), out / (job.stem + BEFORE)
    if not is_corrected(job):
        before.unlink(missing_ok=True)
    elif overlay.is_file():
        overlay.replace(before)
