"""A paragraph of methods for a paper, ready to paste, from the record of a figure; facts alone."""

from collections.abc import Mapping
from typing import Any

from napari_stmml.measuring.measurements import FLATTENED
from napari_stmml.recipe import FEATURES
from napari_stmml.text import counted, number, percent

REFERENCES = {
    "napari-stmml": "napari-stmml, version {version} (software, BSD-3-Clause licence).",
    "napari": "napari contributors. napari: a multi-dimensional image viewer for Python. Zenodo,"
    " doi:10.5281/zenodo.3555620.",
    "scikit-learn": "F. Pedregosa et al. Scikit-learn: machine learning in Python. J. Mach. Learn. Res. 12,"
    " 2825-2830 (2011).",
    "tensorflow": "M. Abadi et al. TensorFlow: large-scale machine learning on heterogeneous systems (2015)."
    " Software available from tensorflow.org.",
    "srsml24": "S. R. Schofield. SRSML24: STM Machine Learning Module (2025).",
}
MOST_SCANS, MOST_CLASSES = 6, 20  # that are named one by one


class _Cited:
    """Numbers of references, in the order in which they come."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, key: str) -> str:
        if key not in self.keys:
            self.keys.append(key)
        return f"[{self.keys.index(key) + 1}]"


def methods_text(record: Mapping[str, Any]) -> str:
    """Write how the data of a figure were made and analysed, with references.

    Parameters
    ----------
    record : mapping
        As `provenance.figure_record` made it, or as it was read.

    Returns
    -------
    str
        A paragraph, and below it the numbered references. What is not known is not said.
    """
    cite = _Cited()
    sentences = [_software(record, cite)]
    scans = list(record.get("scans", ()))
    if scans:
        sentences.append(_scans(scans))
    for model in record.get("models", ()):
        sentences += _model(model, cite)
    if "structures" in record or any(map(_has_objects, scans)):
        sentences.append(_structures(record.get("structures") or {}, cite))
    for scan in scans[:MOST_SCANS]:
        sentences += _classes(scan, several=len(scans) > 1)
    if measured := record.get("measured"):
        sentences.append(_measured(measured))
    sentences += _heights(scans, str(record.get("kind", "")))
    made = record.get("versions", {})
    listed = [
        f"[{place}] {REFERENCES[key].format(version=made.get('napari-stmml', '?'))}"
        for place, key in enumerate(cite.keys, 1)
    ]
    return "\n".join([" ".join(one for one in sentences if one), "", *listed, ""])


def _software(record: Mapping[str, Any], cite: _Cited) -> str:
    made = record.get("versions", {})
    viewer = (
        f", a plugin of napari {made['napari']} {_after_ours(cite, 'napari')}" if "napari" in made else ""
    )
    others = ("python", "numpy", "scipy", "scikit-image", "scikit-learn", "pandas", "matplotlib")
    names = {"python": "Python", "numpy": "NumPy", "scipy": "SciPy", "matplotlib": "Matplotlib"}
    listed = ", ".join(f"{names.get(one, one)} {made[one]}" for one in others if one in made)
    own = f"napari-stmml {made.get('napari-stmml', '')} {cite('napari-stmml')}".replace("  ", " ")
    return f"Scanning tunnelling microscopy (STM) data were analysed with {own}{viewer} ({listed})."


def _after_ours(cite: _Cited, key: str) -> str:
    """Cite a reference after that of this program, which comes first."""
    cite("napari-stmml")
    return cite(key)


def _scans(scans: list[Mapping[str, Any]]) -> str:
    named = [_scan(one) for one in scans[:MOST_SCANS]]
    more = len(scans) - len(named)
    rest = f", and {more} more" if more else ""
    verb = "Scan" if len(scans) == 1 else "Scans"
    return f"{verb}: {'; '.join(named)}{rest}."


def _scan(one: Mapping[str, Any]) -> str:
    size, px = one.get("size_nm"), one.get("size_px") or (0, 0)
    parts = [str(one.get("name"))]
    if size:
        parts.append(f"{number(size[1])} x {number(size[0])} nm")
    parts.append(f"{px[1]} x {px[0]} px")
    if one.get("bias") is not None:
        parts.append(f"bias {number(one['bias'])} V")
    if one.get("setpoint") is not None:
        parts.append(f"setpoint {number(1000 * one['setpoint'])} pA")
    if one.get("sha256"):
        parts.append(f"SHA-256 {one['sha256'][:16]}")
    return ", ".join(parts)


def _model(model: Mapping[str, Any], cite: _Cited) -> list[str]:
    name = f"{model['file']} (SHA-256 {model['sha256'][:16]})" if model.get("sha256") else str(model["file"])
    if "types" in model:
        return [f"Objects were sorted into the types of the model {name}."]
    if "recipe" not in model:
        return [f"Pixels were labelled by the model {name}."]
    features = str(model.get("features", ""))
    of_srsml24 = f", after the method of SRSML24 {cite('srsml24')}" if "windows" in features else ""
    return [
        f"Pixels were labelled by the model {name} of recipe {model['recipe']}{of_srsml24}.",
        _prepared(model),
        f"Features: {FEATURES.get(features, features)}.",
        _network(model, cite) if model.get("trained_network") else "",
        _clustered(model, cite),
        _by_people(model),
    ]


def _prepared(model: Mapping[str, Any]) -> str:
    """Say how heights were prepared."""
    parameters = model.get("parameters", {})
    density = parameters.get("pixel_density") if parameters.get("resample") else 0
    resampled = f" and resampled to {number(float(density))} px/nm" if density and density > 0 else ""
    chain = parameters.get("flatten_method")
    return f"Heights were flattened with {chain}{resampled}." if chain else ""


def _network(model: Mapping[str, Any], cite: _Cited) -> str:
    """Say how the network was trained."""
    trained = (
        f"The network was trained for {counted(int(model.get('parameters', {}).get('epochs') or 0), 'epoch')}"
    )
    if "windows" not in str(model.get("features", "")):
        return f"{trained}."
    made = (model.get("made_with") or {}).get("tensorflow", "")
    return f"{trained} with TensorFlow{f' {made}' if made else ''} {cite('tensorflow')}."


def _clustered(model: Mapping[str, Any], cite: _Cited) -> str:
    """Say how clusters were found."""
    scans, seed = model.get("scans") or [], model.get("seed")
    on = f" of {counted(len(scans), 'map')}" if scans else ""
    seeded = f" (random seed {seed})" if seed is not None else ""
    clusters = counted(int(model.get("clusters", 0)), "cluster")
    return (
        f"The features{on} were clustered into {clusters} with scikit-learn {cite('scikit-learn')}{seeded}."
    )


def _by_people(model: Mapping[str, Any]) -> str:
    """Say what people did to the classes of a model."""
    painted, classes, named = model.get("painted") or {}, model.get("classes") or [], model.get("named", 0)
    said = [f"{named} of {counted(len(classes), 'class')} were named by a person"] if named else []
    if painted.get("examples"):
        cells, scans = counted(painted["examples"], "painted example"), counted(painted["scans"], "scan")
        said.append(f"the classes were fitted to {cells} on {scans}, by logistic regression")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _structures(about: Mapping[str, Any], cite: _Cited) -> str:
    known = {
        "sensitivity": "sensitivity {}",
        "false_per_1000_nm2": "{} false finds per 1000 nm² expected of noise",
    }
    said = [
        text.format(number(float(about[name]))) for name, text in known.items() if about.get(name) is not None
    ]
    said += ["mirror images are different types"] if about.get("mirror_apart") else []
    said += ["grains of disordered areas counted as objects"] if about.get("with_disordered") else []
    given = f" ({'; '.join(said)})" if said else ""
    person = about.get("corrected_by_a_person")
    corrected = f" A person corrected {counted(int(person), 'object')}." if person else ""
    return (
        "Objects were found by their height above the noise of each scan and sorted into types by their shape"
        f" with scikit-learn {cite('scikit-learn')}{given}.{corrected}"
    )


def _classes(scan: Mapping[str, Any], several: bool) -> list[str]:
    """Say how much there is of each class on a scan."""
    labels = scan.get("labels")
    if not labels or not labels.get("classes"):
        return []
    shown = labels["classes"][:MOST_CLASSES]
    amounts = [f"{one['name']} {_amount(one)}" for one in shown]
    more = len(labels["classes"]) - len(shown)
    rest = f", and {more} more" if more else ""
    on = f" on {scan['name']}" if several else ""
    of_area = " (shares of the scanned area)" if "objects" not in shown[0] else ""
    painted = labels.get("painted_by_a_person_px")
    by_person = f" {counted(int(painted), 'pixel')} of the map were painted by a person." if painted else ""
    return [f"Classes{on}{of_area}: {', '.join(amounts)}{rest}.{by_person}"]


def _amount(one: Mapping[str, Any]) -> str:
    return f"n = {one['objects']}" if "objects" in one else percent(one["share_of_scanned"])


def _has_objects(scan: Mapping[str, Any]) -> bool:
    return any("objects" in one for one in (scan.get("labels") or {}).get("classes", ()))


def _measured(about: Mapping[str, Any]) -> str:
    background = ", ".join(about.get("background") or ())
    least = about.get("min_area")
    unit = about.get("unit", "nm")
    smaller = f"; regions smaller than {number(float(least))} {unit}² were left out" if least else ""
    surface = f"; background: {background}" if background else ""
    return (
        f"Regions are connected pixels of one class, corners included{smaller}{surface}. They were measured"
        f" on heights flattened with {FLATTENED}. Regions that touch the border are left out of averages and"
        " profiles. Pair distances are compared with random placement: the band holds 95 % of it."
    )


def _heights(scans: list[Mapping[str, Any]], kind: str) -> list[str]:
    """Say how the heights of the figure were flattened."""
    if not scans or kind == "methods":
        return []
    done = dict.fromkeys(map(_flattened, scans[:MOST_SCANS]))
    if len(done) == 1:
        return [f"Heights are shown after flattening ({one})." for one in done if one]
    of = [f"{one['name']}: {_flattened(one) or 'as recorded'}" for one in scans[:MOST_SCANS]]
    return [f"Heights are shown after flattening ({'; '.join(of)})."]


def _flattened(scan: Mapping[str, Any]) -> str:
    """Say how the heights of a scan were flattened; empty where they were not."""
    chain = scan.get("flattened_in_figure")
    done = ", ".join(scan.get("history") or []) if chain == "as the history says" else str(chain or "")
    return "" if done == "none" else done
