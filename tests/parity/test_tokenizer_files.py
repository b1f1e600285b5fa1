"""Saved tokenizers: files of transformers 5 become files that versions from 4.40 on read, and load here as what they were."""
import json
import shutil

import pytest
from transformers import AutoTokenizer

from conftest import run_meap

TEMPLATE = "{% for m in messages %}<x>{{ m.role }}: {{ m.content }}</x>\n{% endfor %}{% if add_generation_prompt %}<x>assistant:{% endif %}"
TEXTS = ["", "Adam went home.", "  two\n\nlines <x>marked</x>", "naïve 你好 🙂", "a[MASK]b"]
CHAT = [{"role": "user", "content": "Where is Adam?"}, {"role": "assistant", "content": "At home."}]


@pytest.fixture(scope="module")
def source(tiny, tmp_path_factory):
    """The tiny tokenizer as the installed transformers saves it, with more special tokens and a template."""
    folder = tmp_path_factory.mktemp("v5") / "tok"
    tokenizer = AutoTokenizer.from_pretrained(tiny / "tok")
    tokenizer.add_special_tokens({"extra_special_tokens": ["<x>", "</x>"]})
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "TokenizersBackend" and config["extra_special_tokens"] == ["<x>", "</x>"]
    assert "chat_template" not in config and (folder / "chat_template.jinja").exists()
    return folder


@pytest.fixture(scope="module")
def saved(tiny, source, tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "run"
    run_meap("pretrain", tiny / "recipe.yaml", f"tokenizer={source}", "train.steps=1", f"output={run}")
    return run / "hf"


def test_the_files_are_those_of_older_versions(source, saved, tiny):
    config = json.loads((saved / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast" and config["chat_template"] == TEMPLATE
    assert config["additional_special_tokens"] == ["<x>", "</x>"] and "extra_special_tokens" not in config
    assert (saved / "chat_template.jinja").read_text() == TEMPLATE
    for folder in (saved, tiny / "tok"):
        merges = json.loads((folder / "tokenizer.json").read_text())["model"]["merges"]
        assert merges and all(isinstance(merge, str) for merge in merges)


def test_they_load_here_as_what_they_were(source, saved):
    before, after = AutoTokenizer.from_pretrained(source), AutoTokenizer.from_pretrained(saved)
    assert len(before) == len(after) and before.get_vocab() == after.get_vocab()
    for text in TEXTS:
        for special in (False, True):
            ids = before.encode(text, add_special_tokens=special)
            assert after.encode(text, add_special_tokens=special) == ids
            assert after.decode(ids, skip_special_tokens=True) == before.decode(ids, skip_special_tokens=True)
    for prompt in (False, True):
        options = {"tokenize": False, "add_generation_prompt": prompt}
        assert after.apply_chat_template(CHAT, **options) == before.apply_chat_template(CHAT, **options)
    assert set(after.all_special_tokens) == set(before.all_special_tokens)
    assert set(after.extra_special_tokens) == set(before.extra_special_tokens) == {"<x>", "</x>"}


def with_tokens_beside(source, folder, names, first, **config):
    """The named files of a tokenizer, and a tokenizer_config.json that alone knows of two more tokens."""
    folder.mkdir()
    for name in names:
        shutil.copy(source / name, folder / name)
    tokens = {first: {"content": "<|im_start|>", "special": True}, first + 1: {"content": "<call>", "special": False}}
    flags = {"lstrip": False, "rstrip": False, "single_word": False, "normalized": False}
    decoder = {str(id): {**flags, **token} for id, token in tokens.items()}
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "added_tokens_decoder": decoder}))
    return folder


@pytest.mark.parametrize("name, first, file, config", [
    ("byte-bpe-8k", 8192, "tokenizer.json", {"tokenizer_class": "PreTrainedTokenizerFast"}),
    ("sp-bpe-4k", 4096, "tokenizer.model", {"tokenizer_class": "LlamaTokenizer", "legacy": True})])
def test_tokens_that_only_the_files_beside_name(shared, tmp_path, name, first, file, config):
    folder = with_tokens_beside(shared / "data/tokenizers" / name, tmp_path / "tok", [file], first, **config)
    theirs = AutoTokenizer.from_pretrained(folder)
    texts = ["<|im_start|>user\nHello<call>there", "a <call>", "<|im_start|><|im_start|>x"]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    out, _ = run_meap("tokenizer", "encode", "--tokenizer", folder, "--jsonl", tmp_path / "texts.jsonl")
    ours = [json.loads(line) for line in out.splitlines()]
    ours = [line["ids"] if isinstance(line, dict) else line for line in ours]
    assert ours == [theirs.encode(text, add_special_tokens=False) for text in texts]
    assert first in ours[0] and first + 1 in ours[0]
