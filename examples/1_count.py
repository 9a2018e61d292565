"""From a file to a count in ten lines.

Every object on a scan, its type, and how many there are on a square nanometre.
Nothing is trained.
"""

from napari_stmml import find_structures, read_scans
from napari_stmml.simulate.session import simulate_session

file = simulate_session("scans")[
    0
]  # in your case: "my_scan.Z_mtrx", "my_scan.sxm", ...
scan = read_scans(file)[0]  # forward/up; heights in nm, row 0 at the top
found = find_structures(scan)
print(f"{scan.name}: {len(found.table)} objects")
for kind in found.types:
    density = f"{kind.density_per_nm2:.3f} ± {kind.error_per_nm2:.3f} per nm²"
    print(f"{kind.name}: {kind.count}, {density}")
