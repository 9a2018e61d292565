"""Decide by clusters and by what people taught: what they painted is one more centre of its class."""

from dataclasses import dataclass, field, replace

import numpy as np

from napari_stmml.prototypes import Prototypes


@dataclass(frozen=True, eq=False)
class Learner:
    """Centres of clusters and painted cells, all owned by labels.

    Parameters
    ----------
    known : Prototypes
    names : ndarray of int, shape (n,)
        Label of each of its owners.
    """

    known: Prototypes = field(repr=False)
    names: np.ndarray

    @classmethod
    def fit(
        cls,
        clusters: Prototypes,
        of_cluster: np.ndarray,
        features: np.ndarray,
        labels: np.ndarray,
        *,
        scans: np.ndarray,
    ) -> "Learner":
        """Put painted cells, (n, n_features), beside the clusters.

        Parameters
        ----------
        clusters : Prototypes
        of_cluster : ndarray of int, shape (n_clusters,)
            Label of each cluster.
        features : ndarray of float32, shape (n, n_features)
        labels : ndarray of int, shape (n,)
            0 = to be left out.
        scans : ndarray of int, shape (n,)
            Which scan each is of.
        """
        taught = labels > 0
        centres = np.concatenate([clusters.centres, clusters.project(features[taught])]).astype(np.float32)
        owned = np.concatenate([of_cluster[clusters.owners], labels[taught]]).astype(int)
        names, owners = np.unique(owned, return_inverse=True)
        return cls(replace(clusters, centres=centres, owners=owners), names)

    def assign(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return label, confidence and next label of each feature vector, (n, n_features)."""
        owner, confidence, second = self.known.ranked(features)
        return self.names[owner], confidence, self.names[second]
