"""A figure for a paper.

A scan beside its structures, with outlines in colours that everybody tells apart,
legend, scale bar, colour bar and settings, 178 mm wide; with it a record of what it
was made of, and a paragraph for the methods section. In napari: *Save figure…*.
"""

from napari_stmml import find_structures, read_scans
from napari_stmml.figures.paper.methods_text import methods_text
from napari_stmml.figures.paper.options import FigureOptions
from napari_stmml.figures.paper.paper_figure import PaperFigure
from napari_stmml.figures.paper.provenance import read_figure_record
from napari_stmml.figures.paper.shown_scan import ShownScan
from napari_stmml.measuring.structure_maps import structure_map
from napari_stmml.simulate.session import simulate_session

scan = read_scans(simulate_session("scans")[0])[0]  # yours: read_scans("my.sxm")[0]
found = find_structures(scan)

figure = PaperFigure("scans", (ShownScan(scan, structure_map(found, 0)),))
options = FigureOptions(width="double", colours="colour-blind", counts=True)
written = figure.save("6_figure_for_a_paper.png", options)  # or .svg, .pdf
print(*written, sep="\n")
print(methods_text(read_figure_record("6_figure_for_a_paper.json")))
