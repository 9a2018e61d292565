"""Measure speed and memory against the bars of the project, each number in a process of its own.

python -m benchmarks.speed                    # every part, in some minutes
python -m benchmarks.speed engines click      # these parts; of the others, what is known
python -m benchmarks.speed --small            # tries the code at small sizes; its numbers mean nothing
python -m benchmarks.speed --write            # and put the tables into docs/benchmarks.md
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.quality import cache
from benchmarks.quality.report import write_between
from benchmarks.speed.parts import PARTS, ROOT, Lab, bars, details

BEGIN, END = "<!-- speed -->\n", "<!-- end of speed -->\n"


def main() -> None:
    """Measure, print and, with ``--write``, keep."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--small", action="store_true", help="try the code at small sizes")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--known", action="store_true", help="measure nothing, show what is known")
    options = parser.parse_args()
    if wrong := [name for name in options.parts if name not in PARTS]:
        parser.error(f"{', '.join(wrong)}: choose from {', '.join(PARTS)}")
    if options.write and options.small:
        parser.error("--write needs the real sizes")
    path = cache.folder() / ("speed-small.json" if options.small else "speed.json")
    known = json.loads(path.read_text()) if path.is_file() else {}
    with tempfile.TemporaryDirectory(prefix="stmml-speed-") as folder:
        lab = Lab(Path(folder), options.small)
        for name in [] if options.known else options.parts or PARTS:
            started, load = time.perf_counter(), os.getloadavg()[0]
            known[name] = PARTS[name](lab)
            told = f"{name}: {time.perf_counter() - started:.0f} s; load before {load:.1f}"
            print(told, file=sys.stderr, flush=True)
            path.write_text(json.dumps(known, indent=1))
    lines = [*bars(known), *details(known)]
    print("\n".join(lines))
    if options.write:
        write_between(ROOT / "docs" / "benchmarks.md", BEGIN, END, lines)


if __name__ == "__main__":
    main()
