"""Facts of a page, as they stand in `<stem>.json`."""
import json

import pytest

from ecg.result import LeadFacts, PageFacts, StatementFacts
from ecg.scale import Scale

PAGE = PageFacts(
    fs_hz=500.0, px_per_mm=Scale(7.874, 8.0), mm_per_mv=10.0, chest_mm_per_mv=5, mm_per_s=25.0, layout="3x1",
    rotation_deg=0.5, leads={"I": LeadFacts(0.9, [(1.0, 1.5), (2.0, 2.25)]), "II": LeadFacts(0.7, [])},
    einthoven_residual_mv=None, heart_rate_bpm=75.0, warnings=["gray – 60 %"], path="a/b.png", key="k", sha256="s",
    rhythm={"heart_rr_rate_bpm": 75.0, "heart_atria_pr_s": None}, review=True, review_reason="grid|limb",
    statements=(StatementFacts("1AVB", "block", 2.5, "PR interval 232 ms (above 200)"),))
# Written by hand, as files of earlier versions have it: programs and finished runs rely on it.
TEXT = """{
 "fs_hz": 500.0,
 "px_per_mm": [
  7.874,
  8.0
 ],
 "mm_per_mv": 10.0,
 "chest_mm_per_mv": 5,
 "mm_per_s": 25.0,
 "layout": "3x1",
 "rotation_deg": 0.5,
 "leads": {
  "I": {
   "confidence": 0.9,
   "gaps": [
    [
     1.0,
     1.5
    ],
    [
     2.0,
     2.25
    ]
   ]
  },
  "II": {
   "confidence": 0.7,
   "gaps": []
  }
 },
 "einthoven_residual_mv": null,
 "heart_rate_bpm": 75.0,
 "warnings": [
  "gray – 60 %"
 ],
 "path": "a/b.png",
 "key": "k",
 "sha256": "s",
 "rhythm": {
  "heart_rr_rate_bpm": 75.0,
  "heart_atria_pr_s": null
 },
 "review": true,
 "review_reason": "grid|limb",
 "delineator": "pellucid",
 "read_from": "picture",
 "statements": [
  {
   "code": "1AVB",
   "name": "block",
   "steps": 2.5,
   "speaks_for": "PR interval 232 ms (above 200)"
  }
 ]
}
"""


def test_facts_become_the_known_text_and_back() -> None:
    assert PAGE.to_json().startswith(TEXT.removesuffix("\n}\n") + ',\n "files": {},\n "checksum": "')
    assert PageFacts.from_json(TEXT) == PAGE == PageFacts.from_json(PAGE.to_json())


def test_another_digit_is_found() -> None:
    with pytest.raises(ValueError, match="its checksum does not fit"):
        PageFacts.from_json(PAGE.to_json().replace('"rotation_deg": 0.5', '"rotation_deg": 0.7'))


def test_files_of_versions_without_statements_are_read() -> None:
    old = json.loads(TEXT)
    del old["statements"]
    assert PageFacts.from_json(json.dumps(old)).statements == ()


def test_the_least_confidence_and_all_gaps_are_those_of_all_leads() -> None:
    assert PAGE.least_confidence == 0.7 and PAGE.doubtful_s == 0.75


@pytest.mark.parametrize("text", [
    "", "[]", "3", "{}", TEXT.replace('"key"', '"other"'), TEXT.replace("[\n  7.874,\n  8.0\n ]", "7"),
    json.dumps(json.loads(TEXT) | {"leads": {"I": 1}}), json.dumps(json.loads(TEXT) | {"statements": [{"code": 1}]})],
    ids=["nothing", "list", "number", "empty", "another key", "a scale of one number", "leads", "statements"])
def test_other_text_is_no_facts(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        PageFacts.from_json(text)
