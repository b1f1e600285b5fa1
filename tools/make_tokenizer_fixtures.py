#!/usr/bin/env python3
"""Makes tests/fixtures/tokenizers: small tokenizers of many kinds with the ids and texts that the reference libraries give.

Each folder has a tokenizer.json (or a tokenizer.model) and a golden.jsonl in the form of the shared test data.
Usage: .venv/bin/python tools/make_tokenizer_fixtures.py   (made with tokenizers 0.22.2, sentencepiece 0.2.3)
"""
import io
import json
import pathlib
import random
import shutil
import sys

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = pathlib.Path(__file__).resolve().parents[1]
TARGET = ROOT / "tests" / "fixtures" / "tokenizers"
sys.path.insert(0, str(ROOT / "tests" / "parity"))
from tokenizers_random import random_string

TEXT = """The quick brown fox jumps over the lazy dog, and the dog doesn't mind; it's asleep. They've said we'll see 1234 foxes in 2026.
A model reads tokens from left to right, and some of the tokens are masked. The masked tokens teach the model to retrieve.
Pre-training, fine-tuning and evaluation: three steps, 3.14159 and 2.71828, $100 or 50%. HELLO World, Hello WORLD.
def add(first, second):\n    return first + second  # adds\nfor i in range(10):\n\tprint(add(i, 1))\n
La r\u00e9ponse est na\u00efve, le caf\u00e9 est ferm\u00e9. Stra\u00dfe und \u00c4rger, sch\u00f6ne Gr\u00fc\u00dfe. \u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u041c\u0438\u0440\u0443 \u043c\u0438\u0440.
\u4f60\u597d\uff0c\u4e16\u754c\u3002\u4f60\u597d\u5417\uff1f \u3053\u3093\u306b\u3061\u306f\u4e16\u754c\u3002 \u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0928\u092e\u0938\u094d\u0924\u0947 \U0001f642 \U0001f468\u200d\U0001f469\u200d\U0001f467
""".split("\n")

CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = ["[\r\n]", "\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u0370-\u0373\u0400-\u0481]+", "\\s?[!-/:-~\uff01-\uff0f]+",
            "\\s+", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", r"\p{Han}|\p{M}+"]
DEEPSEEK_LLM = ["[\r\n]", *DEEPSEEK[1:3], r"\s+$", DEEPSEEK[4]]
BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"
SPECIALS = [AddedToken("<s>", special=True), AddedToken("</s>", special=True)]


def byte_level(regex=True, prefix=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)


def train(model, pre_tokenizer=None, normalizer=None, decoder=None, alphabet=True, size=420, **options):
    tokenizer = Tokenizer(model)
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if decoder is not None:
        tokenizer.decoder = decoder
    initial = pre_tokenizers.ByteLevel.alphabet() if alphabet else []
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=options.pop("special_tokens", SPECIALS), initial_alphabet=initial,
                                  show_progress=False, **options)
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(pattern, behavior, invert)


def byte_bpe(*steps, **options):
    return train(models.BPE(), pre_tokenizers.Sequence([*steps, byte_level(regex=False)]), decoder=decoders.ByteLevel(), **options)


def sp_like(prepend_scheme="always", do_split=False, normalizer=None, size=300, **model):
    tokenizer = train(models.BPE(unk_token="<unk>", **model), pre_tokenizers.Metaspace(prepend_scheme=prepend_scheme, split=do_split),
                      normalizer, decoders.Metaspace(prepend_scheme=prepend_scheme), alphabet=False, size=size,
                      special_tokens=[AddedToken("<unk>", special=True), *SPECIALS, *(f"<0x{b:02X}>" for b in range(256) if model.get("byte_fallback"))],
                      limit_alphabet=60)
    return without_added(tokenizer, "<0x")


def without_added(tokenizer, prefix):
    """Takes tokens out of added_tokens and leaves them in the vocabulary."""
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if not token["content"].startswith(prefix)]
    return Tokenizer.from_str(json.dumps(data))


def edited(tokenizer, edit):
    data = json.loads(tokenizer.to_str())
    edit(data)
    return Tokenizer.from_str(json.dumps(data))


def flags():
    tokenizer = train(models.BPE(), byte_level(), normalizers.Lowercase(), decoders.ByteLevel())
    tokenizer.add_tokens([AddedToken("<left>", lstrip=True), AddedToken("<right>", rstrip=True), AddedToken("<both>", lstrip=True, rstrip=True),
                          AddedToken("Word", single_word=True, normalized=False), AddedToken("FOX", normalized=True), AddedToken("ab"), AddedToken("abc"),
                          AddedToken("<RAW>", normalized=False, special=True), AddedToken("\u00c9T\u00c9", normalized=True, single_word=True, lstrip=True)])
    return tokenizer


def kinds():
    yield "cl100k", byte_bpe(split(Regex(CL100K)))
    yield "o200k", byte_bpe(split(Regex(O200K)))
    yield "qwen2", byte_bpe(split(Regex(QWEN2)), normalizer=normalizers.NFC())
    yield "deepseek", byte_bpe(*(split(Regex(p)) for p in DEEPSEEK), pre_tokenizers.Digits(individual_digits=True))
    yield "deepseek-llm", byte_bpe(*(split(Regex(p)) for p in DEEPSEEK_LLM), pre_tokenizers.Digits(individual_digits=True))
    yield "bloom", byte_bpe(split(Regex(BLOOM)))
    yield "lines", byte_bpe(split(Regex("^[a-z[\u00e0-\u00ff]]|.$"), "merged_with_next"), split(Regex("^"), "isolated"))
    yield "prefix-space", train(models.BPE(), byte_level(prefix=True), decoder=decoders.ByteLevel())
    yield "some-bytes", train(models.BPE(), byte_level(), decoder=decoders.ByteLevel(), alphabet=False, size=200)
    yield "bytes-unk", train(models.BPE(unk_token="<s>", fuse_unk=True), byte_level(), decoder=decoders.ByteLevel(), alphabet=False, size=200)
    yield "byte-level-inside", train(models.BPE(unk_token="<s>"), pre_tokenizers.Sequence([byte_level(), pre_tokenizers.Digits()]), alphabet=False, size=200)
    yield "ignore-merges", edited(byte_bpe(split(Regex(r"\S+\s*"), "removed", True)), lambda d: d["model"].update(ignore_merges=True))
    yield "flags", flags()
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        yield "split-" + behavior.replace("_", "-"), byte_bpe(split(" ", behavior), split(Regex("[aeiou]"), behavior, behavior == "contiguous"))
    yield "gemma", train(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True), split(" ", "merged_with_previous"), normalizers.Replace(" ", "\u2581"),
                         decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]), alphabet=False, size=250,
                         special_tokens=["<unk>"])
    yield "metaspace-always", sp_like()
    yield "metaspace-first", sp_like("first")
    yield "metaspace-never", sp_like("never", True)
    yield "metaspace-split", sp_like("always", True, byte_fallback=True, fuse_unk=True, size=500)
    yield "metaspace-first-split", sp_like("first", True, fuse_unk=True)
    yield "classes", train(models.BPE(unk_token="<s>"), pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("merged_with_next"),
                                                                                    pre_tokenizers.Digits(individual_digits=False)]), alphabet=False, size=300)
    yield "whitespace", train(models.BPE(unk_token="<s>", continuing_subword_prefix="##"), pre_tokenizers.Whitespace(), alphabet=False, size=300,
                              continuing_subword_prefix="##")
    yield "suffix", train(models.BPE(unk_token="<s>", end_of_word_suffix="</w>"), pre_tokenizers.WhitespaceSplit(), normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase()]), decoders.BPEDecoder(), alphabet=False, size=300, end_of_word_suffix="</w>")
    yield "nfd-strip", train(models.BPE(unk_token="<s>"), byte_level(prefix=True), normalizers.Sequence([normalizers.NFD(), normalizers.Strip(), normalizers.Prepend("_")]),
                             decoders.ByteLevel())
    yield "nfkd-replace", train(models.BPE(), byte_level(), normalizers.Sequence([normalizers.NFKD(), normalizers.Replace(Regex(r"\p{M}"), ""), normalizers.Replace(Regex(r"\s+"), " ")]),
                                decoders.ByteLevel())
    roberta = train(models.BPE(), byte_level(), decoder=decoders.ByteLevel())
    roberta.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    yield "roberta", roberta
    nested = train(models.BPE(), byte_level(), decoder=decoders.ByteLevel())
    nested.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(
        single="<s> $A </s> </s>", special_tokens=[("<s>", 0), ("</s>", 1)])])
    yield "template", nested


def write(folder, lines):
    with open(folder / "golden.jsonl", "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")


def texts(name, specials):
    rng = random.Random(name)
    return ["", " ", "  Hello   World's 1234 dogs\n\n\t x", *TEXT[:1], *(random_string(rng, specials) for _ in range(24))]


def compact(data):
    """tokenizer.json on few lines: a small fixture."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def main():
    shutil.rmtree(TARGET, ignore_errors=True)
    for name, tokenizer in kinds():
        folder = TARGET / name
        folder.mkdir(parents=True)
        (folder / "tokenizer.json").write_text(compact(json.loads(tokenizer.to_str())) + "\n", encoding="utf-8")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        lines = []
        for text in texts(name, [token.content for token in tokenizer.get_added_tokens_decoder().values()]):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            lines.append({"text": text, "ids": ids, "ids_with_special": tokenizer.encode(text).ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                          "decoded_skip_special": tokenizer.decode(ids, skip_special_tokens=True)})
        write(folder, lines)
    for name, kind in (("sp-unigram", "unigram"), ("sp-bpe", "bpe")):
        folder = TARGET / name
        folder.mkdir(parents=True)
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(TEXT), model_writer=model, model_type=kind, vocab_size=300 if kind == "bpe" else 420,
                                                 byte_fallback=kind == "unigram", minloglevel=2,
                                                 normalization_rule_name="identity", hard_vocab_limit=False)
        (folder / "tokenizer.model").write_bytes(model.getvalue())
        (folder / "tokenizer_config.json").write_text('{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}\n')
        processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        write(folder, [{"text": text, "ids": processor.encode(text), "ids_with_special": [processor.bos_id(), *processor.encode(text)]}
                       for text in texts(name, ["<s>"]) if "\x00" not in text])


if __name__ == "__main__":
    main()
