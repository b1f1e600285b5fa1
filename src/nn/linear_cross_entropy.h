// Output head and cross-entropy in one operator that never holds the N x V logits.
// Shapes: N tokens, D width, V vocabulary.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace meap {

/// Label of a position without loss.
inline constexpr int64_t kIgnoreLabel = -100;

/// Rows whose logits are held at a time: 128 MiB of them, each element_size bytes. Smaller blocks
/// would pass over the head's gradient more often than over the logits themselves.
int64_t CrossEntropyBlockRows(int64_t vocabulary, int64_t element_size);

struct CrossEntropy {
  at::Tensor loss;   // f32 scalar: scale * sum over positions with loss; differentiable
  at::Tensor nll_N;  // f32, -log p(target) of each position, 0 where there is no loss; no gradient
};

/// Cross-entropy of softmax(hidden weight^T) against targets_N (int64, kIgnoreLabel = no loss). The
/// targets may be on the CPU while the rest is on a GPU: then nothing waits for that, which it must
/// to find the positions with loss among targets of its own. The head is computed only where there
/// is loss, a block of rows at a time, softmax in f32. `scale` is 1 / (tokens with loss in the
/// whole global batch), so that the sum over micro-batches and ranks is the mean. Where a gradient
/// is wanted, it is made in the forward pass, block by block, so that no logit is computed twice.
CrossEntropy LinearCrossEntropy(const at::Tensor& hidden_ND, const at::Tensor& weight_VD,
                                const at::Tensor& targets_N, double scale);

/// The same with a frozen head but for one row: `row_1D` [1, D] must hold row `row` of the weight
/// (may share its memory) and gets its gradient, the other rows get none.
CrossEntropy FrozenHeadCrossEntropy(const at::Tensor& hidden_ND, const at::Tensor& weight_VD,
                                    const at::Tensor& targets_N, double scale, int64_t row,
                                    const at::Tensor& row_1D);

namespace reference {
/// The same in plain libtorch, holding all logits: for tests.
CrossEntropy LinearCrossEntropy(const at::Tensor& hidden_ND, const at::Tensor& weight_VD,
                                const at::Tensor& targets_N, double scale);
}  // namespace reference

}  // namespace meap
