"""Check every link of the built site, without the network: ``python docs/check_site.py site``.

Each file that a page names is there, and each place within a page. Links to the repository lead to a file
of it.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

ROOT = Path(__file__).resolve().parents[1]
OURS = (
    "https://github.com/napari-stmml/napari-stmml/blob/main/",
    "https://raw.githubusercontent.com/napari-stmml/napari-stmml/main/",
)


class Page(HTMLParser):
    """The links of a page, and its places that a link can lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what the parser found."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.places.add(value)


def main() -> int:
    """Print what is wrong; return 1 if anything is."""
    site = Path(sys.argv[1]).resolve()
    pages = {path: Page(path.read_text("utf-8")) for path in site.rglob("*.html")}
    wrong, count = [], 0
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # its links are those of the place where the site will be
        for link in page.links:
            count += 1
            if why := broken(link, path, site, pages):
                wrong.append(f"{path.relative_to(site)}: {link}: {why}")
    print(*wrong, f"{len(pages)} pages, {count} links, {len(wrong)} broken", sep="\n")
    return bool(wrong)


def broken(link: str, path: Path, site: Path, pages: dict[Path, Page]) -> str:
    """Say what is wrong with a link; nothing where all is well, or it leads elsewhere."""
    for start in OURS:
        if link.startswith(start):
            return (
                "" if (ROOT / urldefrag(link.removeprefix(start)).url).exists() else "not in the repository"
            )
    target, place = urldefrag(urljoin(path.as_uri(), link))
    if not target.startswith("file:"):
        return ""
    file = Path(unquote(target.removeprefix("file://")))
    file = file / "index.html" if file.is_dir() else file
    if not file.is_relative_to(site) or not file.exists():
        return "no such file"
    if place and file in pages and unquote(place) not in pages[file].places and place != "__":
        return "no such place"
    return ""


if __name__ == "__main__":
    sys.exit(main())
