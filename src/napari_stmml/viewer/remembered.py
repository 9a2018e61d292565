"""What one widget tells the next within a session of napari."""

from pathlib import Path

model: Path | None = None  # that was trained or used last
