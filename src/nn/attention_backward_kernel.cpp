// Backward pass of attention on the CPU: scores are made again block by block (Dao et al., 2022),
// so that nothing of size T x T is ever held.
#include <cmath>

#include "nn/attention_kernel.h"
#include "nn/attention_plan.h"
#include "nn/cpu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/attention_backward_kernel.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>

#include "nn/attention_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace {

template <class T>
T* Row(const TokenRows& rows, int64_t token, int64_t head, int64_t d) {
  return static_cast<T*>(const_cast<void*>(rows.data)) + token * rows.stride + head * d;
}

/// Memory of one thread, all in f32 numbers.
struct Buffers {
  Buffers(int64_t group, int64_t longest, int64_t head_dim)
      : blocks(longest, head_dim),
        rows(RoundUp(longest, kQueryBlock)),
        size(group * rows * (blocks.width + 1) + 2 * blocks.transposed_size() +
             3 * blocks.plain_size() + 4 * kQueryBlock * blocks.width +
             4 * kQueryBlock * blocks.step),
        memory(size) {
    float* p = memory.get();
    const auto take = [&p](int64_t count) {
      float* taken = p;
      p += count;
      return taken;
    };
    grad_q = take(group * rows * blocks.width);
    delta = take(group * rows);
    keys_T = take(blocks.transposed_size());
    values_T = take(blocks.transposed_size());
    keys = take(blocks.plain_size());
    grad_k = take(blocks.plain_size());
    grad_v = take(blocks.plain_size());
    q_left = take(kQueryBlock * blocks.width);
    q_right = take(kQueryBlock * blocks.width);
    grad_left = take(kQueryBlock * blocks.width);
    grad_right = take(kQueryBlock * blocks.width);
    scores = take(kQueryBlock * blocks.step);
    grad_weights = take(kQueryBlock * blocks.step);
    weights_packed = take(kQueryBlock * blocks.step);
    grad_scores_left = take(kQueryBlock * blocks.step);
  }

  KeyBlocks blocks;
  int64_t rows;
  int64_t size;
  Scratch memory;
  float *grad_q, *delta;            // of a whole segment, for each head of the group
  float *keys_T, *values_T, *keys;  // one block of keys, packed
  float *grad_k, *grad_v;           // sums of its gradients
  float *q_left, *q_right;          // one block of queries, packed in two ways
  float *grad_left, *grad_right;    // the same of the result's gradient
  float *scores, *grad_weights;     // [queries, keys] of the block, f32
  float* weights_packed;            // bf16 only: pairs of rows, as a transposed left factor
  float* grad_scores_left;          // bf16 only: row-major
};

/// Two rows of weights (from scores) and of gradients of scores (from gradients of weights), bf16:
/// written as pairs of rows, and the gradients also row by row.
struct PairRows {
  float* scores;        // two rows, `step` apart
  float* grad_weights;  // two rows; gets the pairs of gradients of scores in its first row
  float* weights;       // one row of pairs
  Bf16* grad_scores;    // two rows, `step` apart
  int64_t step;
};

HWY_INLINE Floats Paired(Floats low, Floats high) {
  const WordTag words;
  const auto upper = hn::And(RoundedBits(high), hn::Set(words, 0xFFFF0000u));
  return hn::BitCast(FloatTag(), hn::Or(hn::ShiftRight<16>(RoundedBits(low)), upper));
}

struct RowState {
  float log_sum;
  float delta;
  int64_t limit;  // keys this row sees
};

HWY_INLINE void GradScores(const float* scores, const float* grad_weights, const RowState& row,
                           float scale, int64_t j, Floats& weight, Floats& grad) {
  weight = Exp(hn::MulAdd(Load(scores + j), Set(scale), Set(-row.log_sum)));
  grad = hn::Mul(hn::Mul(weight, Set(scale)), hn::Sub(Load(grad_weights + j), Set(row.delta)));
  if (j + Lanes() > row.limit) {
    const auto live =
        hn::FirstN(FloatTag(), static_cast<size_t>(std::max<int64_t>(0, row.limit - j)));
    weight = hn::IfThenElseZero(live, weight);
    grad = hn::IfThenElseZero(live, grad);
  }
}

/// Rows r and r + 1 of a block; see PairRows. In f32 the results take the place of the inputs.
template <class Units>
HWY_INLINE void GradScoresPair(const PairRows& pair, const RowState* states, float scale,
                               int64_t end) {
  for (int64_t j = 0; j < end; j += Lanes()) {
    Floats weight[2], grad[2];
    for (int i = 0; i < 2; ++i) {
      GradScores(pair.scores + i * pair.step, pair.grad_weights + i * pair.step, states[i], scale,
                 j, weight[i], grad[i]);
    }
    if constexpr (Units::kPack == 2) {
      Store(Paired(weight[0], weight[1]), pair.weights + j);
      Store(Paired(grad[0], grad[1]), pair.grad_weights + j);
      for (int i = 0; i < 2; ++i) Store(grad[i], pair.grad_scores + i * pair.step + j);
    } else {
      for (int i = 0; i < 2; ++i) {
        Store(weight[i], pair.scores + i * pair.step + j);
        Store(grad[i], pair.grad_weights + i * pair.step + j);
      }
    }
  }
}

/// One piece of the backward pass: a segment and a key/value head with its query heads.
template <class Units, class T>
class Piece {
 public:
  Piece(const AttentionBackward& work, const Buffers& buffers, int64_t segment, int64_t kv_head)
      : work_(work),
        in_(work.inputs),
        b_(buffers),
        d_(in_.head_dim),
        units_((d_ + Units::kPack - 1) / Units::kPack),
        blocks_(in_.offsets[segment + 1] - in_.offsets[segment], d_),
        start_(in_.offsets[segment]),
        kv_head_(kv_head),
        group_(in_.heads / in_.kv_heads),
        scale_(1.0f / std::sqrt(static_cast<float>(d_))) {}

  void Run() {
    for (int64_t g = 0; g < group_; ++g) {
      for (int64_t r = 0; r < blocks_.length; ++r) Delta(g)[r] = RowDelta(start_ + r, Head(g));
    }
    for (int64_t i = 0; i < blocks_.count; ++i) KeyBlock(i);
    for (int64_t g = 0; g < group_; ++g) {
      WriteRows(GradQ(g), blocks_.length, work_.grad_q, start_, Head(g));
    }
  }

 private:
  int64_t Head(int64_t g) const { return kv_head_ * group_ + g; }
  float* GradQ(int64_t g) const { return b_.grad_q + g * b_.rows * blocks_.width; }
  float* Delta(int64_t g) const { return b_.delta + g * b_.rows; }

  /// sum over d of out * grad_out: what the softmax's normalisation takes from each gradient.
  float RowDelta(int64_t token, int64_t head) const {
    const T* out = Row<T>(work_.out, token, head, d_);
    const T* grad = Row<T>(work_.grad_out, token, head, d_);
    Floats sum = Zero();
    int64_t i = 0;
    for (; i + Lanes() <= d_; i += Lanes()) sum = hn::MulAdd(Load(out + i), Load(grad + i), sum);
    if (i < d_) sum = hn::MulAdd(LoadPart(out + i, d_ - i), LoadPart(grad + i, d_ - i), sum);
    return Sum(sum);
  }

  void KeyBlock(int64_t i) {
    const int64_t first = i * blocks_.keys;
    const int64_t keys = blocks_.keys_of(i);
    const T* k = Row<T>(in_.k, start_ + first, kv_head_, d_);
    const T* v = Row<T>(in_.v, start_ + first, kv_head_, d_);
    PackTransposed<Units>(k, in_.k.stride, keys, blocks_.keys, d_, b_.keys_T, blocks_.step);
    PackTransposed<Units>(v, in_.v.stride, keys, blocks_.keys, d_, b_.values_T, blocks_.step);
    PackRight<Units>(k, in_.k.stride, keys, blocks_.keys, d_, b_.keys, blocks_.width);
    std::fill_n(b_.grad_k, blocks_.plain_size(), 0.0f);
    std::fill_n(b_.grad_v, blocks_.plain_size(), 0.0f);
    for (int64_t g = 0; g < group_; ++g) {
      for (int64_t row = first / kQueryBlock * kQueryBlock; row < blocks_.length;
           row += kQueryBlock) {
        QueryBlock(
            g, row,
            {RoundUp(std::min(kQueryBlock, blocks_.length - row), kTileRows), keys, row - first});
      }
    }
    WriteRows(b_.grad_k, keys, work_.grad_k, start_ + first, kv_head_);
    WriteRows(b_.grad_v, keys, work_.grad_v, start_ + first, kv_head_);
  }

  void PackQueries(int64_t head, int64_t row, int64_t padded) const {
    const int64_t rows = std::min(kQueryBlock, blocks_.length - row);
    const T* q = Row<T>(in_.q, start_ + row, head, d_);
    const T* grad = Row<T>(work_.grad_out, start_ + row, head, d_);
    const int64_t width = blocks_.width;
    PackRight<Units>(q, in_.q.stride, rows, padded, d_, b_.q_right, width);
    PackRight<Units>(grad, work_.grad_out.stride, rows, padded, d_, b_.grad_right, width);
    if constexpr (Units::kPack == 2) {  // else the packed right factor serves as a left one too
      PackLeft<Units>(q, in_.q.stride, rows, padded, d_, b_.q_left, width);
      PackLeft<Units>(grad, work_.grad_out.stride, rows, padded, d_, b_.grad_left, width);
    }
  }

  void QueryBlock(int64_t g, int64_t row, const Block& block) {
    constexpr bool kPairs = Units::kPack == 2;
    const int64_t width = blocks_.width;
    const int64_t step = blocks_.step;
    PackQueries(Head(g), row, block.rows);
    ScoreProduct<Units>(block, {kPairs ? b_.q_left : b_.q_right, width, 1}, {b_.keys_T, step},
                        units_, {b_.scores, step});
    ScoreProduct<Units>(block, {kPairs ? b_.grad_left : b_.grad_right, width, 1},
                        {b_.values_T, step}, units_, {b_.grad_weights, step});
    const int64_t pair_step = kPairs ? 2 * step : step;
    GradScoresBlock(g, row, block);
    TransposedSum<Units>(block, {kPairs ? b_.weights_packed : b_.scores, pair_step},
                         {b_.grad_right, width}, {b_.grad_v, width}, d_);
    TransposedSum<Units>(block, {b_.grad_weights, pair_step}, {b_.q_right, width},
                         {b_.grad_k, width}, d_);
    const Left grad_scores =
        kPairs ? Left{b_.grad_scores_left, step / 2, 1} : Left{b_.grad_weights, step, 1};
    WeightedSum<Units>(block, grad_scores, {b_.keys, width}, {GradQ(g) + row * width, width}, d_,
                       row - block.offset > 0);
  }

  void GradScoresBlock(int64_t g, int64_t row, const Block& block) const {
    const int64_t step = blocks_.step;
    for (int64_t r = 0; r < block.rows; r += 2) {
      RowState states[2];
      for (int64_t i = 0; i < 2; ++i)
        states[i] = State(g, row + r + i, block.offset + r + i, block);
      const PairRows pair{b_.scores + r * step, b_.grad_weights + r * step,
                          b_.weights_packed + r * step,
                          reinterpret_cast<Bf16*>(b_.grad_scores_left) + r * step, step};
      const int64_t end = RoundUp(block.Limit(r / kTileRows * kTileRows), kPadding);
      GradScoresPair<Units>(pair, states, scale_, end);
    }
  }

  RowState State(int64_t g, int64_t row, int64_t last_key, const Block& block) const {
    if (row >= blocks_.length) return {0.0f, 0.0f, 0};
    return {work_.log_sum[(start_ + row) * in_.heads + Head(g)], Delta(g)[row],
            std::clamp<int64_t>(last_key + 1, 0, block.keys)};
  }

  void WriteRows(const float* from, int64_t rows, const TokenRows& to, int64_t token,
                 int64_t head) const {
    for (int64_t r = 0; r < rows; ++r) {
      const float* line = from + r * blocks_.width;
      T* out = Row<T>(to, token + r, head, d_);
      int64_t i = 0;
      for (; i + Lanes() <= d_; i += Lanes()) Store(Load(line + i), out + i);
      if (i < d_) StorePart(Load(line + i), out + i, d_ - i);
    }
  }

  const AttentionBackward& work_;
  const AttentionInputs& in_;
  const Buffers& b_;
  int64_t d_;
  int64_t units_;
  KeyBlocks blocks_;
  int64_t start_;
  int64_t kv_head_;
  int64_t group_;
  float scale_;
};

template <class Units, class T>
void RunAll(const AttentionBackward& work, int64_t begin, int64_t end) {
  const AttentionInputs& in = work.inputs;
  int64_t longest = 1;
  for (int64_t i = begin / in.kv_heads; i * in.kv_heads < end; ++i) {
    longest = std::max(longest, in.offsets[i + 1] - in.offsets[i]);
  }
  const Buffers buffers(in.heads / in.kv_heads, longest, in.head_dim);
  for (int64_t i = begin; i < end; ++i) {
    Piece<Units, T>(work, buffers, i / in.kv_heads, i % in.kv_heads).Run();
  }
}

}  // namespace

void AttentionGradients(const AttentionBackward& work, int64_t begin, int64_t end) {
  if (work.inputs.element == Element::kF32) return RunAll<F32Units, float>(work, begin, end);
#if HWY_TARGET == HWY_AVX3
  if (GetCpuLevel() >= CpuLevel::kAvx512Bf16) return RunAll<Bf16Units, Bf16>(work, begin, end);
#endif
  RunAll<F32Units, Bf16>(work, begin, end);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace meap {

HWY_EXPORT(AttentionGradients);

void AttentionBackward::Run(int64_t begin, int64_t end) const {
  HWY_DYNAMIC_DISPATCH(AttentionGradients)(*this, begin, end);
}

}  // namespace meap
#endif
