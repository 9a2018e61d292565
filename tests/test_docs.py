"""What the pages say is there is there."""

import ast
import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml

import napari_stmml
from napari_stmml.batch.job_parameters import PARAMETERS

ROOT = Path(__file__).resolve().parents[1]
PARITY = (ROOT / "docs" / "parity.md").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OURS = re.compile(
    r"https://(?:raw\.githubusercontent\.com/napari-stmml/napari-stmml/main"
    r"|github\.com/napari-stmml/napari-stmml/(?:blob|tree)/main)/([^\s)#]+)"
)


def test_every_parameter_of_srsml24_has_a_row_in_the_parity_table():
    rows = set(re.findall(r"^\| `(\w+)` \|", PARITY, re.MULTILINE))
    of_srsml24 = {known.name for known in PARAMETERS.values() if known.srsml24}
    assert rows == of_srsml24


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", PARITY))))
def test_every_test_that_the_parity_table_names_exists(named):
    path, _, name = named.partition("::")
    text = (ROOT / path).read_text("utf-8")
    assert f"def {name}" in text if name else "def test_" in text


NAMED = sorted(
    set(re.findall(r"`((?:batch|features|figures|heights|io|model|srsml24)(?:/\w+)+)(?:\.(\w+))?`", PARITY))
)


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_every_module_and_function_that_the_parity_table_names_exists(module, name):
    text = (ROOT / "src" / "napari_stmml" / f"{module}.py").read_text("utf-8")
    assert not name or re.search(rf"^(def|class) {name}\b", text, re.MULTILINE)


def test_the_page_of_parameters_is_made_of_their_declarations():
    made = runpy.run_path(str(ROOT / "docs" / "make_parameters.py"))["page"]()
    assert (ROOT / "docs" / "parameters.md").read_text("utf-8") == made
    for name, known in PARAMETERS.items():
        assert f"| `{name}` |" in made
        assert known.help in made


MADE = {"gallery.md", "commands.md", "contributing.md", "changes.md"}  # of the site, by docs/site_hooks.py


def test_the_options_of_figures_are_made_of_their_declarations():
    made = runpy.run_path(str(ROOT / "docs" / "make_parameters.py"))["figures_page"]()
    assert (ROOT / "docs" / "howto" / "figure.md").read_text("utf-8") == made


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_of_a_page_leads_to_a_file(page):
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target and Path(target).name not in MADE:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for target in OURS.findall(text):
        assert (ROOT / target).exists(), f"{page.name} links to {target}"


def test_every_page_is_in_the_menu_of_the_site():
    menu = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:")[2]
    docs = ROOT / "docs"
    pages = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")}
    assert set(re.findall(r"[\w/]+\.md", menu)) == pages | MADE


def test_the_conda_recipe_is_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    recipe = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text("utf-8"))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    python, *needed = recipe["requirements"]["run"]
    assert recipe["context"]["version"] == citation["version"] == project["version"]
    assert python == f"python {project['requires-python']}"
    split = [re.sub(r"(?<=\w)(?=[><=])", " ", one, count=1) for one in project["dependencies"]]
    assert [re.sub("^(matplotlib|napari)-base ", r"\1 ", one) for one in needed] == split


def test_the_readme_is_whole_on_pypi():
    text = (ROOT / "README.md").read_text("utf-8")
    assert all("://" in target for target in re.findall(r"\]\(([^)#]+)\)", text))


def test_every_public_name_stands_in_the_reference():
    text = (ROOT / "docs" / "reference.md").read_text("utf-8")
    for name, module in napari_stmml._HOME.items():
        assert name == "RECIPES" or f"::: napari_stmml.{module}.{name}\n" in text


def test_the_list_without_tensorflow_is_that_of_the_project_without_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = (ROOT / "docs" / "without-tensorflow.txt").read_text("utf-8").splitlines()[1:]
    assert listed == [one for one in project["dependencies"] if not one.startswith("tensorflow")]


DESIGN = (ROOT / "docs" / "design.md").read_text("utf-8")


def test_the_diagram_of_packages_is_made_of_their_imports():
    made = runpy.run_path(str(ROOT / "docs" / "make_diagram.py"))
    assert made["page_with"](made["diagram"]()) == DESIGN


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(\w+(?:/\w+)+(?:\.(?!py`)\w+)+)`", DESIGN))))
def test_every_function_that_the_design_names_exists(named):
    module, *names = named.split(".")
    found = ast.parse((ROOT / "src" / "napari_stmml" / f"{module}.py").read_text("utf-8"))
    for name in names:
        own = [one for one in found.body if getattr(one, "name", "") == name]
        assert own, f"{module}.py has no {'.'.join(names)}"
        (found,) = own


def test_the_design_fits_on_a_few_screens():
    assert DESIGN.count("\n") <= 150
