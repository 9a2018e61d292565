import subprocess
import sys
from importlib.metadata import version

import pytest

from napari_stmml.cli import main


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["info"],
        ["train", "x"],
        ["train", "x", "--out", "m", "--recipe", "unheard-of"],
        ["train", "x", "--out", "m", "--epochs", "many"],
        ["train", "x", "--out", "m", "--clusters", "many"],
        ["train", "x", "--out", "m", "--set", "window_sice=3"],
        ["predict", "x", "--out", "m"],
        ["measure", "x.tif", "--pairs", "a"],
    ],
)
def test_a_command_that_is_not_understood_is_status_2(arguments, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Error: " in err


def test_the_command_starts_as_a_program_and_says_its_version():
    run = subprocess.run(
        [sys.executable, "-m", "napari_stmml.cli", "--version"], capture_output=True, text=True, timeout=60
    )
    assert (run.returncode, run.stdout.strip()) == (0, f"napari-stmml {version('napari-stmml')}")


@pytest.mark.parametrize("command", ["", "train", "run", "measure"])
def test_help_loads_nothing_heavy_and_names_every_option(command):
    code = "import sys; from napari_stmml.cli import main; main(sys.argv[1:]); print(*sys.modules)"
    arguments = [*command.split(), "--help"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )
    *text, loaded = done.stdout.splitlines()
    heavy = {"scipy", "skimage", "sklearn", "matplotlib", "pandas", "keras", "tensorflow", "access2thematrix"}
    assert not heavy & set(loaded.split())
    named = {"": "measure", "train": "--set NAME=VALUE", "run": "--include", "measure": "--pairs NAME NAME"}
    assert any(named[command] in line for line in text)
