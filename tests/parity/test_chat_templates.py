"""Chat templates against transformers: rendered strings, ids, and which tokens are an answer."""
import json
import pathlib
import random
import shutil
import subprocess

import jinja2
import pytest
from transformers import AutoTokenizer

from conftest import MEAP, needs_slow

PROMPT, ANSWER, END = 0, 1, 2

TEXTS = [
    "What is the capital of France?", "Paris.", "  leading and trailing  ", "\n\nline breaks\n\n", "\ttabs\tand  blanks ",
    "Привет, как дела?", "你好，世界", "مرحبا بالعالم", "हिन्दी में लिखो", "日本語のテキスト。", "emoji 😀👩‍👩‍👧 flags 🇫🇷", "naïve café",
    "e\u0301 combining", "{{ not a template }} {% if %}", "<b>html & 'quotes' \"double\"</b>", "a\r\nb\rc", "\u00a0nbsp\u3000wide ",
    "def f(x):\n    return x ** 2\n", "1. one\n2. two\n", "x", "The answer is 42" + "!" * 30, "'", "\\n backslash", "<s> [INST] </s>",
    "zero\u200bwidth", "Long " + "word " * 60,
]

# Public formats in words of our own.
LLAMA3 = """
{%- for message in messages %}
    {%- if loop.first %}{{ bos_token }}{% endif %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"""
CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
          "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
MISTRAL = """
{%- if messages[0]["role"] == "system" %}
    {%- set system = messages[0]["content"] %}
    {%- set turns = messages[1:] %}
{%- else %}
    {%- set turns = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in turns %}
    {%- if (message["role"] == "user") != (loop.index0 % 2 == 0) %}
        {{- raise_exception("user and assistant must take turns") }}
    {%- endif %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system is defined %}
            {{- "[INST] " + system + "\n\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"] | trim + eos_token }}
    {%- endif %}
{%- endfor %}
"""
# Marks for training, a date, thoughts that are cut away, a tool list that is not there.
MARKED = """
{%- macro turn(role, text) %}{{ '<|im_start|>' ~ role ~ '\n' ~ text ~ '<|im_end|>\n' }}{% endmacro -%}
{%- set ns = namespace(system='Today is ' ~ strftime_now('%Y') ~ '.') -%}
{%- for m in messages if m.role == 'system' %}{% set ns.system = m.content.strip() %}{% endfor -%}
{{ turn('system', ns.system) }}
{%- if tools is not none and tools | length > 0 %}{{ tools | tojson }}{% endif -%}
{%- for m in messages | rejectattr('role', 'equalto', 'system') %}
    {%- if m.role == 'assistant' -%}
        {{ '<|im_start|>assistant\n' }}
        {%- generation -%}
            {{ m['content'].split('</think>')[-1].lstrip('\n') + '<|im_end|>' }}
        {%- endgeneration -%}
        {{ '\n' }}
    {%- else -%}
        {{ turn(m.role, m.content) }}
    {%- endif %}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif -%}
"""
CASES = [("smollm2", None), ("llama3", LLAMA3), ("smollm2", CHATML), ("mistral-v3", MISTRAL), ("smollm2", MARKED),
         ("gpt2", CHATML), ("sp-bpe-4k", MISTRAL)]


def conversations(count=200):
    rng = random.Random(7)
    made = []
    for i in range(count):
        messages = [{"role": "system", "content": rng.choice(TEXTS)}] if rng.random() < 0.5 else []
        for turn in range(1 + i % 6):
            messages.append({"role": "user", "content": " ".join(rng.choices(TEXTS, k=rng.randint(1, 3)))})
            messages.append({"role": "assistant", "content": rng.choice(["", " ", "\n"]) + rng.choice(TEXTS)})
        if rng.random() < 0.2:
            messages.pop()
        made.append(messages)
    return made


def encode(folder, template, chats):
    lines = "".join(json.dumps({"messages": m}) + "\n" for m in chats)
    done = subprocess.run([MEAP.parent / "encode_chat", folder, template], input=lines, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert len(results) == len(chats)
    return results


def copy_tokenizer(shared, name, template, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    for file in ["tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(shared / "data" / "tokenizers" / name / file, folder)
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    return folder


def check_ids(got, reference, messages):
    """The ids of a sample are those of the text, up to the end of the last answer where that is the last message;
    returns what is left."""
    size = len(got["ids"])
    assert got["ids"] == reference[:size]
    if messages[-1]["role"] == "assistant" and END in got["roles"]:
        assert got["roles"][-1] == END
    else:
        assert size == len(reference)
    return reference[size:]


@pytest.mark.parametrize("name, template", CASES)
def test_rendered_strings_and_ids_equal_transformers(shared, tmp_path, name, template):
    folder = copy_tokenizer(shared, name, template, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chats = conversations()
    for messages, got in zip(chats, encode(folder, "model", chats)):
        assert got["text"] == tokenizer.apply_chat_template(messages, tokenize=False)
        assert got["prompt"] == tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        if "ids" in got:
            left = check_ids(got, tokenizer(got["text"], add_special_tokens=False).input_ids, messages)
            assert tokenizer.decode(left).strip() == ""
    assert sum("ids" in got for got in encode(folder, "model", chats)) > 150


def rendered(tokenizer, messages):
    """What transformers makes of it, or nothing where the template refuses it."""
    try:
        return tokenizer.apply_chat_template(messages, tokenize=False)
    except jinja2.exceptions.TemplateError:
        return None


@needs_slow()
def test_published_templates_render_as_in_transformers(shared, tmp_path):
    """The templates of Llama 3, Qwen, Gemma, DeepSeek, Phi, GPT-OSS and others, in the words they were published in: TRL
    has them."""
    trl = pytest.importorskip("trl")
    files = sorted((pathlib.Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))
    assert len(files) > 30
    chats = conversations()
    for file in files:
        (tmp_path / file.stem).mkdir()
        folder = copy_tokenizer(shared, "llama3", file.read_text(), tmp_path / file.stem)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        for messages, got in zip(chats, encode(folder, "model", chats)):
            assert got.get("text") == rendered(tokenizer, messages), file.stem


def answers_of(tokenizer, got):
    """The decoded texts of the answers (without their ends), and of their ends."""
    answers, ends, before = [], [], PROMPT
    for token, role in zip(got["ids"], got["roles"]):
        if role == ANSWER:
            if before != ANSWER:
                answers.append([])
            answers[-1].append(token)
        if role == END:
            if before != END:
                ends.append([])
            ends[-1].append(token)
        before = role
    return [tokenizer.decode(a) for a in answers], [tokenizer.decode(e) for e in ends]


@pytest.mark.parametrize("name, template, end", [
    ("smollm2", None, "<|im_end|>"), ("llama3", LLAMA3, "<|eot_id|>"), ("mistral-v3", MISTRAL, "</s>"),
    ("smollm2", MARKED, "<|im_end|>")])
def test_answers_are_the_messages_and_end_with_the_end_of_turn(shared, tmp_path, name, template, end):
    folder = copy_tokenizer(shared, name, template, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    plain = [m for m in conversations() if all("<s>" not in turn["content"] for turn in m)]
    for messages, got in zip(plain, encode(folder, "model", plain)):
        expected = [m["content"] for m in messages if m["role"] == "assistant"]
        if not expected:
            continue
        answers, ends = answers_of(tokenizer, got)
        assert [a.strip() for a in answers] == [e.strip() for e in expected]
        assert ends == [end] * len(expected)


def test_generation_blocks_give_the_mask_that_transformers_gives(shared, tmp_path):
    folder = copy_tokenizer(shared, "smollm2", MARKED, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chats = conversations()
    for messages, got in zip(chats, encode(folder, "model", chats)):
        expected = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True,
                                                 return_assistant_tokens_mask=True)
        check_ids(got, expected["input_ids"], messages)
        size = len(got["ids"])
        assert [int(role != PROMPT) for role in got["roles"]] == expected["assistant_masks"][:size]
        assert not any(expected["assistant_masks"][size:])


def built_in(name, messages, bos, eos, prompt):
    """The built-in templates once more, from their descriptions."""
    system = messages[0]["content"] if messages[0]["role"] == "system" else None
    turns = messages[1:] if system is not None else messages
    text = ""
    if name == "chatml":
        for m in messages:
            text += f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n"
        return text + ("<|im_start|>assistant\n" if prompt else "")
    if name == "llama3":
        text = bos
        if system is None:
            messages = [{"role": "system", "content": "You are a helpful, excellent and smart assistant."}] + messages
        for m in messages:
            end = eos if m["role"] == "assistant" else "<|eot_id|>"
            text += f"<|start_header_id|>{m['role']}<|end_header_id|>\n\n{m['content']}{end}"
        return text + ("<|start_header_id|>assistant<|end_header_id|>\n\n" if prompt else "")
    if name in ("llama2", "mistral"):
        text = bos
        head = {"llama2": f"<<SYS>>\n{system}\n<</SYS>>\n\n", "mistral": f"{system}\n\n"}[name] if system is not None else ""
        for i, m in enumerate(turns):
            if m["role"] == "user":
                text += "[INST] " + (head if i == 0 else "") + m["content"] + (" [/INST]" if name == "llama2" else "[/INST]")
            else:
                text += " " + m["content"] + (" " if name == "llama2" else "") + eos
        return text
    if name == "plain":
        return "".join(m["content"] + (eos if m["role"] == "assistant" else "") for m in messages)
    text = ("Below is an instruction that describes a task. Write a response that appropriately completes the request."
            if system is None else system)
    for m in turns:
        text += m["content"] + eos if m["role"] == "assistant" else f"\n\n### Instruction:\n{m['content']}\n\n### Response:"
    return text


@pytest.mark.parametrize("name, tokenizer", [
    ("llama2", "mistral-v3"), ("llama3", "llama3"), ("chatml", "smollm2"), ("mistral", "mistral-v3"), ("alpaca", "gpt2"),
    ("alpaca", "llama3"), ("plain", "sp-bpe-4k")])
def test_built_in_templates(shared, name, tokenizer):
    folder = shared / "data" / "tokenizers" / tokenizer
    reference = AutoTokenizer.from_pretrained(folder)
    bos, eos = reference.bos_token, reference.eos_token
    adds_bos = reference("x").input_ids[0] == reference.bos_token_id
    chats = conversations()
    for messages, got in zip(chats, encode(folder, name, chats)):
        assert got["text"] == built_in(name, messages, bos, eos, False)
        assert got["prompt"] == built_in(name, messages, bos, eos, True)
        if "ids" not in got:
            continue
        ids = reference(got["text"], add_special_tokens=False).input_ids
        if adds_bos and ids[0] != reference.bos_token_id:
            ids = [reference.bos_token_id] + ids
        check_ids(got, ids, messages)
        assert got["special"][0] == int(ids[0] in reference.all_special_ids)
        if messages[-1]["role"] == "assistant":
            last = [i for i, role in enumerate(got["roles"]) if role == ANSWER][-1]
            assert got["roles"][last + 1] == END


def test_a_template_that_the_tokenizer_cannot_write_is_an_error(shared):
    done = subprocess.run([MEAP.parent / "encode_chat", shared / "data/tokenizers/gpt2", "chatml"], capture_output=True,
                          text=True, input="")
    assert done.returncode == 1 and "<|im_start|>" in done.stderr


@pytest.mark.parametrize("name, tokenizer", [
    ("llama2", "mistral-v3"), ("llama3", "llama3"), ("chatml", "smollm2"), ("mistral", "mistral-v3"), ("alpaca", "gpt2"),
    ("alpaca", "llama3"), ("alpaca", "mistral-v3"), ("alpaca", "sp-bpe-4k"), ("plain", "sp-bpe-4k"), ("plain", "llama3")])
def test_an_exported_built_in_template_is_the_tokenizers_own(shared, tmp_path, name, tokenizer):
    """What `meap finetune` writes: transformers renders the same text, and the ids are those of training."""
    source, folder = copy_tokenizer(shared, tokenizer, "{{ 'another' }}", tmp_path), tmp_path / "exported"
    subprocess.run([MEAP.parent / "encode_chat", "--export", source, name, folder], check=True)
    assert not (folder / "chat_template.jinja").exists()
    reference = AutoTokenizer.from_pretrained(folder)
    chats = conversations()
    for messages, own, trained in zip(chats, encode(folder, "model", chats), encode(source, name, chats)):
        assert own["text"] == reference.apply_chat_template(messages, tokenize=False)
        assert own["prompt"] == reference.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert own.get("ids") == trained.get("ids")
        if "ids" in own:
            check_ids(own, reference(own["text"], add_special_tokens=False).input_ids, messages)
    item = {"role": "user", "content": "Add them", "input": "1 and 2"}
    (own,) = encode(folder, "model", [[item]])
    item = {"role": "user", "content": "Add them\n1 and 2", "instruction": "Add them", "input": "1 and 2"}
    assert own["prompt"] == reference.apply_chat_template([item], tokenize=False, add_generation_prompt=True)
