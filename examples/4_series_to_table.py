"""A series of scans to one table.

One set of types for all scans, and a row for each type on each scan: how many,
density with its error, coverage; for pandas, Origin or Excel. A series of maps of a
model becomes such a table with `stmml measure`.
"""

import matplotlib.pyplot as plt

from napari_stmml import find_structures, read_scans
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.measuring.structure_tables import write_structures
from napari_stmml.simulate.surfaces import simulate_si001, with_artefacts

doses = (0.03, 0.06, 0.09, 0.12)  # vacancies per nm², as after sputtering
frames = []
for seed, dose in enumerate(doses):
    surface = simulate_si001((250, 250), 20.0, seed, vacancies=dose, clusters=0)
    heights = {"forward/up": with_artefacts(surface).heights}
    frames.append(Frame(heights, width_nm=20, height_nm=20))
write_session("series", frames)  # in your case the folder is there already

scans = read_scans("series")
found = find_structures(scans)
write_structures("tables", found)  # objects.csv, types.csv, densities.csv, ...
table = found.densities
columns = ["scan_name", "type_name", "n", "density_per_nm2", "error_per_nm2"]
print(table[columns].to_string(index=False))

figure, axes = plt.subplots(figsize=(4.5, 3), layout="constrained")
for kind in found.types[:3]:
    own = table[table.type == kind.number]
    bars = {"yerr": own.error_per_nm2, "marker": "o", "capsize": 2}
    axes.errorbar(doses, own.density_per_nm2, **bars, label=kind.name)
axes.set(xlabel="vacancies, simulated (1/nm²)", ylabel="objects, found (1/nm²)")
axes.legend()
figure.savefig("4_series_to_table.png", dpi=150)
