import numpy as np

from napari_stmml import Scan
from napari_stmml.batch.scan_log import ScanLog


def test_a_scan_without_heights_is_a_row_without_a_picture_and_stops_nothing(tmp_path, rng):
    empty = Scan(np.full((16, 16), np.nan), (0.1, 0.1), source="empty")
    good = Scan(rng.normal(size=(16, 16)), (0.1, 0.1), source="good")
    log = ScanLog(tmp_path, "train")
    assert [scan.source for scan in log.watch([empty, good])] == ["empty", "good"]
    log.write("what there was", (), {})
    rows = (tmp_path / "ingest.csv").read_text("utf-8").splitlines()
    assert ["thumbnails/" in row for row in rows[1:]] == [False, True]
