"""A peer of bench/finetune.py: TRL's SFTTrainer over one epoch, padded or packed, on the CPU.
finetune_peer.py MODEL DATA padded|packed f32|bf16 BATCH THREADS LENGTH FOLDER; one JSON line on stdout."""
import json
import sys

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

PROMPT = ("Below is an instruction that describes a task{more}. Write a response that appropriately completes the "
          "request.\n\n### Instruction:\n{instruction}\n\n{input}### Response:\n")


def example(item):
    has_input = bool(item["input"])
    prompt = PROMPT.format(
        more=", paired with an input that provides further context" if has_input else "",
        instruction=item["instruction"], input=f"### Input:\n{item['input']}\n\n" if has_input else "")
    return {"prompt": prompt, "completion": item["output"]}


def main():
    model_path, data, form, precision, batch, threads, length, folder = sys.argv[1:]
    torch.set_num_threads(int(threads))
    items = [json.loads(line) for line in open(data, encoding="utf-8")]
    # bf16 is autocast over f32 weights, as meap's f32 masters are.
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32)
    config = SFTConfig(
        output_dir=folder, per_device_train_batch_size=int(batch) if form == "padded" else 1,
        gradient_accumulation_steps=1 if form == "padded" else max(1, int(batch) * 128 // int(length)),
        num_train_epochs=1, learning_rate=2e-5, max_length=int(length), packing=form == "packed",
        completion_only_loss=True, use_cpu=True, bf16=precision == "bf16", gradient_checkpointing=False,
        logging_strategy="no", save_strategy="no", report_to=[], disable_tqdm=True, dataloader_pin_memory=False)
    trainer = SFTTrainer(model=model, args=config, train_dataset=Dataset.from_list([example(i) for i in items]),
                         processing_class=AutoTokenizer.from_pretrained(model_path))
    seconds = trainer.train().metrics["train_runtime"]
    print(json.dumps({"samples_per_second": len(items) / seconds}))


if __name__ == "__main__":
    main()
