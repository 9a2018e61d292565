"""Training examples: features of the cells that people painted, with their labels, scan by scan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_stmml.scan_key import ScanKey


@dataclass(frozen=True, eq=False)
class TrainingExamples:
    """Painted cells of some scans.

    Parameters
    ----------
    features : ndarray of float32, shape (n, n_features)
        As the encoder gives them, before any projection.
    labels : ndarray of uint8, shape (n,)
        As they were painted; merges are followed later.
    scan : ndarray of int32, shape (n,)
        Index into ``sources``.
    sources : tuple of dict
        Of each scan: ``key`` (a ScanKey as a dict), ``name``, ``painted`` (cells), ``learnt`` (ISO date).

    Raises
    ------
    ValueError
        If the parts do not fit.
    """

    features: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    scan: np.ndarray = field(repr=False)
    sources: tuple[dict[str, Any], ...]

    def __post_init__(self) -> None:
        n = len(self.features)
        if self.features.ndim != 2 or self.labels.shape != (n,) or self.scan.shape != (n,):
            raise ValueError(
                f"training examples do not fit: features {self.features.shape}, labels {self.labels.shape},"
                f" scans {self.scan.shape}"
            )
        if n and not (self.scan.min() >= 0 and self.scan.max() < len(self.sources)):
            raise ValueError(
                f"training examples are of {len(self.sources)} scans, got scan {self.scan.max()}"
            )

    @classmethod
    def none(cls, n_features: int) -> "TrainingExamples":
        """Return no examples."""
        nothing = np.zeros((0, n_features), np.float32)
        return cls(nothing, np.zeros(0, np.uint8), np.zeros(0, np.int32), ())

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.labels)

    @property
    def keys(self) -> tuple[ScanKey, ...]:
        """Keys of the scans."""
        return tuple(ScanKey.of_dict(source["key"]) for source in self.sources)

    @property
    def counts(self) -> dict[int, int]:
        """Cells of each label, as they were painted."""
        labels, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(labels.tolist(), counts.tolist(), strict=True))

    def with_scan(
        self, source: Mapping[str, Any], features: np.ndarray, labels: np.ndarray
    ) -> "TrainingExamples":
        """Return the examples with those of one scan, (n, n_features) and (n,), in place of what it had."""
        keys = self.keys
        key = ScanKey.of_dict(source["key"])
        index = keys.index(key) if key in keys else len(keys)
        kept = self.scan != index
        before, after = kept & (self.scan < index), kept & (self.scan > index)
        sources = (*self.sources[:index], dict(source), *self.sources[index + 1 :])

        def joined(known: np.ndarray, new: np.ndarray) -> np.ndarray:
            return np.concatenate([known[before], new.astype(known.dtype), known[after]])

        return TrainingExamples(
            joined(self.features, features),
            joined(self.labels, labels),
            joined(self.scan, np.full(len(labels), index)),
            sources,
        )

    def without(self, key: ScanKey) -> "TrainingExamples":
        """Return the examples without those of one scan."""
        if key not in self.keys:
            return self
        index = self.keys.index(key)
        kept = self.scan != index
        scan = self.scan[kept]
        sources = (*self.sources[:index], *self.sources[index + 1 :])
        return TrainingExamples(
            self.features[kept], self.labels[kept], scan - (scan > index).astype(np.int32), sources
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all but the sources as named arrays, for a file."""
        return {f"lessons/{name}": getattr(self, name) for name in ("features", "labels", "scan")}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray], sources: Any) -> "TrainingExamples | None":
        """Take examples out of named arrays; None where there are none."""
        if "lessons/labels" not in arrays:
            return None
        features, labels, scan = (arrays[f"lessons/{name}"] for name in ("features", "labels", "scan"))
        return cls(features, labels, scan, tuple(dict(source) for source in sources))
