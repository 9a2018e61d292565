"""A grid of curves as a stack of images over what was swept, with napari's slider."""

from napari_stmml.colours import robust_limits
from napari_stmml.io.nanonis_grid import Grid
from napari_stmml.viewer.io.layers import LayerData

GRID = "stmml_grid"  # in metadata: settings of the frame; the layer is no scan


def grid_to_layer(grid: Grid, visible: bool = True) -> LayerData:
    """Make layer data of one channel of a grid.

    Parameters
    ----------
    grid : Grid
    visible : bool

    Returns
    -------
    (ndarray, dict, str)
        Values (points, rows, cols); along the first axis the world coordinate is what was swept; ``image``.
    """
    (first, last), points = grid.sweep, len(grid.values)
    frame = grid.frame
    unit = f" ({frame.unit})" if frame.unit else ""
    swept = f"{grid.sweep_name} ({grid.sweep_unit})" if grid.sweep_unit else grid.sweep_name
    meta = {
        "name": f"{frame.stem} {frame.channel}{unit}",
        "scale": ((last - first) / (points - 1), *(frame.pixel_size or (1.0, 1.0))),
        "translate": (first, 0.0, 0.0),
        "units": ("volt" if grid.sweep_unit == "V" else "pixel", "nm", "nm"),
        "axis_labels": (swept, "y", "x"),
        "contrast_limits": robust_limits(grid.values.reshape(points, -1)),
        "colormap": "viridis",
        "visible": visible,
        "metadata": {GRID: frame.settings()},
    }
    return grid.values, meta, "image"
