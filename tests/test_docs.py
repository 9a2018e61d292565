"""What the pages say is there is there."""

import re
from pathlib import Path

import pytest

from napari_stmml.parameters import PARAMETERS

ROOT = Path(__file__).resolve().parents[1]
PARITY = (ROOT / "docs" / "parity.md").read_text("utf-8")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def test_every_parameter_of_the_seed_has_a_row_in_the_parity_table():
    rows = set(re.findall(r"^\| `(\w+)` \|", PARITY, re.MULTILINE))
    of_the_seed = {known.name for known in PARAMETERS.values() if known.seed}
    assert rows == of_the_seed


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", PARITY))))
def test_every_test_that_the_parity_table_names_exists(named):
    path, _, name = named.partition("::")
    text = (ROOT / path).read_text("utf-8")
    assert f"def {name}" in text if name else "def test_" in text


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_link_of_a_page_leads_to_a_file(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
