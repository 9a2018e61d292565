"""Teach a model with strokes.

Three classes of a person's own: a few painted pixels of each are enough for the
whole scan. In napari the strokes are painted in *Correct*; here they come from the
simulation, which knows what is where, so that the result can be compared with it.
"""

from dataclasses import replace

import numpy as np

from napari_stmml import Scan, train_classifier
from napari_stmml.figures.drawing import save_figure
from napari_stmml.figures.labels_figure import labels_figure
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.simulate.surfaces import simulate_si001, with_artefacts

surface = simulate_si001((256, 256), 18.0, seed=3, clusters=0.0)
scan = Scan(with_artefacts(surface).heights, surface.pixel_size)
model = train_classifier([scan], recipe="objects", n_clusters=8)

names, known = ("surface", "vacancy", "adatom"), surface.labels + 1  # 1, 2, 3
strokes = np.zeros(scan.heights.shape, np.uint8)  # 0: not painted
rng = np.random.default_rng(0)
for label in (1, 2, 3):
    for row, col in rng.permutation(np.argwhere(known == label))[:6]:
        spot = np.s_[max(0, row - 2) : row + 3, max(0, col - 2) : col + 3]
        strokes[spot][known[spot] == label] = 8 + label  # after the 8 clusters

taught = model.learn(scan, strokes)
classes = taught.classes
for number, name in enumerate(names, 9):
    classes = classes.renamed(number, name)
taught = replace(taught, classes=classes, only_painted=True)
taught.save("taught.stmml")

labels = taught.predict(scan)
painted, right = strokes > 0, labels == known + 8
print(f"painted: {painted.mean():.2%} of the scan")
print(f"right on the rest: {right[~painted].mean():.1%}")
for number, name in enumerate(names, 9):
    print(f"{name}: {right[known + 8 == number].mean():.1%} of its pixels found")

shown = LabelMap(labels, scan.pixel_size, *taught.classes.legend)
save_figure(labels_figure(scan, shown), "3_teach_with_strokes.png")
