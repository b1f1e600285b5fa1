"""torch.ops.meap.*, the operators as Python sees them, against transformers' own modules."""
import pytest
import torch
from transformers.models.llama.modeling_llama import LlamaConfig, LlamaMLP, LlamaRMSNorm

from conftest import MEAP


@pytest.fixture(scope="module", autouse=True)
def library():
    path = MEAP.parent / "libmeap_ops.so"
    assert path.exists(), f"{path} is not built"
    torch.ops.load_library(str(path))


def grads(results, inputs):
    seeds = [torch.linspace(-1, 1, r.numel()).reshape(r.shape).to(r.dtype) for r in results]
    return list(results) + list(torch.autograd.grad(results, inputs, seeds))


def assert_alike(ours, theirs, tolerance):
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a.float(), b.float(), rtol=tolerance, atol=tolerance * max(1, b.abs().max().item()))


@pytest.mark.parametrize("dtype,tolerance", [(torch.float32, 1e-5), (torch.bfloat16, 4e-2)])
def test_rms_norm(dtype, tolerance):
    torch.manual_seed(0)
    norm = LlamaRMSNorm(48, eps=1e-5).to(dtype)
    norm.weight.data.normal_()
    x = torch.randn(9, 48, dtype=dtype, requires_grad=True)
    ours = torch.ops.meap.rms_norm(x, norm.weight, 1e-5)
    assert_alike(grads([ours], [x, norm.weight]), grads([norm(x)], [x, norm.weight]), tolerance)


def test_swiglu():
    torch.manual_seed(0)
    mlp = LlamaMLP(LlamaConfig(hidden_size=24, intermediate_size=40))
    x = torch.randn(7, 24, requires_grad=True)
    weight = torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])
    ours = torch.ops.meap.swiglu(x @ weight.t()) @ mlp.down_proj.weight.t()
    assert_alike(grads([ours], [x]), grads([mlp(x)], [x]), 1e-5)


@pytest.mark.parametrize("dtype,tolerance", [(torch.float32, 2e-5), (torch.bfloat16, 4e-2)])
def test_packed_attention(dtype, tolerance):
    torch.manual_seed(0)
    q, k, v = (torch.randn(130, heads, 16, dtype=dtype, requires_grad=True) for heads in (4, 2, 2))
    offsets = [0, 100, 101, 130]
    parts = [slice(a, b) for a, b in zip(offsets, offsets[1:])]
    theirs = torch.cat([
        torch.nn.functional.scaled_dot_product_attention(
            *(x[part].transpose(0, 1) for x in (q, k, v)), is_causal=True, enable_gqa=True).transpose(0, 1)
        for part in parts])
    ours = torch.ops.meap.packed_attention(q, k, v, offsets)
    assert_alike(grads([ours], [q, k, v]), grads([theirs], [q, k, v]), tolerance)


def test_linear_cross_entropy():
    torch.manual_seed(0)
    hidden = torch.randn(30, 16, requires_grad=True)
    weight = torch.randn(101, 16, requires_grad=True)
    targets = torch.randint(101, (30,))
    targets[::4] = -100
    loss, nll = torch.ops.meap.linear_cross_entropy(hidden, weight, targets, 0.5)
    each = torch.nn.functional.cross_entropy(hidden @ weight.t(), targets, reduction="none")
    assert_alike([nll.detach()], [each.detach()], 1e-5)
    assert_alike(grads([loss], [hidden, weight]), grads([0.5 * each.sum()], [hidden, weight]), 1e-5)


def test_rotate_qkv_leaves_its_input_alone():
    torch.manual_seed(0)
    qkv = torch.randn(5, 4, 8)
    before = qkv.clone()
    angles = torch.outer(torch.arange(5.0), torch.tensor([1.0, 0.1, 0.01, 0.001]))
    q, k, v = torch.ops.meap.rotate_qkv(qkv, 2, 1, angles.cos(), angles.sin(), torch.arange(5))
    assert torch.equal(qkv, before) and torch.equal(v, qkv[:, 3:])
    cos, sin = (torch.cat([f, f], -1)[:, None] for f in (angles.cos(), angles.sin()))
    half = torch.cat([-qkv[..., 4:], qkv[..., :4]], -1)
    assert_alike([torch.cat([q, k], 1)], [(qkv * cos + half * sin)[:, :3]], 1e-5)


def test_adamw_equals_torch():
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(1000))
    master, m, v = weight.detach().clone(), torch.zeros(1000), torch.zeros(1000)
    copy = torch.empty(1000, dtype=torch.bfloat16)
    optimizer = torch.optim.AdamW([weight], lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    for step in range(1, 6):
        weight.grad = torch.randn(1000)
        torch.ops.meap.adamw_(master, m, v, weight.grad, copy, step, 1.0, 1e-2, 0.9, 0.95, 1e-8, 0.1)
        optimizer.step()
    torch.testing.assert_close(master, weight.detach(), rtol=1e-5, atol=1e-6)
    assert torch.equal(copy, master.to(torch.bfloat16))


def test_grad_norm_equals_torch():
    torch.manual_seed(0)
    for dtype in (torch.float32, torch.bfloat16):
        grads = [torch.randn(size).to(dtype) for size in ((3, 5), (70001,), (0,))]
        theirs = torch.nn.utils.get_total_norm([g.double() for g in grads]).item()
        assert torch.ops.meap.grad_norm(grads) == pytest.approx(theirs, rel=1e-6)
