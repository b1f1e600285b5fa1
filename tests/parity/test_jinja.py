"""Our Jinja against jinja2 as transformers sets it up: the same text, or an error on both sides."""
import json
import subprocess

import pytest
from transformers.utils.chat_template_utils import _compile_jinja_template, _render_with_assistant_indices

from conftest import MEAP, ROOT

VARIABLES = {
    "s": "Hello World", "empty": "", "blank": "  a b  c \n", "uni": "Ünï Çødé 你好 😀", "quote": "it's \"q\" \\ \n\t",
    "n": 7, "neg": -3, "f": 2.5, "zero": 0, "yes": True, "no": False, "nil": None,
    "list": [3, 1, 2], "words": ["b", "A", "c", "a"], "nested": [[1, 2], [3]], "nothing": [],
    "d": {"a": 1, "b": "two", "items": 5, "c": [1, {"x": None}]},
    "messages": [{"role": "system", "content": " Be kind. "}, {"role": "user", "content": "Hi\nthere", "n": 1},
                 {"role": "assistant", "content": "Hello!", "n": 2}],
}

# Outputs of expressions; {{ ... }} is put around each.
EXPRESSIONS = (ROOT / "tests/fixtures/jinja/expressions.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")

# Whole templates.
TEMPLATES = [
    "a\n{% if yes %}\nb\n{% endif %}\nc\n",
    "a\n  {% if yes %}  \n  b\n  {% endif %}\nc\n\n",
    "a {%- if yes -%} b {%- endif -%} c",
    "a\n {%- if yes %}\n b\n {%- endif %}\n c",
    "a {%+ if yes %} b {%+ endif +%}\n c",
    "  {%+ if yes %}x{% endif %}",
    "\t{% if yes %}x{% endif %}\n\ty",
    "x  {% if yes %}x{% endif %}",
    "{{ s }}\n{{ n }}\n",
    "{{- s -}}  \n  {{- n }}",
    "a {{- ' b ' -}} c",
    "a\n{# comment #}\nb",
    "a\n   {# comment #}   \nb",
    "a {#- comment -#} b",
    "a {# {{ not run }} {% nor this %} #}b",
    "{#-#}x",
    "{% raw %}{{ s }}{% if %}{% endraw %}",
    "a {%- raw -%} {{ x }} {%- endraw -%} b",
    "{% raw %}\n  {{ x }}\n  {% endraw %}\ny",
    "\n\n{% set x = 1 %}\n\n{{ x }}\n",
    "{% if no %}1{% elif nil %}2{% elif yes %}3{% else %}4{% endif %}",
    "{% if undefined_name %}1{% else %}2{% endif %}",
    "{% for x in list %}{{ x }},{% endfor %}",
    "{% for x in nothing %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in list if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% endfor %}",
    "{% for x in list if x > 9 %}{{ x }}{% else %}no{% endfor %}",
    "{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}"
    "{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for x in list %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}",
    "{% for x in list %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}",
    "{% for x in list %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }};{% endfor %}",
    "{% for k, v in d | items %}{{ k }};{% endfor %}",
    "{% for (a, b) in [(1, 2), (3, 4)] %}{{ a + b }} {% endfor %}",
    "{% for c in uni %}{{ c }}|{% endfor %}",
    "{% for x in undefined_name %}{{ x }}{% endfor %}",
    "{% for x in list %}{% for y in list %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
    "{% for x in list %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in list %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% set x = 1 %}{% for i in list %}{{ x }}{% set x = 2 %}{% endfor %}{{ x }}",
    "{% set ns = namespace(x=1, y='a') %}{% for i in list %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.y }}",
    "{% if yes %}{% set x = 5 %}{% endif %}{{ x }}",
    "{% if no %}{% set x = 5 %}{% endif %}{{ x }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set x %}  block {{ n }}  {% endset %}[{{ x }}]",
    "{% set x | trim | upper %}  block  {% endset %}[{{ x }}]",
    "{% set x = messages[1:] %}{{ x | length }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=5, a=4) }}{{ m() }}",
    "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(3) }}",
    "{% macro m() %}{{ n }}{% endmacro %}{% set n = 9 %}{{ m() }}",
    "{% macro m(x) %}{% if x > 0 %}{{ x }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(4) }}",
    "{% macro m() -%}\n  text\n{%- endmacro %}[{{ m() }}]",
    "{% macro box() %}<{{ caller() }}>{% endmacro %}{% call box() %}in{% endcall %}",
    "{% macro each(l) %}{% for i in l %}{{ caller(i) }}{% endfor %}{% endmacro %}"
    "{% call(i) each(list) %}[{{ i }}]{% endcall %}",
    "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}",
    "{% filter upper %}abc {{ s }}{% endfilter %}",
    "{% filter trim | upper %} abc {% endfilter %}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}",
    "{% set n = 1 %}{% with n = 2 %}{{ n }}{% endwith %}{{ n }}",
    "x{% generation %}\n a {{ s }}\n{% endgeneration %}\ny",
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}</s>{% endgeneration %}"
    "{% else %}{{ m.content }}{% endif %}{% endfor %}",
    "{% set x = messages | selectattr('role', 'equalto', 'none') %}{% if x %}yes{% else %}no{% endif %}",
    "{% set x = messages | map(attribute='role') %}{{ x | list }}{{ x | list }}",
    "{% set x = messages | map(attribute='role') %}{{ x | first }}{{ x | list }}",
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] | trim + '\n' }}{% endfor %}",
    "{% if messages[0]['role'] == 'system' %}{% set sys = messages[0]['content'] | trim %}{% set messages = messages[1:] %}"
    "{% else %}{% set sys = '' %}{% endif %}{{ sys }}{{ messages | length }}",
    "{%- if messages[0]['role'] == 'system' -%}\n    {%- set loop_messages = messages[1:] -%}\n{%- else -%}\n"
    "    {%- set loop_messages = messages -%}\n{%- endif -%}\n{%- for m in loop_messages -%}\n    {{- m.role }}\n{% endfor -%}",
    "{{ {'a': {'b': 1}} }} {{ '}}' }} {{ \"{{\" }}",
    "{{ n }}{{ n\n}}{{\nn }}",
    "a\r\nb\rc\n",
    "\ta{{ 1 }}\n\n",
    "{{ s }}",
    "",
    "\n",
    "{{ 'a' }}\n\n\n",
    "{% if yes %}\n\n{% endif %}\n\nz",
    "{%if yes%}a{%else%}b{%endif%}",
    "{% if (yes) and (not no) %}ok{% endif %}",
    "{% if 'a' in d and d['a'] is number %}ok{% endif %}",
    "{{ raise_exception('no ' ~ n) }}",
    "{% if no %}{{ raise_exception('x') }}{% endif %}fine",
    "{{ strftime_now('%Y') | length }}",
    "{% set ns = namespace(found=false) %}{% for m in messages[::-1] %}{% if not ns.found and m.role == 'user' %}"
    "{% set ns.found = true %}{{ loop.index0 }}{{ m.content }}{% endif %}{% endfor %}",
]

# What Python refuses; we must too.
ERRORS = [
    "{{ 1 + 'a' }}", "{{ undefined_name.x }}", "{{ undefined_name + 1 }}", "{{ 1 < 'a' }}", "{{ 1 // 0 }}", "{{ 1 in 2 }}",
    "{{ 'a' in nil }}", "{{ n | length }}", "{{ s() }}", "{{ undefined_name() }}", "{% for x in n %}{% endfor %}",
    "{% for a, b in list %}{% endfor %}", "{% set s.x = 1 %}", "{{ {[1]: 2} }}", "{{ s.index('zz') }}", "{{ ''.join(list) }}",
    "{{ 'a'.split('') }}", "{{ list.append(1) }}", "{{ d.update({}) }}", "{{ undefined_name | tojson }}", "{{ range(1000000) }}",
    "{{ words | sum }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(z=2) }}",
    "{{ [1, 'a'] | sort }}", "{% if %}{% endif %}", "{{ 1 + }}", "{% for %}{% endfor %}", "{% endif %}", "{{ 'a }}", "{{ a b }}",
    "{% if yes %}", "{% unknown %}", "{{ (1 }}", "{{ 1) }}", "{% set 1 = 2 %}", "{{ s | nofilter }}", "{{ s is notest }}", "{{",
    "{% break %}", "{# open", "{{ messages | map(attribute='role') | length }}",
    "{{ undefined_name | int }}", "{{ s is string(1) }}", "{{ s is iterable n }}", "{{ n is eq(1, 2) }}",
    "{{ dict(1) }}", "{{ 'x' | abs }}", "{{ range() }}", "{{ 1[2:3:0] ~ 'abc'[::0] }}", "{{ -'a' }}", "{{ {}.x.y }}",
]

CASES = ["{{ " + expression + " }}" for expression in EXPRESSIONS] + TEMPLATES


def reference(template):
    try:
        compiled = _compile_jinja_template(template)
        text, spans = _render_with_assistant_indices(compiled, VARIABLES["messages"], None, None, False,
                                                     **{k: v for k, v in VARIABLES.items() if k != "messages"})
        return text, spans
    except Exception as error:  # noqa: BLE001: whatever Python says, it is a refusal
        return error, None


@pytest.fixture(scope="module")
def ours():
    variables = {**VARIABLES, "tools": None, "documents": None, "add_generation_prompt": False}
    lines = "".join(json.dumps({"template": t, "variables": variables}) + "\n" for t in CASES + ERRORS)
    done = subprocess.run([MEAP.parent / "render_jinja"], input=lines, capture_output=True, text=True, check=True)
    results = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert len(results) == len(CASES) + len(ERRORS)
    return dict(zip(CASES + ERRORS, results))


def test_templates_render_as_jinja2_renders_them(ours):
    wrong = []
    for template in CASES:
        expected, spans = reference(template)
        got = ours[template]
        if isinstance(expected, Exception):
            if "error" not in got:
                wrong.append((template, repr(expected), got))
            continue
        byte_spans = [[len(expected[:a].encode()), len(expected[:b].encode())] for a, b in spans]
        if got.get("text") != expected or got.get("generation") != byte_spans:
            wrong.append((template, expected, got))
    assert not wrong, "\n".join(map(str, wrong))


def test_what_jinja2_refuses_is_refused(ours):
    accepted = [template for template in ERRORS if "error" not in ours[template]]
    assert not accepted
    for template in ERRORS:
        assert isinstance(reference(template)[0], Exception), template
