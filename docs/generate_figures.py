"""Write the figures of the pages in docs/how-to, by the pages' own code.

python docs/generate_figures.py
"""

import os
import re
from pathlib import Path

import matplotlib

PAGES = Path(__file__).parent / "how-to"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main():
    """Run the blocks of every page that saves a figure, in the page's folder."""
    os.chdir(PAGES)
    # The same file each time, with text that is text
    matplotlib.rcParams.update({"svg.hashsalt": "dualad", "svg.fonttype": "none"})
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if "savefig(" in text:
            namespace = {}
            for block in BLOCK.findall(text):
                exec(compile(block, str(page), "exec"), namespace)


if __name__ == "__main__":
    main()
