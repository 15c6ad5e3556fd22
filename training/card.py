"""The model card: a README.md in the model directory, with metadata that model hubs read."""

from jinja2 import Environment, StrictUndefined

from classifier.bootstrap import Interval
from classifier.bundle import Bundle

_CARD = """\
---
library_name: stance
pipeline_tag: text-classification
{%- if scheme.language %}
language: {{ scheme.language }}
{%- endif %}
tags: [multi-label, commentary, stance]
---
# {{ scheme.name }}: a linear model of {{ scheme.labels | length }} labels

It reads one paragraph of commentary and gives each of its labels a calibrated probability; a label is given where the
probability reaches the label's threshold. Zero, one or several labels can hold.

| label | threshold | rows | meaning |
| --- | --- | --- | --- |
{%- for label in scheme.labels %}
| {{ label.name | cell }} | {{ "%.3f" | format(decision.thresholds[loop.index0]) }} | \
{{ "{:,}".format(p.rows_per_label[label.name]) }} | {{ (label.definition or "–") | cell }} |
{%- endfor %}

## Data
{{ p.description }}.
{%- if p.auxiliary %} Auxiliary, learnt from but not measured on: {{ p.auxiliary }}.{% endif %}
{%- for source in p.data %}
- `{{ source.name }}` {{ source.sha256 if source.sha256 is defined else source.fingerprint }}
{%- endfor %}

## Quality on held-out rows
Every row was scored by the one of {{ p.config.cv }} cross-validation models that had not seen its group. Calibration
and thresholds were fitted on these same scores, which flatters them slightly. 95 % intervals come from a bootstrap over
{{ "{:,}".format(p.groups) }} groups. On text of other sources expect less.

| label | F1 | precision | recall | average precision | Brier score |
| --- | --- | --- | --- | --- | --- |
{%- for label in scheme.labels %}
| {{ label.name | cell }} |{% for name in ("f1", "precision", "recall", "average_precision", "brier") %} \
{{ per_label[name][position(label)] }} |{% endfor %}
{%- endfor %}

{% for name, value in overall.items() -%}
- {{ name.replace("_", " ") }}: {{ value }}
{% endfor %}
{% if p.random_split -%}
Folds that split groups at random would have claimed macro-F1 {{ "%.3f" | format(p.random_split.random) }}.
{% endif %}
## Made with
C = {{ p.selected.C }}, seed {{ p.config.random_state }}; \
{%- for name, version in p.versions.items() %} {{ name }} {{ version }}{{ "," if not loop.last else "." }}{% endfor %}
The whole configuration stands in `manifest.json`.

## Use and limits
For describing and sorting commentary in bulk, with a person looking where it matters. A label describes a paragraph,
never a person. Not for decisions about people, and not a measure of truth. Counts of given labels are not prevalence:
they carry the model's errors. The model knows the language and the kind of text it was trained on.
"""


def model_card(bundle: Bundle, per_label: dict[str, list[Interval]], overall: dict[str, Interval]) -> str:
    """The card's Markdown text."""
    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701
    environment.filters["cell"] = lambda text: text.replace("|", "\\|")  # a bar would end the table's cell
    return environment.from_string(_CARD).render(
        scheme=bundle.scheme,
        decision=bundle.decision,
        p=bundle.provenance,
        per_label=per_label,
        overall=overall,
        position=bundle.scheme.labels.index,
    )
