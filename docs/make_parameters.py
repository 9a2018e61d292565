"""Write docs/parameters.md out of the definitions of the parameters: ``python docs/make_parameters.py``."""

from pathlib import Path

from napari_stmml.batch.job_file import parameters_page

page = Path(__file__).with_name("parameters.md")
page.write_text(parameters_page(), "utf-8")
print(f"wrote {page}")
