"""What ``stmml info`` says of a model file."""

from pathlib import Path
from typing import Any

from napari_stmml.text import counted

ENDING = ".stmml"


def describe_model(path: str) -> dict[str, Any]:
    """Return what a model is, for programs.

    Parameters
    ----------
    path : str

    Returns
    -------
    dict
        ``recipe`` is its title: its name, and which parameters are not as that says.

    Raises
    ------
    ValueError
        In one sentence that names the file, if it is no model.
    """
    from napari_stmml.model.classifier import SurfaceClassifier

    model = SurfaceClassifier.load(path)
    names, files = model.class_names, model.training.get("files")
    return {
        "file": path,
        "recipe": model.recipe.title,
        "parameters": model.recipe.as_dict(),
        "clusters": model.n_clusters,
        "classes": {str(label): names[label - 1] for label in sorted(model.classes.order)},
        "maps": len(files) if isinstance(files, list) else 0,
        "painted_scans": len(model.examples.sources) if model.examples else 0,
        "created": model.training.get("created"),
    }


def model_line(about: dict[str, Any]) -> str:
    """Say what a model is in one line, from what `describe_model` returned."""
    painted = (
        f", learnt from {counted(about['painted_scans'], 'painted scan')}" if about["painted_scans"] else ""
    )
    made = f", made of {counted(about['maps'], 'map')}" if about["maps"] else ""
    parts = f"{counted(about['clusters'], 'cluster')}, {counted(len(about['classes']), 'class')}"
    return f"{Path(about['file']).name}: recipe {about['recipe']}, {parts}{made}{painted}"
