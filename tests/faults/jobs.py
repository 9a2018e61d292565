"""Job files, records, chains, tables, and lines of JSON between processes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from tests.faults.kinds import Format, either
from tests.faults.mutations import TEXTS, VALUES, anything, mutated, wrong_json

# ---- jobs


@st.composite
def _wrong_parameter(draw, text: str) -> bytes:
    """Give one parameter of a job file another value."""
    lines = text.splitlines()
    places = [i for i, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    at = places[draw(anything) % len(places)]
    name = lines[at].partition(" = ")[0]
    value = draw(st.one_of(st.sampled_from(TEXTS), st.sampled_from(VALUES)))
    shown = value if isinstance(value, bytes) else json.dumps(value).encode()
    return (
        "\n".join(lines[:at]).encode()
        + f"\n{name} = ".encode()
        + shown
        + b"\n"
        + "\n".join(lines[at + 1 :]).encode()
    )


def jobs(folder: Path) -> dict[str, Format]:
    from napari_stmml.batch import records
    from napari_stmml.batch.job_file import JobFile
    from napari_stmml.batch.report import Row
    from napari_stmml.figures.colour_maps import colour_table
    from napari_stmml.heights.chain_file import load_chain, save_chain
    from napari_stmml.io.tables import read_table, save_table

    colour_table("viridis")  # the first of matplotlib's makes its folder for settings
    (folder / "scans").mkdir()
    job = JobFile({"train_path": ["scans"]}, folder).write(folder / "job.toml", every=True).read_bytes()
    plain = (
        b'job_name = "j"\ntrain_path = ["scans"]\nrecipe = "instant"\npixel_density = 8.0\nnum_clusters = 4\n'
    )
    chain = save_chain(folder / "a", "row_median + poly_xy").read_bytes()
    table = save_table(folder / "t.csv", [{"a": "1", "b": "=x"}, {"a": "-1.5", "b": 'q"q'}]).read_bytes()
    row = Row("a.Z_mtrx", "FU", "train")
    known = {
        "step record": records.StepRecord({"a": 1, "b": [1, 2]}, ("x/*", "y.npy"), True),
        "label record": records.LabelRecord("0" * 16, ("a_labels.tif",), "a.Z_mtrx"),
        "file record": records.FileRecord(
            {"a": 1},
            ("a.npy",),
            "a",
            "0" * 64,
            rows=(row,),
            maps=(records.MapRecord("prepared/a.npy", "forward/up", 9, 8, 1),),
        ),
    }
    found = {
        "job.toml": Format(
            {"job.toml": job, "scans/x": b""},
            "job.toml",
            JobFile.read,
            st.one_of(
                either(job, _wrong_parameter(job.decode())), either(plain, _wrong_parameter(plain.decode()))
            ),
        ),
        "chain": Format(
            {"c.json": chain}, "c.json", load_chain, either(chain, wrong_json(json.loads(chain)))
        ),
        "table": Format({"t.csv": table}, "t.csv", read_table, mutated(table)),
    }
    for name, record in known.items():
        records.write_record(folder / "r.json", record)
        raw = (folder / "r.json").read_bytes()
        read = _reader_of(records.read_record, type(record))
        found[name] = Format({"r.json": raw}, "r.json", read, either(raw, wrong_json(json.loads(raw))))
    own = {"structures record": _structures_record(folder), "measure record": _measure_record(folder)}
    return found | own


def _structures_record(folder: Path) -> Format:
    from napari_stmml import Scan, find_structures
    from napari_stmml.batch import records
    from napari_stmml.measuring.structure_distances import count_pairs
    from napari_stmml.measuring.structure_tables import density_rows, object_rows, write_tables

    rows, cols = np.indices((100, 100))
    heights = np.random.default_rng(0).normal(0, 0.004, rows.shape)
    for row, col in ((20, 25), (60, 30), (70, 80)):
        heights += 0.15 * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 18)
    found = find_structures(Scan(heights, (0.1, 0.1), source="a.Z_mtrx"), types=1)
    record = records.StructuresRecord("0" * 16, ("a.png", "t/a.jpg"), "a.Z_mtrx", "FU", "a", "10 nm", "a.png")
    record = replace(record, objects=tuple(object_rows(found, 0)), counts=tuple(density_rows(found, 0)))
    records.write_record(folder / "s.json", replace(record, pairs=count_pairs(found, 0)))
    raw = (folder / "s.json").read_bytes()

    def read(path: Path) -> object:
        one = records.read_record(path, records.StructuresRecord)
        if one is not None:
            write_tables(path.parent / "tables", [list(one.objects)], list(one.counts), one.pairs)
        return one

    return Format({"r.json": raw}, "r.json", read, either(raw, wrong_json(json.loads(raw))))


def _measure_record(folder: Path) -> Format:
    from napari_stmml import Scan
    from napari_stmml.batch import records
    from napari_stmml.measuring.measurements import measure_scan
    from napari_stmml.measuring.series import scan_summary, series_sentences, summary_rows, write_summary

    labels = np.ones((40, 40), np.uint8)
    labels[5:9, 5:9] = labels[20:24, 30:33] = 2
    scan = Scan(np.where(labels == 2, 0.1, 0.0), (0.1, 0.1), source="a.Z_mtrx")
    found = measure_scan(labels, scan, names={1: "a", 2: "b", 3: "c"}, background=[1])
    summary = scan_summary(found, scan, "m.stmml", "a_labels.tif")
    record = records.MeasureRecord("0" * 16, ("a.csv",), "a.Z_mtrx", "FU", summary=summary)
    records.write_record(folder / "m.json", record)
    raw = (folder / "m.json").read_bytes()

    def read(path: Path) -> object:
        one = records.read_record(path, records.MeasureRecord)
        if one is not None and one.summary is not None:
            write_summary(path.parent / "tables" / "summary.csv", [one.summary])
            series_sentences(summary_rows([one.summary]))
        return one

    return Format({"r.json": raw}, "r.json", read, either(raw, wrong_json(json.loads(raw))))


def _reader_of(read: Callable, kind: type) -> Callable[[Path], object]:
    return lambda path: read(path, kind)


# ---- lines of JSON between processes


def lines(folder: Path) -> dict[str, Format]:
    from napari_stmml import events
    from napari_stmml.jobs import requests

    label = requests.LabelScans("m.stmml", "out", ("a", "b"), 2, scans="s.npz")
    train = requests.TrainModel("m.stmml", ("a",), {"pixel_density": 8.0, "resample": True, "name": "x"}, 3)
    cells = events.UncertainFound("1_1", "a.Z_mtrx", "Z", "forward/up", ())
    taken = events.Failed("why", "m.stmml", cancelled=True)

    def of(lines: list[str], read: Callable[[str], object]) -> Format:
        raws = [line.encode() for line in lines]
        wrong = st.one_of(*(either(raw, wrong_json(json.loads(raw))) for raw in raws))
        return Format(
            {"line": raws[0]},
            "line",
            lambda path: read(path.read_bytes().decode("utf-8", "replace")),
            wrong,
            None,
        )

    return {
        "request": of([requests.to_json(label), requests.to_json(train)], requests.from_json),
        "event": of([events.to_json(cells), events.to_json(taken)], events.from_json),
    }
