"""Reads a folder that meap wrote with safetensors and transformers, and writes what meap must read.

usage: hf_folder.py check FOLDER... | write FOLDER
`check` compares saved folders with the reference libraries; `write` makes folders plain, linear, llama3
and qwen2 with transformers. Both print one JSON list.
"""
import json
import os
import sys

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GenerationConfig, LlamaConfig, Qwen2Config


def stored_tensors(folder):
    index = os.path.join(folder, "model.safetensors.index.json")
    names = ["model.safetensors"]
    if os.path.exists(index):
        names = sorted(set(json.load(open(index))["weight_map"].values()))
    tensors = {}
    for name in names:
        tensors.update(load_file(os.path.join(folder, name)))
    return tensors


def check(folder):
    tensors = stored_tensors(folder)
    single = os.path.join(folder, "model.safetensors")
    if os.path.exists(single):
        again = single + ".again"
        save_file(tensors, again, metadata={"format": "pt"})
        assert open(again, "rb").read() == open(single, "rb").read(), "bytes differ from save_file's"
        os.remove(again)
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    for key, value in info.items():
        assert not value, (key, value)
    state = model.state_dict()
    dtype = json.load(open(os.path.join(folder, "config.json")))["torch_dtype"]
    assert str(model.dtype) == "torch." + dtype, (model.dtype, dtype)
    for name, tensor in tensors.items():
        assert torch.equal(state[name], tensor), name
    assert set(state) - set(tensors) <= {"lm_head.weight"}
    GenerationConfig.from_pretrained(folder)
    config = model.config
    rope = model.model.rotary_emb
    return {
        "head_dim": config.head_dim, "eos_token_id": config.eos_token_id,
        "bos_token_id": config.bos_token_id, "rope": config.rope_parameters,
        "inv_freq": rope.inv_freq.tolist(), "tied": config.tie_word_embeddings,
        "layers": config.num_hidden_layers, "bias": getattr(config, "attention_bias", None), "type": config.model_type}


def write(folder, kind):
    scaling = {
        "plain": {"rope_type": "default", "rope_theta": 5000.0},
        "linear": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0},
        "llama3": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
                   "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
        "qwen2": {"rope_type": "default", "rope_theta": 1000000.0},
    }[kind]
    shape = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                 vocab_size=32, max_position_embeddings=128, rope_parameters=scaling, tie_word_embeddings=kind == "linear",
                 eos_token_id=[2, 3] if kind == "llama3" else 2)
    config = Qwen2Config(**shape) if kind == "qwen2" else LlamaConfig(attention_bias=kind == "llama3", **shape)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    if kind == "llama3":
        model = model.to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="8KB" if kind == "llama3" else "1GB")
    sums = {name: tensor.double().sum().item() for name, tensor in model.state_dict().items()}
    return {"kind": kind, "sums": sums}


if __name__ == "__main__":
    if sys.argv[1] == "check":
        print(json.dumps([check(folder) for folder in sys.argv[2:]]))
    else:
        kinds = ["plain", "linear", "llama3", "qwen2"]
        print(json.dumps([write(os.path.join(sys.argv[2], kind), kind) for kind in kinds]))
