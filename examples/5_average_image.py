"""The average image of a structure.

All objects of the most frequent type on two scans, turned onto each other and
averaged with the lattice around them: noise and the tip's accidents go, the
structure stays. Saved as a picture, and as a TIFF in nm.
"""

import matplotlib.pyplot as plt
import tifffile

from napari_stmml import find_structures, read_scans
from napari_stmml.figures.colour_maps import stm_colormap
from napari_stmml.simulate.session import simulate_session

files = simulate_session("scans")  # in your case: read_scans("a folder/")
scans = [read_scans(file)[0] for file in (files[0], files[2])]
found = find_structures(scans)
kind = max(found.types, key=lambda one: one.count)
mean = kind.mean
if mean is None:
    raise SystemExit("there is no object on these scans")
print(f"{kind.name}: {mean.count} of {kind.count} objects averaged")
tifffile.imwrite("5_average_image.tif", mean.heights)

half = mean.heights.shape[0] * mean.pixel_nm / 2
figure, panels = plt.subplots(1, 2, figsize=(7.5, 3.0), layout="constrained")
for axes, values, title in zip(
    panels, (mean.heights, mean.spread), ("mean", "standard deviation"), strict=True
):
    image = axes.imshow(
        values, cmap=stm_colormap(), extent=(-half, half, -half, half)
    )
    axes.set(title=title, xlabel="nm", ylabel="nm")
    figure.colorbar(image, ax=axes, label="height (nm)", shrink=0.8)
figure.suptitle(f"{kind.name}: average of {mean.count} objects")
figure.savefig("5_average_image.png", dpi=150)
