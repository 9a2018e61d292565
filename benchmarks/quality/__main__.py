"""Measure how well every recipe finds what is on surfaces whose true label is known at every pixel.

python -m benchmarks.quality                       # everything that was not measured before
python -m benchmarks.quality --recipes instant     # this one; of the others, what is known
python -m benchmarks.quality --quick               # two kinds, one unseen surface, no network: seconds
python -m benchmarks.quality --write               # and put tables and pictures into docs/
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

from benchmarks.quality import figures, report
from benchmarks.quality.contenders import Contender, contenders
from benchmarks.quality.measure import TESTS, Result, result_of
from benchmarks.quality.surfaces import KINDS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main() -> int:
    """Measure, print and, with ``--write``, keep."""
    options = _options()
    known = contenders()
    chosen = options.recipes or [name for name, one in known.items() if not (options.quick and one.slow)]
    kinds = options.kinds or list(KINDS[:2] if options.quick else KINDS)
    tests = TESTS[:1] if options.quick else TESTS
    others = [] if options.quick else [name for name in known if name not in chosen]
    results: dict[str, dict[str, Result]] = {name: {} for name in known if name in [*chosen, *others]}
    for kind in kinds:
        for name in results:
            found = _measured(known[name], kind, tests, fresh=name in chosen)
            if found is not None:
                results[name][kind] = found
    results = {name: found for name, found in results.items() if found}
    numbers = {name: {kind: one.numbers for kind, one in found.items()} for name, found in results.items()}
    lines = list(report.tables(numbers, kinds))
    print("\n".join(lines))
    if options.write:
        report.write_between(DOCS / "benchmarks.md", report.BEGIN, report.END, lines)
    if options.write or options.pictures:
        for kind in kinds:
            of_kind = {name: found[kind] for name, found in results.items() if kind in found}
            path = (options.pictures or DOCS / "benchmarks") / f"quality-{kind}.png"
            print(figures.save_figure(path, kind, of_kind), file=sys.stderr)
    return 0


def _measured(contender: Contender, kind: str, tests: tuple[int, ...], fresh: bool) -> Result | None:
    started = time.perf_counter()
    found = result_of(contender, kind, tests, fresh)
    if found is not None and fresh:
        score, seconds = found.numbers["f1 20"], time.perf_counter() - started
        print(f"{kind:10} {contender.name:18} F1 {score:.3f}  {seconds:6.1f} s", file=sys.stderr, flush=True)
    return found


def _options() -> argparse.Namespace:
    def listed(allowed: list[str]):
        def check(text: str) -> list[str]:
            names = text.split(",")
            if wrong := [name for name in names if name not in allowed]:
                raise argparse.ArgumentTypeError(f"{', '.join(wrong)}: choose from {', '.join(allowed)}")
            return names

        return check

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--recipes", type=listed(list(contenders())), metavar="A,B", help="measure these alone"
    )
    parser.add_argument("--kinds", type=listed(list(KINDS)), metavar="A,B", help=", ".join(KINDS))
    parser.add_argument("--quick", action="store_true", help="a look in seconds; never written into docs/")
    parser.add_argument("--write", action="store_true", help="put tables and pictures into docs/")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="put pictures there")
    options = parser.parse_args()
    if options.write and (options.quick or options.kinds):
        parser.error("--write needs every kind and the full measurement")
    return options


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
