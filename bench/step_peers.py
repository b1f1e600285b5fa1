"""The peers of bench/step.py, one a process, with the protocol of bench/step_bench.cpp:
step_peers.py PEER SHAPE DTYPE THREADS DEVICE, requests on stdin, one JSON line each. PEER is eager, jemalloc
(eager too: bench/step.py sets the allocator), compile, compile-bf16 or bound; DEVICE cpu or cuda, where a
step ends when the GPU is done with it and, in bf16, attention is PyTorch's flash attention and no other."""
import contextlib
import json
import resource
import sys
import time

import torch

FIELDS = "layers width ffn heads kv_heads vocabulary length batch".split()


def attention(dtype, device):
    """The attention that a step is to use: on a GPU in bf16 flash attention, an error where it cannot."""
    if device == "cpu" or dtype == "f32":
        return contextlib.nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(SDPBackend.FLASH_ATTENTION)


def transformers_step(shape, dtype, peer, device):
    """transformers' Llama with fused AdamW. bf16 is autocast over f32 weights; for compile-bf16 the
    weights and AdamW's moments are bf16 too, which no other peer and not meap saves itself."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(
        num_hidden_layers=shape["layers"], hidden_size=shape["width"],
        intermediate_size=shape["ffn"], num_attention_heads=shape["heads"],
        num_key_value_heads=shape["kv_heads"], vocab_size=shape["vocabulary"],
        max_position_embeddings=shape["length"], tie_word_embeddings=False, use_cache=False))
    model.to(device)
    if peer == "compile-bf16":
        model.to(torch.bfloat16)
    forward = torch.compile(model) if peer.startswith("compile") else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95),
                                  weight_decay=0.05, fused=True)
    ids = torch.randint(0, shape["vocabulary"], (shape["batch"], shape["length"])).to(device)

    autocast = dtype == "bf16" and peer != "compile-bf16"

    def step():
        with torch.autocast(device, torch.bfloat16, enabled=autocast), attention(dtype, device):
            loss = forward(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def bound_step(shape, dtype, device):
    """The matrix products and the attention of a step, forward and backward, and nothing else: not
    even memory is taken, but by attention."""
    options = {"dtype": torch.bfloat16 if dtype == "bf16" else torch.float32, "device": device}
    tokens = shape["batch"] * shape["length"]
    head_dim = shape["width"] // shape["heads"]
    qkv = (shape["heads"] + 2 * shape["kv_heads"]) * head_dim
    layer = [(shape["width"], qkv), (shape["width"], shape["width"]),
             (shape["width"], 2 * shape["ffn"]), (shape["ffn"], shape["width"])]

    def product(inputs, outputs):
        """Input, weight and gradient of the result, and where to put the three products."""
        sizes = [(tokens, inputs), (outputs, inputs), (tokens, outputs)]
        return ([torch.randn(size, **options) for size in sizes],
                [torch.empty(size, **options) for size in sizes])

    products = [product(*sizes) for sizes in layer]
    head = product(shape["width"], shape["vocabulary"])
    q, k, v = (torch.randn(shape["batch"], shape["heads"], shape["length"], head_dim,
                           requires_grad=True, **options) for _ in range(3))
    grad = torch.randn(q.shape, **options)

    def run(operands, results):
        x, weight, grad_out = operands
        torch.mm(x, weight.t(), out=results[2])
        torch.mm(grad_out, weight, out=results[0])
        torch.mm(grad_out.t(), x, out=results[1])

    def step():
        for _ in range(shape["layers"]):
            for parts in products:
                run(*parts)
            with attention(dtype, device):
                out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            torch.autograd.grad(out, (q, k, v), grad)
        run(*head)
        return 0.0

    return step


def peak_bytes(device):
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    peer, numbers, dtype, threads, device = sys.argv[1:]
    shape = dict(zip(FIELDS, map(int, numbers.split(","))))
    torch.set_num_threads(int(threads))
    step = (bound_step(shape, dtype, device) if peer == "bound"
            else transformers_step(shape, dtype, peer, device))
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    for line in sys.stdin:
        seconds, loss = [], 0.0
        for _ in range(int(line)):
            start = time.perf_counter()
            loss = step()
            synchronize()
            seconds.append(time.perf_counter() - start)
        answer = {"seconds": seconds, "loss": loss, "peak_bytes": peak_bytes(device)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
