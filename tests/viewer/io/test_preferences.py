"""Preferences: each value has one home, in napari's preferences or in the small file."""

import os
from dataclasses import replace

import pytest
from napari.settings import get_plugin_settings
from npe2 import PluginManager

from napari_stmml.system.threads import MOST_THREADS, cores
from napari_stmml.system.user_folder import models_folder
from napari_stmml.viewer.io.levelling import AS_RECORDED
from napari_stmml.viewer.io.preferences import (
    CHOICES,
    IN_NAPARI,
    Preferences,
    apply_to_process,
    preferences,
)

OTHERS = Preferences(AS_RECORDED, "gray", "forward", "instant", "", 1, "/scans", steps="closed")


@pytest.fixture
def ours(viewer):
    """Return what the manifest contributes to napari's preferences."""
    return PluginManager.instance().get_manifest("napari-stmml").contributions.configurations


def test_napari_offers_what_we_know(ours):
    found = {name: (part, one) for part, group in ours.items() for name, one in group.properties.items()}
    assert {name: part for name, (part, _) in found.items()} == IN_NAPARI
    assert {name: one.enum for name, (_, one) in found.items() if one.enum} == {
        name: list(known) for name, known in CHOICES.items()
    }
    assert {name: one.default for name, (_, one) in found.items()} == {
        name: getattr(Preferences(), name) for name in IN_NAPARI
    }


def test_what_was_saved_is_there_the_next_day(ours):
    OTHERS.save()
    assert get_plugin_settings("napari-stmml").opening.colours == "gray"
    get_plugin_settings().clear()  # as napari does when it starts anew
    assert preferences() == OTHERS


def test_what_is_chosen_in_the_dialog_of_napari_counts(ours):
    get_plugin_settings("napari-stmml").opening.directions = "forward/up alone"
    assert preferences() == Preferences(directions="forward/up alone")


def test_the_heights_that_an_earlier_version_kept_are_kept(ours):
    path = Preferences().save()
    path.write_text('{"heights": "as recorded", "folder": "/scans"}')
    assert preferences() == Preferences(heights=AS_RECORDED, folder="/scans")
    assert "heights" not in path.read_text()
    assert preferences() == Preferences(heights=AS_RECORDED, folder="/scans")


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"heights": "as it were"}', '{"else": 1}'])
def test_preferences_that_are_damaged_are_those_of_everybody(ours, content):
    Preferences(steps="closed").save().write_text(content)
    assert preferences() == Preferences()


@pytest.mark.parametrize("wrong", [{"heights": "flat"}, {"recipe": "none"}, {"directions": "sideways"}])
def test_a_value_that_is_none_of_the_choices_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be one of "):
        Preferences(**wrong)


def test_folder_and_threads_count_in_this_process_and_those_it_starts(ours, tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_STMML_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(MOST_THREADS, "")
    Preferences(work_folder=str(tmp_path), threads=1).save()
    apply_to_process()
    assert models_folder() == tmp_path / "napari-stmml" / "models"
    assert (os.environ[MOST_THREADS], cores()) == ("1", 1)
    Preferences().save()
    apply_to_process()
    assert models_folder() == tmp_path / "home" / "models"
    assert MOST_THREADS not in os.environ
    monkeypatch.setattr(
        "napari_stmml.viewer.io.preferences._OUTSIDE", "3"
    )  # of the shell that started napari
    apply_to_process()
    assert os.environ[MOST_THREADS] == "3"


@pytest.mark.parametrize(("directions", "n"), [("forward", 2), ("forward/up alone", 1)])
def test_scans_open_with_directions_and_colours_that_are_preferred(viewer, small_session, directions, n):
    replace(Preferences(), directions=directions, colours="gray").save()
    viewer.open(str(small_session[0]), plugin="napari-stmml")
    assert [layer.visible for layer in viewer.layers] == [False] * (n - 1) + [True]
    assert {layer.colormap.name for layer in viewer.layers} == {"gray"}
