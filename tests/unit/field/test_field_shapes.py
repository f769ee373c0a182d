"""tests/system/field/shapes.py and page.py: what a shape's folder says, and the page that is made of all of them."""

from __future__ import annotations

import json

import page
import pytest
import shapes
import yaml

GOOD = {"title": "A loop", "group": shapes.GROUPS[0], "verdict": "works"}


def written(tmp_path, **changes):
    (tmp_path / "shape.yml").write_text(yaml.safe_dump({**GOOD, **changes}), encoding="utf-8")
    return shapes.read(tmp_path)


def test_a_shape_of_three_lines_has_the_variables_of_every_shape(tmp_path):
    shape = written(tmp_path)
    assert shape.everything() == {**shapes.VARIABLES, "bluegreen_files": ["compose.yml"]}
    usual = {"support": ["redis"], "init": [], "web": ["web"], "workers": ["worker", "beat"], "ignored": []}
    assert shape.lists() == usual


def test_what_a_shape_has_of_its_own_wins(tmp_path):
    shape = written(tmp_path, variables={"bluegreen_worker_services": ["celery"], "bluegreen_soak": 3}, quick=True)
    assert shape.everything()["bluegreen_soak"] == 3
    assert (shape.lists()["web"], shape.lists()["workers"]) == (["web"], ["celery"])


def test_a_release_of_its_own_is_laid_over_the_app_in_its_time_only(tmp_path):
    (tmp_path / "release-1.yml").write_text("services: {celery: {}}\n", encoding="utf-8")
    shape = written(tmp_path)._replace(name=str(tmp_path))  # an absolute path stays what it is
    assert shape.everything()["bluegreen_files"] == ["compose.yml", "shape.yml"]
    assert [shape.laid_over(release) for release in "12"] == ["services: {celery: {}}\n", "services: {}\n"]
    (tmp_path / "compose.yml").write_text("services: {web: {}}\n", encoding="utf-8")
    assert [shape.laid_over(release) for release in "12"] == ["services: {celery: {}}\n", "services: {web: {}}\n"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"titel": "x"}, "titel is not a field; there are name, title, "),
        ({"verdict": "perhaps"}, "verdict is works or refused"),
        ({"group": "Others"}, "group one of: Whole apps"),
        ({"verdict": "refused"}, "what is refused has a sentence: says"),
    ],
)
def test_a_folder_that_is_no_shape_is_refused_in_a_sentence(tmp_path, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        written(tmp_path, **changes)


def test_every_folder_is_a_shape():
    assert {shape.name for shape in shapes.every()} == {path.name for path in shapes.SHAPES.iterdir() if path.is_dir()}


def test_every_variable_of_a_shape_is_one_of_the_role():
    specs = yaml.safe_load((page.PAGE.parents[2] / "roles/bluegreen/meta/argument_specs.yml").read_text(encoding="utf-8"))
    known = specs["argument_specs"]["main"]["options"]
    assert {name for shape in shapes.every() for name in shape.everything()} <= set(known)


def test_the_page_is_what_the_shapes_say():
    assert page.PAGE.read_text(encoding="utf-8") == page.page(shapes.every(), page.kept())


def test_a_row_says_what_is_right_and_what_was_counted(tmp_path):
    counted = {"requests": 1200, "failed": 0, "tasks": 250, "lost": 0, "doubled": 0}
    row = page.row(written(tmp_path, note="none of it"), counted)
    assert row == f"| A loop | works: none of it | 1,200 | 250 | `{tmp_path.name}` |"
    refused = page.row(written(tmp_path, verdict="refused", says=["x"], note="write y"), None)
    assert refused == f"| A loop | **refused**: write y |  |  | `{tmp_path.name}` |"


def test_what_was_right_is_taken_over_and_what_is_wrong_now_forgotten():
    counted = dict.fromkeys(page.COUNTED, 0)
    lines = [json.dumps({"shape": name, "wrong": wrong, **counted}) for name, wrong in (("a", []), ("b", ["lost"]), ("gone", []))]
    assert page.taken_over({"b": counted, "c": counted}, lines, {"a", "b", "c"}) == {"a": counted, "c": counted}
