"""SmolLM2-135M fine-tuned on Alpaca: what is exported answers in transformers and in PEFT as it does here."""
import functools
import gzip
import json

import pytest

from conftest import needs_slow, run_meap

pytestmark = needs_slow()
LORA = ["lora.rank=8", "optimizer.lr=1e-3"]
QUESTIONS = ["Name three colours.", "What is the capital of France?", "Write a sentence about the sea."]


@pytest.fixture(scope="module")
def tuned(smollm2, shared, tmp_path_factory):
    """Trains from the shipped recipe on 64 samples: a function from overrides to the export, each trained once."""
    root = tmp_path_factory.mktemp("tuned")
    with gzip.open(shared / "data/sft/alpaca/alpaca_random9k.jsonl.gz", "rt", encoding="utf-8") as lines:
        (root / "train.jsonl").write_text("".join(line for line, _ in zip(lines, range(64))))

    @functools.cache
    def train(*overrides):
        run = root / "-".join(overrides).replace("=", "-")
        run_meap("finetune", "recipes/finetune-small.yaml", f"model.path={smollm2}", f"data.train={root}/train.jsonl",
                 f"output={run}", "train.batch_tokens=4096", *overrides)
        return run / "hf"
    return train


@pytest.mark.parametrize("words", [["objective.name=meap"], ["objective.name=ntp"], LORA],
                         ids=["meap", "ntp", "lora"])
def test_transformers_answers_as_we_do_under_its_template(tuned, tmp_path, words):
    import torch
    import transformers
    folder = tuned(*words)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for question in QUESTIONS:
        messages = [{"role": "user", "content": question}]
        (tmp_path / "messages.json").write_text(json.dumps(messages))
        ours, _ = run_meap("generate", "--model", folder, "--messages", tmp_path / "messages.json", "--max-new-tokens", 48)
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        with torch.no_grad():
            answer = model.generate(**prompt, do_sample=False, max_new_tokens=48)[0, prompt["input_ids"].shape[1]:]
        assert ours.strip() == tokenizer.decode(answer, skip_special_tokens=True).strip()
        assert len(ours.split()) > 2


def test_the_adapter_gives_the_logits_of_the_merged_model(tuned):
    import peft
    import torch
    import transformers
    merged, adapter = tuned(*LORA), tuned(*LORA, "lora.export=adapter")
    tokenizer = transformers.AutoTokenizer.from_pretrained(merged)
    ids = tokenizer("Once upon a time there was", return_tensors="pt").input_ids
    ids = torch.cat([ids, torch.tensor([[tokenizer.mask_token_id]]), ids], 1)
    with torch.no_grad():
        expected = transformers.AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)(ids).logits
        got = peft.AutoPeftModelForCausalLM.from_pretrained(adapter, dtype=torch.float32)(ids).logits
    torch.testing.assert_close(got, expected, atol=2e-4, rtol=1e-4)
