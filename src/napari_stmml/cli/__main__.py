"""``python -m napari_stmml.cli`` is the command ``stmml``."""

import sys

from napari_stmml.cli import main

if __name__ == "__main__":
    sys.exit(main())
