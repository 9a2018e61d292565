"""Train on scans, predict on another.

The model finds the classes of a scan by itself, is kept in a file, and labels
another. Recipe `objects` trains no network; `recipe="learned"` trains a small one
in a minute, and needs TensorFlow.
"""

from napari_stmml import SurfaceClassifier, read_scans, train_classifier
from napari_stmml.figures.drawing import save_figure
from napari_stmml.figures.labels_figure import labels_figure
from napari_stmml.io.label_tiff import LabelMap
from napari_stmml.simulate.session import simulate_session

first, _, other = simulate_session("scans")  # in your case: read_scans("a folder/")
model = train_classifier(read_scans(first)[:1], recipe="objects", seed=0)
model.save("si001.stmml")

model = SurfaceClassifier.load("si001.stmml")
scan = read_scans(other)[0]
labels = model.predict(scan)  # a label for every pixel of the scan; 0: not labelled
for label, name in enumerate(model.class_names, 1):
    print(f"{name}: {(labels == label).mean():.1%} of the frame")

shown = LabelMap(labels, scan.pixel_size, *model.classes.legend)
save_figure(labels_figure(scan, shown), "2_train_and_predict.png")
