"""Static files are complete, small and addressed by their contents; templates have nothing inline."""

import re
from importlib.resources import files

from collateral_registry.web.pages.static_files import static_files

TEMPLATES = {
    one.name: one.read_text("utf-8") for one in (files("collateral_registry.web.pages") / "templates").iterdir()
}
SCRIPT_LIMIT_BYTES = 5000


def test_the_style_sheet_names_files_that_exist():
    found = static_files()
    named = re.findall(r'url\("([^"]+)"\)', found.contents["style.css"].decode())

    assert named
    assert set(named) <= set(found.contents)


def test_fonts_have_their_licences():
    assert {path for path in static_files().contents if "OFL" in path} == {
        "fonts/OFL-source-sans-3.txt",
        "fonts/OFL-source-serif-4.txt",
    }


def test_the_script_is_small():
    assert len(static_files().contents["page.js"]) < SCRIPT_LIMIT_BYTES


def test_templates_have_no_inline_style_or_script():
    for name, text in TEMPLATES.items():
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?! src=)|javascript:", text), name


def test_templates_escape_every_value():
    assert not [name for name, text in TEMPLATES.items() if "|safe" in text or "autoescape" in text]
