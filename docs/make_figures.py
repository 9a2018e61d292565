"""Make the picture of docs/howto/figure.md from a simulated scan: ``python docs/make_figures.py``."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from napari_stmml import find_structures, read_scans
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.figures.paper.paper_figure import PaperFigure
from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.measuring.structure_maps import structure_map
from napari_stmml.simulate.session import simulate_session

PICTURE = Path(__file__).parent / "howto" / "figure.png"
OPTIONS = FigureOptions(width="double", colours="colour-blind", counts=True, dpi=110)
LINES = (np.array([[40.0, 20.0], [190.0, 210.0]]), np.array([[88.0, 20.0], [88.0, 220.0]]))
GAP = 40  # px between figures


def main() -> None:
    """Draw a figure of each kind below each other."""
    with tempfile.TemporaryDirectory() as folder:
        scan = read_scans(simulate_session(folder)[0])[0]
        found = find_structures(scan, seed=0)
        shown = ShownScan(scan, structure_map(found, 0))
        asked = [
            PaperFigure("scans", (shown,)),
            PaperFigure("measured", (shown,)),
            PaperFigure("profile", (ShownScan(scan),), LINES),
        ]
        parts = []
        for one in asked:
            with Image.open(one.save(Path(folder) / f"{one.kind}.png", OPTIONS)[0]) as picture:
                parts.append(picture.convert("RGB"))
    tall = sum(one.height for one in parts) + GAP * (len(parts) + 1)
    sheet = Image.new("RGB", (parts[0].width + 2 * GAP, tall), "white")
    top = GAP
    for one in parts:
        sheet.paste(one, (GAP, top))
        top += one.height + GAP
    sheet.save(PICTURE, optimize=True)
    print(f"wrote {PICTURE}")


if __name__ == "__main__":
    main()
