#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders templates with the reference Jinja2, set up as chat templates are: python3 make_jinja_cases.py > jinja_cases.jsonl"""
import json
from jinja2 import TemplateError
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"])
env.filters["tojson"] = lambda x, indent=None: json.dumps(x, ensure_ascii=False, indent=indent)


def raise_exception(message):
    raise TemplateError(message)


env.globals["raise_exception"] = raise_exception
for extra in ("lipsum", "cycler", "joiner"):
    del env.globals[extra]

TURNS = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Hi \U0001f600 there\n"}, {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "Why?"}],
         "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True}
PLAIN = {"x": 3, "y": 2.5, "s": "a b  c", "e": "", "l": [3, 1, 2], "d": {"k": 1, "z": [1, {"q": None}]}, "t": True, "n": None, "u": "größe\u3000", "words": ["b", "A", "c", "b"],
         "people": [{"name": "Ann", "age": 3}, {"name": "Bob", "age": 5}, {"name": "Cid"}], "quote": "it's \"so\"\n\\"}

CHATS = {
    "chatml": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "system first": "{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ 'default' }}{% endif %}{{ m.role }}:{{ m.content }};{% endfor %}",
    "header style": """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{#- This block extracts the system message #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "inst style": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("conversation roles must alternate") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- else %}
        {{- " " + message["content"]|trim + eos_token }}
    {%- endif %}
{%- endfor %}
{{- user_messages | length }}""",
    "turn style": """{{ bos_token }}{% if messages[0]['role'] == 'developer' %}{{ raise_exception('System role not supported') }}{% endif %}
{% for message in messages %}
    {% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}
{{ '<start_of_turn>' + role + '
' + message['content'] | trim + '<end_of_turn>
' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model
'}}{% endif %}""",
    "reasoning style": """{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if '</think>' in content %}
            {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {{- '<think>' ~ reasoning_content.strip('\\n') ~ '</think>' }}
        {%- endif %}
        {% generation %}{{- content }}{% endgeneration %}<|im_end|>
    {%- endif %}
{%- endfor %}
{{- ns.last_query_index }}""",
}

EXPRESSIONS = """
1 + 2 * 3 - 4 | (1 + 2) * 3 | 7 // 2 | -7 // 2 | 7 % 3 | -7 % 3 | 7 / 2 | 2 ** 10 | 2 ** -1 | 2 ** 3 ** 2 | 1.5 + 1 | 0.1 + 0.2 | 1e1 is defined | 10 / 5 | 7.5 // 2 | -x ** 2
'a' ~ 1 ~ none ~ true | 'ab' * 3 | [1, 2] + [3] | (1, 2) + (3,) | [0] * 3 | 'a' + "b" 'c' | 1 == 1.0 | true == 1 | 'a' < 'b' | 1 < 2 < 3 | 1 < 3 < 2 | 'b' in 'abc' | 2 in l | 'k' in d | 9 not in l
not x | not not e | x and y | e or 'fallback' | n or e or 0 | x if t else y | 'yes' if x > 2 | ('yes' if x > 9) is defined | 'a' if e else 'b' if n else 'c' | none is none | n is not none | missing is defined | missing is undefined
x is odd | x is even | x is divisibleby 3 | x is divisibleby(2) | s is string | l is sequence | d is mapping | t is boolean | x is number | y is float | x is integer | l is iterable | x is iterable | e is sequence | range is callable
x is eq 3 | x is in [1, 3] | x is gt(2) | x is lt 2 | 'abc' is lower | 'ABC' is upper | t is true | t is false | n is none | missing is sequence | missing is iterable | x is not odd and t
l[0] | l[-1] | l[9] | l[1:] | l[:-1] | l[::-1] | l[::2] | l[-2:] | l[5:] | l[2:0:-1] | s[0] | s[-1] | s[2:] | s[::-1] | u[::-1] | u[3] | d['k'] | d.k | d.z[1].q | d['nope'] is defined | d.z[1]['q'] | s[:3] + s[3:]
l | d | (1,) | () | [] | {} | {'a': 1, 'b': [true, none, 1.0, 'x']} | ['it\\'s', 'a"b', 'both\\'"', 'nl\\n'] | [missing] | 1.0 | 100000000000000000.0 | 0.00001 | 12345.678 | true | none | missing
s|upper | s|lower | s|title | s|capitalize | s|length | u|length | l|length | d|length | '  x '|trim | 'xxaxx'|trim('x') | u|trim ~ '|' | s|replace(' ', '_') | s|replace(' ', '_', 1) | 'aaa'|replace('', '-')
l|first | l|last | l|sort | l|sort(reverse=true) | words|sort | words|sort(case_sensitive=true) | words|unique|list | l|max | l|min | l|sum | l|reverse|list | s|reverse | l|join | l|join('-') | 'abc'|list | d|list | d|items|list
people|map(attribute='name')|list | people|map(attribute='age', default=0)|list | people|selectattr('age')|map(attribute='name')|list | people|selectattr('name', 'equalto', 'Bob')|list|length | people|rejectattr('name', 'in', ['Ann', 'Cid'])|map(attribute='name')|join
words|map('upper')|join | l|select('odd')|list | l|reject('odd')|list | l|select('gt', 1)|list | [0, 1, '', 'a']|select|list | people|sort(attribute='name', reverse=true)|map(attribute='name')|list | words|map('replace', 'b', 'x')|join
missing|default('d') | e|default('d') | e|default('d', true) | n|d('x', boolean=true) | '3'|int | 'x'|int | 'x'|int(7) | 3.9|int | '2.5'|float | 3|float | true|int | -3|abs | 5|string ~ 'x' | l|string | n|string
d|tojson | l|tojson | quote|tojson | u|tojson | d|tojson(indent=2) | [1, [2, {}], []]|tojson(indent=4) | none|tojson | 1.5|tojson | true|tojson | {'a': '\\u0001<>&'}|tojson | people[0]|tojson
s.upper() | s.split() | s.split(' ') | s.split(' ', 1) | s.split(maxsplit=1) | 'a,b,,c'.split(',') | ' x '.strip() ~ '|' | 'xyx'.strip('x') | 'xyx'.lstrip('x') | 'xyx'.rstrip('x') | s.startswith('a') | s.endswith(('x', 'c')) | s.replace('a', 'b')
s.find('b') | s.find('q') | u.find('e') | 'banana'.count('an') | 'abc'.removeprefix('a') | 'abc'.removesuffix('c') | '-'.join(words) | 'ab cd'.title() | 'aB'.lower() | 'hELLO wORLD'.capitalize() | '12'.isdigit() | 'a1'.isalpha() | 'a1'.isalnum() | 'a\\nb'.splitlines()
d.items()|list | d.keys()|list | d.values()|list | d.get('k') | d.get('q') | d.get('q', 5) | l.index(2) | words.count('b') | range(3)|list | range(1, 7, 2)|list | range(3, 0, -1)|list | dict(a=1, b=2) | namespace(a=1).a
'\\t|\\x41\\u00e9\\q' | "a\\"b" | 'multi
line' | {'a': {'b': 1}}.a.b | {'a': 1}['a'] | [[1, 2], [3]][0][1] | (l|first) + 1 | -l[0] | -(2) | +3 | not x == 3 | x == 3 and not n | 'a' in 'abc' and 'd' not in 'abc' | l|length > 2 | 10 - l|length | 'x' ~ l|length
"""

TEMPLATES = {
    "comments": "a{# no #}b {#- x -#} c\n{# line #}\nd",
    "trim blocks": "{% if true %}\nx\n{% endif %}\ny\n  {% if true %}  \n  z\n  {% endif %}  \nw",
    "keep blocks": "a\n  {%+ if true %}b{% endif +%}\nc",
    "minus": "a  {%- if true -%}  b  {%- endif -%}  c {{- 1 -}} d",
    "crlf": "a\r\nb{% if true %}\r\nc{% endif %}\rd\r\n",
    "trailing newlines": "x\n\n",
    "braces": "{ } {{ '}}' }} {{ {'a': {'b': 2}}['a']['b'] }} {{ '{%' }} %} }}",
    "loop": "{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.cycle('a', 'b') }} {% endfor %}",
    "loop neighbours": "{% for i in l %}[{{ loop.previtem }}|{{ i }}|{{ loop.nextitem }}{{ loop.nextitem is defined }}]{% endfor %}",
    "loop else": "{% for i in [] %}x{% else %}none{% endfor %}{% for i in missing %}x{% else %}undefined{% endfor %}",
    "loop filter": "{% for i in range(10) if i % 2 == 1 %}{{ loop.index }}:{{ i }}/{{ loop.length }} {% else %}no{% endfor %}",
    "loop unpack": "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for a, b in [(1, 2), [3, 4]] %}{{ a + b }} {% endfor %}",
    "loop scope": "{% set a = 1 %}{% for i in l %}{{ a }}{% set a = i %}{{ a }} {% endfor %}{{ a }}",
    "loop scope fresh": "{% for i in l %}{{ b is defined }}{% set b = i %}{% endfor %}{{ b is defined }}{{ i is defined }}",
    "if scope": "{% if true %}{% set c = 5 %}{% endif %}{{ c }}",
    "nested loops": "{% for i in range(3) %}{% for j in range(i) %}{{ loop.depth }}{{ i }}{{ j }}{{ loop.index }} {% endfor %}{{ loop.index }};{% endfor %}",
    "break continue": "{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "break within if in loop": "{% for i in range(3) %}{% for j in range(5) %}{% if j > i %}{% break %}{% endif %}{{ j }}{% endfor %}|{% endfor %}",
    "namespace": "{% set ns = namespace(n=0, found=false) %}{% for i in l %}{% set ns.n = ns.n + i %}{% if i == 1 %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.n }}{{ ns.found }}{{ ns.nope is defined }}",
    "set block": "{% set b %}x{{ x }}\ny{% endset %}[{{ b }}]{{ b|length }}",
    "set tuple": "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = (1, 2) %}{{ c }}{% set d = 1, %}{{ d }}",
    "elif": "{% for i in range(4) %}{% if i == 0 %}a{% elif i == 1 %}b{% elif i == 2 %}c{% else %}d{% endif %}{% endfor %}",
    "text loop": "{% for c in u %}[{{ c }}]{% endfor %}",
    "dict loop": "{% for k in d %}{{ k }}{% endfor %}",
    "print tuple": "{{ 1, 2 }}",
    "inline if text": "{{ 'a' if x == 3 else 'b' }}{{ '' if x == 3 }}",
    "line statement look-alikes": "# not a comment\n## neither\n%% x",
    "deep": "".join("{% if true %}" for _ in range(20)) + "x" + "".join("{% endif %}" for _ in range(20)),
}

REFUSED = {
    "undefined attribute": "{{ missing.x }}", "undefined call": "line 1\n{{ nope() }}", "raise": "{{ raise_exception('no ' ~ 'way') }}", "zero": "{{ 1 // 0 }}", "mixed sum": "{{ 'a' + 1 }}", "unpack": "{% for a, b in [1] %}{% endfor %}",
    "mixed order": "{{ 1 < 'a' }}", "loop over number": "{% for i in 3 %}{% endfor %}", "unclosed": "{% if true %}", "stray": "{% endif %}", "unended print": "{{ 1 ", "unended string": "{{ 'a }}", "unended comment": "{# a", "bad operator": "{{ 1 $ 2 }}",
    "number attribute": "{{ 3(1) }}", "set attribute of dict": "{% set d.k = 2 %}", "append": "{{ l.append(1) }}", "unknown filter": "{{ 1|nope }}", "unknown test": "{{ 1 is nope }}", "unknown tag": "\n\n{% nope %}", "two values": "{{ 1 2 }}",
    "range too long": "{{ range(1000000) }}", "length of none": "{{ none|length }}", "in number": "{{ 1 in 2 }}", "else twice": "{% if 1 %}{% else %}{% else %}{% endif %}", "break outside": "{% break %}",
}


def case(name, template, context, refused=False):
    row = dict(name=name, template=template, context=context)
    try:
        row["text"] = env.from_string(template).render(**context)
        assert not refused, name
    except Exception as e:
        assert refused, (name, template, e)
        row["refused"] = True
    print(json.dumps(row))


for name, template in CHATS.items():
    case(name, template, TURNS)
for number, line in enumerate(EXPRESSIONS.replace("'multi\nline'", "'multi\x00line'").strip().split("\n")):
    for expression in line.replace("\x00", "\n").split(" | "):
        case(f"expression {number}: {expression}", "{{ " + expression + " }}", PLAIN)
for name, template in TEMPLATES.items():
    case(name, template, PLAIN)
for name, template in REFUSED.items():
    case(name, template, PLAIN, refused=True)
