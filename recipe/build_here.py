"""Build the conda package on Linux, without conda-forge.

    uv run --no-project --with py-rattler-build,pip,setuptools recipe/build_here.py OUT

The recipe is built as it stands. What it builds with (python, pip, setuptools) are stand-ins that call the
Python that runs this. The tests of the recipe need its packages from conda-forge, and are run there.
"""

import hashlib
import json
import platform
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rattler_build import assemble_package, build_recipes

ROOT = Path(__file__).resolve().parents[1]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
WRAPPER = f"""#!/bin/sh
PIP_PREFIX=$(dirname "$(dirname "$0")") PIP_IGNORE_INSTALLED=1 exec "{sys.executable}" "$@"
"""


def main() -> None:
    """Build the package, and list what is in it."""
    out = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        channel = stand_ins(Path(folder))
        build_recipes(
            [ROOT / "recipe" / "recipe.yaml"],
            channel=[channel.as_uri()],
            output_dir=out,
            test="skip",
            no_build_id=True,
            use_sharded=False,
        )
    for package in out.glob("noarch/napari-stmml-*.conda"):
        print(f"{package}: {package.stat().st_size} bytes, {zipfile.ZipFile(package).namelist()}")


def stand_ins(folder: Path) -> Path:
    """Make a channel of three packages that call the Python that runs this."""
    channel, files = folder / "channel", folder / "files" / "bin"
    for subdir in ("linux-64", "noarch"):
        (channel / subdir).mkdir(parents=True)
        (channel / subdir / "repodata.json").write_text("{}")
    files.mkdir(parents=True)
    (folder / "empty").mkdir()
    for name in ("python", f"python{PYTHON}"):
        (files / name).write_text(WRAPPER)
        (files / name).chmod(0o755)
    versions = {
        "python": platform.python_version(),
        "pip": version("pip"),
        "setuptools": version("setuptools"),
    }
    known: dict[str, Any] = {}
    for name, number in versions.items():
        own = files.parent if name == "python" else folder / "empty"
        made = assemble_package(name, number, "linux-64", "0", channel, files_dir=own)
        path = channel / "linux-64" / Path(made.path).name
        if Path(made.path) != path:
            Path(made.path).replace(path)
        known[path.name] = {"name": name, "version": number, "build": "0", "build_number": 0, "depends": []}
        known[path.name] |= {"subdir": "linux-64", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    about = {"info": {"subdir": "linux-64"}, "packages": {}, "packages.conda": known}
    (channel / "linux-64" / "repodata.json").write_text(json.dumps(about))
    return channel


if __name__ == "__main__":
    main()
