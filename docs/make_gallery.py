"""Run the examples and keep their pictures for the gallery of the site, in about half a minute.

Run as ``MPLBACKEND=agg python docs/make_gallery.py``.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 800  # px of a picture, at most


def main() -> None:
    """Run each example in a folder that goes, and keep its picture."""
    out = ROOT / "docs" / "gallery"
    out.mkdir(exist_ok=True)
    for path in sorted((ROOT / "examples").glob("[0-9]*.py")):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, str(path)], cwd=folder, check=True)
            for picture in Path(folder).glob(f"{path.stem}.png"):
                image = Image.open(picture).convert("RGB")
                image.thumbnail((WIDTH, WIDTH))
                image.save(out / picture.name, optimize=True)


if __name__ == "__main__":
    main()
