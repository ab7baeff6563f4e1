"""Templates keep to what the policy of our pages lets through, and files of others are what they are said to be."""

import re
import tomllib
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

from steelyard.web.shell import PLACES

WEB = Path(str(files("steelyard.web")))
TEMPLATES = sorted((WEB / "pages").glob("*.html"))
OF_HTMX = frozenset({"get", "post", "trigger", "target", "swap", "swap-oob", "sync"})
EXCHANGED = re.compile(r'[^>]*hx-trigger="(?:every|load)')
INCLUDED = re.compile(r'{% include "(\w+\.html)" %}')
PRESSED = re.compile(r"<(?:a|button|input|select|textarea|summary)\b(?:{{.*?}}|{%.*?%}|[^>])*>")
TYPED = re.compile(r'hx-trigger="[^"]*\b(?:input|change)\b[^>]*')
RULES: dict[str, tuple[str, str, str]] = {
    "no style within": (r"<style|\sstyle\s*=", '<p style="color: red">', '<p class="style">'),
    "no handler within": (r"\son[a-z]+\s*=|hx-on", '<a onclick="x()">', '<a class="one">'),
    "no script within": (
        r"<script(?![^>]*\s(?:src=|type=.application/json))|javascript:",
        "<script>x</script>",
        '<script src="x"></script>',
    ),
    "nothing counts as safe": (r"\|\s*safe|autoescape\s+false|Markup\(", "{{ name | safe }}", "{{ name }}"),
    "nothing from elsewhere": (
        r"(?:src|href|action)=[\"']?(?:https?:)?//",
        '<img src="//x">',
        '<a href="/x">',
    ),
}
"""Rule → what breaks it, and an example of either kind."""


SAID: re.Pattern[str] = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
"""What a template does, which is no markup."""


def breaches(pattern: str, text: str) -> list[str]:
    markup = text if "safe" in pattern else SAID.sub("", text)
    return re.findall(pattern, markup, re.IGNORECASE)


@pytest.mark.parametrize("rule", RULES)
def test_templates_keep_a_rule(rule: str) -> None:
    pattern = RULES[rule][0]

    assert {
        path.name: found for path in TEMPLATES if (found := breaches(pattern, path.read_text("utf-8")))
    } == {}


@pytest.mark.parametrize("rule", RULES)
def test_what_breaks_a_rule_is_noticed(rule: str) -> None:
    pattern, broken, sound = RULES[rule]

    assert breaches(pattern, broken)
    assert not breaches(pattern, sound)


def test_of_htmx_only_what_needs_no_eval_is_used() -> None:
    used = {
        name for path in TEMPLATES for name in re.findall(r"\shx-([a-z:-]+)\s*=", path.read_text("utf-8"))
    }

    assert {name.removesuffix(":inherited") for name in used} <= OF_HTMX
    assert used


def test_what_a_page_exchanges_by_itself_can_be_found_again_by_who_has_the_focus() -> None:
    """By its id, after which htmx looks; without one, the keyboard is back at the top every two seconds."""
    texts = {path.name: path.read_text("utf-8") for path in TEMPLATES}
    parts = [text for text in texts.values() if EXCHANGED.match(body_of(text))]
    parts += [texts[name] for text in parts for name in INCLUDED.findall(text)]
    pressed = PRESSED.findall("".join(parts))

    assert len(parts) > 4
    assert len(pressed) > 6
    assert [one for one in pressed if ' id="' not in one] == []


def body_of(template: str) -> str:
    """Without what it imports and names, which stands before its first element."""
    return template[template.find("<") :]


def test_of_two_answers_to_what_is_typed_the_last_one_asked_for_is_shown() -> None:
    """htmx queues the second request and drops the third, so that what is shown would be what was typed before."""
    typed = [tag for path in TEMPLATES for tag in TYPED.findall(path.read_text("utf-8"))]

    assert len(typed) > 9
    assert [tag for tag in typed if 'hx-sync="replace"' not in tag] == []


def test_no_template_speaks_of_an_icon_that_is_not_drawn() -> None:
    texts = [path.read_text("utf-8") for path in TEMPLATES]
    drawn = re.findall(r'<symbol id="i-([\w-]+)"', "\n".join(texts))
    named = {name for text in texts for name in re.findall(r'icon\("([\w-]+)"', text)}

    assert len(drawn) == len(set(drawn))
    assert named | {place.icon for place in PLACES} <= set(drawn)


def test_files_of_others_are_what_they_are_said_to_be() -> None:
    said = tomllib.loads((WEB / "static/vendor.toml").read_text("utf-8"))
    for one in said.values():
        content = (WEB / "static" / one["file"]).read_bytes()
        assert sha256(content).hexdigest() == one["sha256"], one["file"]

    licences = {path.stem for path in (WEB / "static/licences").iterdir()}
    assert licences == set(said)


def test_every_style_of_a_noun_is_named_by_its_pages_and_none_else_is() -> None:
    nouns = {path.stem[3:] for path in (WEB / "static/style").glob("[3-8]?-*.css")}
    named = {
        name
        for path in TEMPLATES
        for names in re.findall(r'{% set style = "([\w ]+)" %}', path.read_text("utf-8"))
        for name in names.split()
    }

    assert named == nouns


@pytest.mark.parametrize("name", [path.name for path in sorted((WEB / "static/style").glob("*.css"))])
def test_a_style_says_in_which_layer_it_stands(name: str) -> None:
    """What stands in no layer would overrule all that does."""
    text = re.sub(r"/\*.*?\*/", "", (WEB / "static/style" / name).read_text("utf-8"), flags=re.DOTALL)

    assert {
        found for found in outermost(text) if not found.startswith(("@layer", "@font-face", "@keyframes"))
    } == set()


def outermost(text: str) -> list[str]:
    """What stands before each brace, or semicolon, that is in no other."""
    depth, begin, found = 0, 0, []
    for place, sign in enumerate(text):
        if sign in "{;" and depth == 0:
            found.append(text[begin:place].strip())
        depth += (sign == "{") - (sign == "}")
        if depth == 0 and sign in "};":
            begin = place + 1
    return found


def test_what_stands_outside_a_layer_is_noticed() -> None:
    assert outermost("@layer a, b;\n@layer a { p { x: 1 } }\np { y: 2 }") == ["@layer a, b", "@layer a", "p"]
