"""Job files, records, chains, tables, and lines of JSON between processes."""

import json
from collections.abc import Callable
from pathlib import Path

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
    return found


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
