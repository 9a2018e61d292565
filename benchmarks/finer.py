"""What becomes of labels of scans that are finer than a model? Run as ``python benchmarks/finer.py``.

Si(001), recipe instant, 6 clusters, trained on two scans of 192 x 192 px on 30 nm: 6.4 px/nm. Prints a table
of the share of the largest cluster: where it is 1, all of a map is one cluster.
"""

import numpy as np

from napari_stmml import Scan, SurfaceClassifier, train_classifier
from napari_stmml.recipe import get_recipe
from napari_stmml.simulate.surfaces import simulate_si001

PX, NM = 192, 30.0
TIMES = (1, 2, 3, 4, 8, 12)


def main() -> None:
    """Print the table."""
    density, train = PX / NM, [scan(PX, NM, seed) for seed in (1, 3)]
    kinds = {"resampled to 6.4 px/nm": {"pixel_density": density}, "on their own pixels": {"resample": False}}
    print(
        "| finer | "
        + " | ".join(f"{kind}, {frame}" for kind in kinds for frame in ("30 nm", "192 px"))
        + " |"
    )
    print("|---|" + "---|" * 2 * len(kinds))
    models = [
        train_classifier(train, recipe=get_recipe("instant", num_clusters=6, **how)) for how in kinds.values()
    ]
    for times in TIMES:
        scans = scan(PX * times, NM, 2), scan(PX, NM / times, 2)
        shares = [largest(model, one) for model in models for one in scans]
        print(f"| {times} times | " + " | ".join(f"{share:.2f}" for share in shares) + " |", flush=True)


def scan(px: int, nm: float, seed: int) -> Scan:
    """Simulate px x px on nm x nm."""
    return Scan(simulate_si001((px, px), nm, seed=seed).heights, (nm / px, nm / px))


def largest(model: SurfaceClassifier, one: Scan) -> float:
    """Return the share of the largest cluster in the labelled part of a map."""
    counts = np.bincount(model.predict(one).ravel())[1:]
    return float(counts.max() / counts.sum())


if __name__ == "__main__":
    main()
