// Attention over trees: branches see the trunk they grow from and themselves.
// Shapes: N tokens, H query heads, K key/value heads, G = H / K, d head width, P trunk tokens, M
// branch tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "infer/score_plan.h"
#include "nn/attention.h"

namespace meap {

/// The Attender of a batch of trees. Tokens stand as TreeLayout has them.
class TreeAttender : public Attender {
 public:
  TreeAttender(std::span<const ScoreTree> trees, at::ScalarType dtype, at::Device device);

  at::Tensor Attend(int64_t layer, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                    const at::Tensor& v_NKd) override;

 private:
  /// Some branches of one tree: their rows attend to the trunk and, by `mask`, to one another.
  struct Slice {
    int64_t trunk_begin, trunk_tokens;  // rows of the trunk
    int64_t begin, tokens;              // rows of the slice
    at::Tensor mask;                    // [M, P + M], 0 or -inf
  };
  static void AttendSlice(const Slice& slice, const at::Tensor& q_NHd, const at::Tensor& k_NKd,
                          const at::Tensor& v_NKd, const at::Tensor& out_NHd);

  Segments trunks_;
  std::vector<Slice> slices_;
};

/// The tokens of a batch in the order in which they are computed: all trunks, then the branches
/// tree by tree.
struct TreeLayout {
  std::vector<int64_t> tokens;
  std::vector<int64_t> positions;  // in their own sequence

  /// A judged row: `target` is the token that should follow.
  struct Judged {
    int64_t row;
    int64_t target;
    size_t request;
    size_t index;  // of the target in its continuation's scored tail
  };
  std::vector<Judged> judged;  // by row
};

TreeLayout LayOut(std::span<const ScoreTree> trees);

}  // namespace meap
