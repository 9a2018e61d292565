"""Where a layer of napari lies: its pixel size in nm, its place for a file, and one layer laid on another."""

from typing import Any

import numpy as np


def pixel_size_nm(meta: dict[str, Any]) -> tuple[float, float] | None:
    """Return nm per pixel along rows and columns from a layer's scale and units.

    Parameters
    ----------
    meta : dict
        With ``scale`` and ``units`` of a layer.

    Returns
    -------
    (float, float) or None
        None if the units are no lengths.
    """
    factors = _nm_per_unit(meta)
    scale = np.asarray(meta.get("scale", (1, 1)), dtype=float)[-2:]
    if None in factors or (scale <= 0).any():
        return None
    rows, cols = (float(size) * float(factor or 0) for size, factor in zip(scale, factors, strict=True))
    return rows, cols


def layer_scale(pixel_size: tuple[float, float] | None) -> dict[str, Any]:
    """Return scale, units and names of axes for a layer of this pixel size; pixels where it is None."""
    unit = "pixel" if pixel_size is None else "nm"
    return {"scale": pixel_size or (1.0, 1.0), "units": (unit, unit), "axis_labels": ("y", "x")}


def placement(meta: dict[str, Any]) -> dict[str, Any]:
    """Return translation (nm), rotation, shear and affine of a layer for JSON; only those that were set."""
    place: dict[str, Any] = {}
    in_nm = np.array([factor or 1.0 for factor in _nm_per_unit(meta)])
    if pixel_size_nm(meta) is None and not np.array_equal(meta.get("scale", (1, 1)), (1, 1)):
        place["scale"] = np.asarray(meta["scale"], dtype=float).tolist()
    for key, plain in (
        ("translate", np.zeros(2)),
        ("rotate", np.eye(2)),
        ("shear", np.zeros(1)),
        ("affine", np.eye(3)),
    ):
        if meta.get(key) is not None:
            values = np.array(meta[key], dtype=float)
            if key == "translate":
                values = values * in_nm
            elif key == "affine":
                values[:2, 2] *= in_nm
            if values.shape != plain.shape or not np.array_equal(values, plain):
                place[key] = values.tolist()
    return place


def place_of(layer: Any) -> dict[str, Any]:
    """Return scale, translation, units ... of a layer, for another layer to lie exactly on it.

    Parameters
    ----------
    layer : napari layer

    Returns
    -------
    dict of str to object
        Values by name of the property; lengths are in the units of the layer.
    """
    keys = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    return {key: getattr(layer, key) for key in keys}


def lay_on(layer: Any, other: Any) -> None:
    """Move a layer exactly onto another; equal properties are not set, as each change draws all layers.

    Parameters
    ----------
    layer : napari layer
        The one that moves.
    other : napari layer
        The one that stays.
    """
    for key, value in place_of(other).items():
        if not np.array_equal(np.asarray(getattr(layer, key)), np.asarray(value)):
            setattr(layer, key, value)


def is_unplaced(layer: Any) -> bool:
    """Whether a layer has napari's place of a plain array: pixels as units, from the origin on."""
    meta = {key: getattr(layer, key) for key in ("scale", "translate", "rotate", "shear", "affine", "units")}
    return pixel_size_nm(meta) is None and not placement({**meta, "affine": np.asarray(layer.affine)})


def lies_on(layer: Any, other: Any) -> bool:
    """Say whether two layers cover the same place, to half a pixel.

    Parameters
    ----------
    layer, other : napari layers
        Both of the same shape, (rows, cols).

    Returns
    -------
    bool
        Units that are no lengths are taken to be those of the other layer, as napari shows them.
    """
    rows, cols = other.data.shape
    corners = np.array([(0, 0), (0, cols), (rows, 0)], float)
    own, others = (_nm_per_unit({"units": one.units}) for one in (layer, other))
    factor = [a / b if a and b else 1.0 for a, b in zip(own, others, strict=True)]
    found = [other.world_to_data(np.multiply(layer.data_to_world(at), factor)) for at in corners]
    return bool(np.abs(np.array(found) - corners).max() <= 0.5)


def _nm_per_unit(meta: dict[str, Any]) -> list[float | None]:
    """Return nm per unit along rows and columns, None where the unit is no length."""
    units = meta.get("units")
    units = (units, units) if isinstance(units, str) else units
    return [_in_nm(str(unit)) for unit in (units if units is not None else ("pixel", "pixel"))[-2:]]


def _in_nm(unit: str) -> float | None:
    import pint

    try:
        nm = pint.get_application_registry().Quantity(1.0, unit).to("nm").magnitude
    except pint.errors.PintError:
        return None
    return float(f"{nm:.12g}")  # pint makes 999.9999999999999 nm of 1 µm
