"""The images of every class, as a terminal shows them."""
import pandas as pd

from featurize.counts import as_lines, class_counts
from featurize.index.listing import with_listed_findings


def test_images_parts_and_groups_of_every_class() -> None:
    frame = pd.DataFrame({"label": ["hem", "all", "all", None, "all"], "group": ["p1", "p1", "p2", None, "p2"],
                          "split": ["test", "train", "val", "train", "extra"]})
    assert as_lines(class_counts(frame)) == [
        "class       images  train  val  test  extra  groups",
        "all              3      1    1     0      1       2",
        "hem              1      0    0     1      0       1",
        "(no label)       1      1    0     0      0       0"]


def test_findings_overlap_and_parts_or_groups_that_are_not_there_are_left_out() -> None:
    frame = pd.DataFrame({"label": None, "group": None, "split": None,
                          "label_flu": pd.array([1, 1, 0, None], dtype="Int8"),
                          "label_cold": pd.array([1, 0, 0, None], dtype="Int8")}, index=range(4))
    assert as_lines(class_counts(frame, ("flu", "cold"))) == [
        "class           images", "flu                  2", "cold                 1", "(none of them)       1",
        "(no label)           1"]


def test_a_label_that_lists_findings_is_counted_by_finding() -> None:
    frame = pd.DataFrame({"label": ["Edema|Mass", "No Finding", "Mass", None], "group": None, "split": None})
    assert as_lines(class_counts(*with_listed_findings(frame, ()))) == [
        "class           images", "Edema                1", "Mass                 2", "(none of them)       1",
        "(no label)           1"]
    plain = frame.assign(label=["ant", "bee", "ant", None])
    assert with_listed_findings(plain, ())[0] is plain


def test_wide_letters_stand_in_line_and_long_lists_end() -> None:
    frame = pd.DataFrame({"label": ["白血球", "ant", "line\nbreak"], "group": None, "split": None})
    assert as_lines(class_counts(frame)) == ["class       images", "ant              1", "line break       1",
                                             "白血球           1"]
    many = pd.DataFrame({"label": [f"c{n:02d}" for n in range(45)], "group": None, "split": None})
    assert as_lines(class_counts(many))[-1] == "and 15 more classes" and len(as_lines(class_counts(many))) == 32
