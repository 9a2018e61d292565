"""What speed is measured on: simulated scans, MATRIX files of them, and models of every recipe."""

from pathlib import Path

import numpy as np

from benchmarks.quality.contenders import clustered
from benchmarks.surfaces import simulate_hexagonal, simulate_si001, with_artefacts
from napari_stmml import Scan, train_classifier
from napari_stmml.io.matrix.writer import Frame, write_session
from napari_stmml.model.encoders import make_encoder
from napari_stmml.recipe import get_recipe
from napari_stmml.scan import DIRECTIONS
from napari_stmml.srsml24.unet import Autoencoder, build_autoencoder

DENSITY = 15  # px/nm
CLUSTERS = 20
NETWORK = {"learned": {"epochs": 1, "sampled_windows": 512}}  # weights of any training are as fast


def heights_of(px: int, seed: int = 0, density: float = DENSITY) -> np.ndarray:
    """Make Si(001) heights in nm with defects and what a microscope adds, (px, px) float32.

    Beyond 1024 px, a map of that size is mirrored again and again: the same features everywhere.
    """
    side = min(px, 1024)
    surface = simulate_si001((side, side), side / density, seed, angle=20, disordered=1)
    tile = surface.heights
    if px > side:
        wide = np.concatenate([tile, tile[:, ::-1]], 1)
        tile = np.tile(np.concatenate([wide, wide[::-1]]), [-(-px // (2 * side))] * 2)[:px, :px]
    rng = np.random.default_rng(seed)
    down, right = np.linspace(0, 1, px)[:, None], np.linspace(0, 1, px)
    heights = tile.astype(np.float32)
    heights += (down + right + rng.normal(0, 0.01, (px, 1))).astype(np.float32)
    heights += rng.normal(0, 0.003, heights.shape).astype(np.float32)
    return heights


def scan_of(px: int, seed: int = 0, density: float = DENSITY) -> Scan:
    """Make a scan of a pixel density in px/nm."""
    return Scan(heights_of(px, seed, density), (1 / density, 1 / density))


def write_file(folder: Path, px: int) -> Path:
    """Write a MATRIX file of one frame in four directions."""
    return write_session(folder, [_frame(px, 0)])[0]


def write_files(folder: Path, files: int, px: int) -> None:
    """Write MATRIX files of four directions each; ten surfaces over and over."""
    frames = [_frame(px, seed) for seed in range(min(files, 10))]
    write_session(folder, [frames[i % len(frames)] for i in range(files)])


def _frame(px: int, seed: int) -> Frame:
    wide = px / DENSITY
    surface = (simulate_si001, simulate_hexagonal)[seed % 2]((px, px), wide, seed, disordered=1)
    recorded = (
        with_artefacts(surface, tilt_nm=0.3, bow_nm=0.02, seed=4 * seed + i).heights for i in range(4)
    )
    heights = dict(zip(DIRECTIONS, recorded, strict=True))
    return Frame(heights, width_nm=wide, height_nm=wide, bias=-2.0, setpoint=0.05)


def make_model(recipe: str, path: Path) -> None:
    """Write a model of 20 clusters; the seed's network is left as training begins with it."""
    scan = scan_of(300)
    chosen = get_recipe(recipe, num_clusters=CLUSTERS, **NETWORK.get(recipe, {}))
    if not chosen.of_windows:
        train_classifier([scan], recipe=chosen).save(path)
        return
    network = Autoencoder.from_network(build_autoencoder(chosen.window_size, 0))
    clustered(make_encoder(chosen, network.weights), [scan], chosen, seed=0).save(path)
