"""The report's page shows hostile texts as text, asks the network for nothing, and says only what metrics.json says.

It runs one script, its own: the content security policy names its digest, and nothing of the data is in it.
"""

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier.labelled import Labelled, read_labelled
from classifier.labels import Label, LabelScheme
from classifier.predictor import Model
from classifier.reading import corpus_files
from classifier.seeds import default_scheme, seeds_directory
from eval import Evaluation, evaluate
from eval.render import render_html
from training import TrainingConfig, train

SCRIPT = "<script>document.title = 'pwned'</script>"
LABELS = ("<script>alert(1)</script>", "R&D <b>bold</b>", "\u202eevitagen\u200f", "{{ 7 * 7 }}")
ATTACKS = {
    "closing": f"</blockquote></details></main></body></html>{SCRIPT}",
    "image": '<img src="http://127.0.0.1:1/x" onerror="document.title=1">',
    "quotes": "\"><svg onload='document.title=1'> ' \" ` &quot; &lt;script&gt;",
    "right to left": "\u202e\u2067 txet desrever \u200f \u05d0\u05d1\u05d2 (a) \u2066 [b] <",
    "comment": f"<!-- --><![CDATA[ ]]> {SCRIPT} --!>",
    "template": "{{ m }}{% for x in y %} {# #} {{ ''.__class__ }}",
    "long": f"{SCRIPT}{'word ' * 9_990}{SCRIPT}",
    "style": "</style></title></textarea><style>*{display:none}</style>",
    "link": "<a href='javascript:document.title=1'>here</a> <meta http-equiv=refresh content='0;url=http://127.0.0.1:1'>",
    "control": "bell \x07 vertical \x0b tab \x1b[31m \ufeff \u2028 line",
}
ALLOWED_TAGS = (
    "html head meta title style body main header nav section article footer h1 h2 h3 h4 p div span strong em b i mark "
    "code pre small details summary blockquote bdi ul ol li dl dt dd table caption thead tbody tfoot tr th td svg g "
    "line circle rect path polyline polygon text tspan desc a br hr figure figcaption abbr ins del label select option "
    "input button script"
)


class Page(HTMLParser):
    """The page's tags and attributes, and its text with the elements it stands in."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "hr", "line", "circle", "rect", "path", "polyline", "input"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self._open), data))

    def text(self, within: str = "body", without: str = "") -> str:
        return "".join(text for place, text in self.texts if within in place and without not in place)


@pytest.fixture(scope="module")
def hostile() -> Evaluation:
    """A model with hostile label names, wrong on every hostile paragraph, whose ids are hostile as well."""
    random = np.random.default_rng(0)
    words = np.array([f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe") for b in ("ran", "sel", "tiv", "dum", "gost")])
    marks = ["awful", "brilliant", "curious", "dull"]
    scheme = LabelScheme(f"scheme {SCRIPT}", tuple(Label(name, SCRIPT) for name in LABELS))

    def labelled(texts: list[str], ids: list[str], hard: Any) -> Labelled:
        hard = np.asarray(hard, np.int8)
        groups = np.array(ids)
        return Labelled(scheme, ids, texts, hard, hard.astype(np.float32), [], groups, f"{len(ids)} rows {SCRIPT}")

    rows = [[mark, *random.choice(words, 12)] for mark in marks for _ in range(12)]
    data = labelled([" ".join(row) for row in rows], [f"t{k}" for k in range(48)], np.repeat(np.eye(4), 12, axis=0))
    result = train(data, TrainingConfig(char_ngrams=(2, 3), C=(10.0,), cv=2))
    model = Model.from_bundle(result.bundle, result.bundle.content[0])
    texts = [f"{marks[k % 4]} {marks[k % 4]} {attack}" for k, attack in enumerate(ATTACKS.values())]
    ids = [f"{attack[:300]} {name}" for name, attack in ATTACKS.items()]
    plain = [" ".join(random.choice(words, 12)) for _ in range(10)]
    truth = np.zeros((20, 4))
    truth[10:, 3] = 1
    sources = [{"name": f"{attack}.jsonl", "sha256": f"{SCRIPT:0<64}"} for attack in list(ATTACKS.values())[:3]]
    found = evaluate(model, labelled(texts + plain, ids + [f"{SCRIPT} {k}" for k in range(10)], truth), sources=sources)
    assert set(ids) <= set(found.errors.column("id").to_pylist())
    return found


@pytest.fixture(scope="module")
def ordinary(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    with corpus_files(seeds_directory(), ["test"])[0].open(encoding="utf-8") as file:
        path.write_text("".join(next(file) for _ in range(300)), encoding="utf-8")
    return evaluate(model, read_labelled([path], default_scheme()))


@pytest.fixture(scope="module", params=["hostile", "ordinary"])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(render_html(request.getfixturevalue(request.param)))


def test_no_element_but_plain_ones_is_in_the_page_and_one_script_without_any_data(
    page: Page, hostile: Evaluation
) -> None:
    assert {tag for tag, _ in page.tags} <= set(ALLOWED_TAGS.split())
    assert [attributes for tag, attributes in page.tags if tag == "script"] == [{}]
    assert page.text(within="script") == Page(render_html(hostile)).text(within="script")
    assert page.text(within="script").lstrip().startswith("//")


def test_no_attribute_runs_code_or_names_anything_outside_the_page(page: Page) -> None:
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "srcset", "action", "formaction", "data", "ping", "background"), (tag, name)
            assert name not in ("href", "xlink:href") or (value or "").startswith("#"), (tag, name, value)
            assert name != "style" or re.fullmatch(r"background:#[0-9a-f]{6}", value or ""), (tag, value)
            assert name in ("xmlns", "aria-label", "value") or name.startswith("data-") or "//" not in (value or "")
    assert not re.search(r"url\(|@import|//", page.text(within="style"))
    assert not re.search(r"https?:|fetch|XMLHttp|import\b|eval|innerHTML|document\.write", page.text(within="script"))


def test_the_content_security_policy_forbids_everything_but_the_pages_own_style_and_script(page: Page) -> None:
    metas = [attributes for tag, attributes in page.tags if tag == "meta"]
    policies = [meta["content"] or "" for meta in metas if meta.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    directives = dict(part.split(maxsplit=1) for part in policies[0].split(";") if part.strip())
    digest = base64.b64encode(hashlib.sha256(page.text(within="script").encode()).digest()).decode()
    assert directives.pop("default-src") == "'none'"
    assert directives.pop("style-src") == "'unsafe-inline'"
    assert directives.pop("script-src", None) == f"'sha256-{digest}'"
    assert set(directives.values()) <= {"'none'"}
    order = [tag for tag, attributes in page.tags if tag in ("style", "body", "script") or "http-equiv" in attributes]
    assert order[0] == "meta"  # a policy holds only for what comes after it


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_paragraphs_and_ids_are_shown_as_the_text_they_are(name: str, hostile: Evaluation) -> None:
    page = Page(render_html(hostile))
    shown = squeezed(page.text("bdi"))
    assert squeezed(ATTACKS[name][:600]).strip() in shown
    assert squeezed(f"{ATTACKS[name][:300]} {name}").strip() in squeezed(page.text())


def test_hostile_label_names_and_file_names_are_shown_as_the_text_they_are(hostile: Evaluation) -> None:
    page = Page(render_html(hostile))
    heads = [text for place, text in page.texts if "th" in place or "h3" in place]
    for label in LABELS:
        assert any(label in text for text in heads)
    assert f"{ATTACKS['image']}.jsonl" in page.text()
    assert f"scheme {SCRIPT}" in page.text(within="title") + page.text()


def test_marks_that_turn_text_round_end_with_the_id_or_text_that_holds_them(
    hostile: Evaluation,
) -> None:
    turned = [place for place, text in Page(render_html(hostile)).texts if "txet desrever" in text]
    assert len(turned) >= 2  # the id and the text, in every list that shows the row
    assert all("bdi" in place for place in turned)


def test_a_long_paragraph_does_not_swell_the_page(hostile: Evaluation) -> None:
    assert len(ATTACKS["long"]) > 50_000 - 100
    assert len(render_html(hostile)) < 250_000
    assert ATTACKS["long"] in "".join(hostile.errors.column("text").to_pylist())


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from numbers(child)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def test_every_figure_of_the_page_stands_in_the_metrics(ordinary: Evaluation) -> None:
    page = Page(render_html(ordinary))
    known = {f"{abs(number):.3f}" for number in numbers(ordinary.metrics)}
    texts = [text for place, text in page.texts if "main" in place and "bdi" not in place]
    shown = [number for text in texts for number in re.findall(r"(?<![\d.])\d\.\d{3}(?!\d)", text)]
    assert len(shown) > 60
    assert set(shown) <= known


def test_every_main_figure_of_the_metrics_stands_in_the_page_with_its_interval(ordinary: Evaluation) -> None:
    main = ("f1", "precision", "recall", "average_precision")
    text = squeezed(Page(render_html(ordinary)).text())
    tables = [(main, table) for table in ordinary.metrics["per_label"].values()]
    for names, table in [*tables, (("macro_f1", "mean_average_precision", "none_recall"), ordinary.metrics["overall"])]:
        for name in names:
            value, low, high = (f"{table[name][part]:.3f}" for part in ("value", "low", "high"))
            assert re.search(rf"{value} ?\(?{low} to {high}", text), name
    for note in ordinary.metrics["notes"]:
        assert note in text


def test_undefined_figures_are_said_to_be_so(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": "The tram was on time today.", "labels": []}) + "\n", encoding="utf-8")
    text = Page(render_html(evaluate(model, read_labelled([path], default_scheme())))).text()
    assert "not defined" in text
    assert not re.search(r"\b(nan|NaN|None)\b", text)


CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no /usr/bin/chromium on this machine")
@pytest.mark.parametrize("kind", ["hostile", "ordinary"])
def test_a_real_browser_shows_the_summary_from_disk_and_runs_nothing(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    evaluation = request.getfixturevalue(kind)
    path, picture = tmp_path / "report.html", tmp_path / "page.png"
    path.write_text(render_html(evaluation), encoding="utf-8")

    def browse(*what: str) -> str:
        profile = f"--user-data-dir={tmp_path / what[0].strip('-').split('=')[0]}"
        command = [str(CHROMIUM), *FLAGS, profile, *what, path.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    page = Page(browse("--dump-dom"))
    assert {tag for tag, _ in page.tags} <= set(ALLOWED_TAGS.split())
    macro = evaluation.metrics["overall"]["macro_f1"]["value"]
    text = squeezed(page.text())
    assert f"Macro-F1 {macro:.3f}" in text
    assert evaluation.metrics["data"]["description"] in text
    assert evaluation.metrics["model"]["name"] in page.text(within="title")  # no script has changed it
    listed = min(len(evaluation.errors), 50)
    assert f"{listed} of {len(evaluation.errors)} shown" in text  # the page's own script has run
    browse(f"--screenshot={picture}", "--window-size=1000,1400")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000  # a blank page of this size takes about 7,000 bytes
