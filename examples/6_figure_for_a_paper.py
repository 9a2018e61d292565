"""A figure for a paper.

Outlines of the regions on the flattened scan, the average image, profile and pair
distances of each class, and one line of numbers. In napari the panels have *Save
figure…*.
"""

from napari_stmml import find_structures, read_scans
from napari_stmml.figures.drawing import save_figure
from napari_stmml.figures.structures_figure import structures_figure
from napari_stmml.simulate.session import simulate_session

scan = read_scans(simulate_session("scans")[0])[
    0
]  # in your case: read_scans("my_scan.sxm")[0]
found = find_structures(scan)
save_figure(structures_figure(found, 0), "6_figure_for_a_paper.png")
