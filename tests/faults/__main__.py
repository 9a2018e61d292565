"""``python -m tests.faults 10000 [FORMAT ...]``: read so many wrong files of each format; print a table."""

import logging
import os
import sys
import warnings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ.setdefault(_name, "1")

from tests.faults.formats import formats  # noqa: E402
from tests.faults.law import MOST_MEGABYTES  # noqa: E402
from tests.faults.rounds import read_many  # noqa: E402


def main(arguments: list[str]) -> int:
    """Print the table; return 1 if anything but a value or a sentence came, or memory was taken."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    count, wanted = int(arguments[0]), arguments[1:]
    print(f"{'format':24} {'value':>8} {'sentence':>9} {'else':>6} {'slowest':>9} {'memory':>9}")
    wrong = 0
    for name, one in formats().items():
        if wanted and name not in wanted:
            continue
        found, memory = read_many(one, count)
        counts = found.counts
        print(
            f"{name:24} {counts['value']:8} {counts['sentence']:9} {counts['else']:6}"
            f" {found.slowest:7.2f} s {memory:6.0f} MB",
            flush=True,
        )
        for said in sorted(set(found.wrong))[:20]:
            print(f"    {said[:300]}", flush=True)
        wrong += counts["else"] + (memory > MOST_MEGABYTES)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
