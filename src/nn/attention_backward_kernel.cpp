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

/// Memory of one thread, all in f32 numbers: for segments up to `longest`, of which one piece makes
/// the gradients of up to `most_queries` positions as queries.
struct Buffers {
  Buffers(int64_t group, int64_t longest, int64_t most_queries, int64_t head_dim)
      : blocks(longest, head_dim),
        rows(RoundUp(longest, kQueryBlock)),
        query_rows(RoundUp(most_queries, kQueryBlock)),
        size(group * (query_rows * blocks.width + rows) + 2 * blocks.transposed_size() +
             3 * blocks.plain_size() + 4 * kQueryBlock * blocks.width +
             4 * kQueryBlock * blocks.step),
        memory(size) {
    float* p = memory.get();
    const auto take = [&p](int64_t count) {
      float* taken = p;
      p += count;
      return taken;
    };
    grad_q = take(group * query_rows * blocks.width);
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
  int64_t rows, query_rows;
  int64_t size;
  Scratch memory;
  float* grad_q;                    // of the piece's queries, for each head of the group
  float* delta;                     // of a whole segment, likewise
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

/// One piece of the backward pass: a segment and a key/value head with its query heads, or a block
/// of it.
template <class Units, class T>
class Piece {
 public:
  Piece(const AttentionBackward& work, const Buffers& buffers, const HeadBlock& piece)
      : work_(work),
        in_(work.inputs),
        b_(buffers),
        d_(in_.head_dim),
        units_((d_ + Units::kPack - 1) / Units::kPack),
        blocks_(in_.queries(piece.segment), d_),
        start_(in_.offsets[piece.segment]),
        kv_head_(piece.kv_head),
        first_block_(piece.block == AttentionBackward::kWhole ? 0 : piece.block),
        end_block_(piece.block == AttentionBackward::kWhole ? blocks_.count : piece.block + 1),
        first_query_(first_block_ * blocks_.keys),
        end_query_(std::min(blocks_.length, end_block_ * blocks_.keys)),
        group_(in_.heads / in_.kv_heads),
        scale_(1.0f / std::sqrt(static_cast<float>(d_))) {}

  void Run() {
    for (int64_t g = 0; g < group_; ++g) {
      for (int64_t r = first_query_; r < blocks_.length; ++r) {
        Delta(g)[r] = RowDelta(start_ + r, Head(g));
      }
    }
    for (int64_t i = 0; i < first_block_; ++i) OlderKeys(i);
    for (int64_t i = first_block_; i < end_block_; ++i) OwnKeys(i);
    for (int64_t g = 0; g < group_; ++g) {
      WriteRows(GradQ(g, first_query_), end_query_ - first_query_, work_.grad_q,
                start_ + first_query_, Head(g));
    }
  }

 private:
  int64_t Head(int64_t g) const { return kv_head_ * group_ + g; }
  float* GradQ(int64_t g, int64_t row) const {
    return b_.grad_q + (g * b_.query_rows + row - first_query_) * blocks_.width;
  }
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

  void PackKeys(int64_t first, int64_t keys) const {
    const T* k = Row<T>(in_.k, start_ + first, kv_head_, d_);
    const T* v = Row<T>(in_.v, start_ + first, kv_head_, d_);
    PackTransposed<Units>(k, in_.k.stride, keys, blocks_.keys, d_, b_.keys_T, blocks_.step);
    PackTransposed<Units>(v, in_.v.stride, keys, blocks_.keys, d_, b_.values_T, blocks_.step);
    PackRight<Units>(k, in_.k.stride, keys, blocks_.keys, d_, b_.keys, blocks_.width);
  }

  /// Block i against the piece's queries, all of which see all of it: for their gradients alone.
  void OlderKeys(int64_t i) const {
    const int64_t first = i * blocks_.keys;
    PackKeys(first, blocks_.keys);
    for (int64_t g = 0; g < group_; ++g) {
      for (int64_t row = first_query_; row < end_query_; row += kQueryBlock) {
        const Block block = BlockAt(row, first, blocks_.keys);
        Scores(g, row, block);
        AddGradQ(g, row, block);
      }
    }
  }

  /// Block i, one of the piece's, against all queries that see some of it: for its own gradients,
  /// and for those of the piece's queries.
  void OwnKeys(int64_t i) const {
    const int64_t first = i * blocks_.keys;
    const int64_t keys = blocks_.keys_of(i);
    PackKeys(first, keys);
    std::fill_n(b_.grad_k, blocks_.plain_size(), 0.0f);
    std::fill_n(b_.grad_v, blocks_.plain_size(), 0.0f);
    for (int64_t g = 0; g < group_; ++g) {
      for (int64_t row = first; row < blocks_.length; row += kQueryBlock) {
        const Block block = BlockAt(row, first, keys);
        Scores(g, row, block);
        AddGradKeys(g, row, block);
        if (row < end_query_) AddGradQ(g, row, block);
      }
    }
    WriteRows(b_.grad_k, keys, work_.grad_k, start_ + first, kv_head_);
    WriteRows(b_.grad_v, keys, work_.grad_v, start_ + first, kv_head_);
  }

  /// The queries from `row` on against the keys from `first` on.
  Block BlockAt(int64_t row, int64_t first, int64_t keys) const {
    return {RoundUp(std::min(kQueryBlock, blocks_.length - row), kTileRows), keys, row - first};
  }

  /// Queries and the result's gradient as left factors; in f32 as right ones too, which are alike.
  void PackQueries(int64_t g, int64_t row, const Block& block) const {
    if constexpr (kPairs) {
      const int64_t rows = std::min(kQueryBlock, blocks_.length - row);
      PackLeft<Units>(Row<T>(in_.q, start_ + row, Head(g), d_), in_.q.stride, rows, block.rows, d_,
                      b_.q_left, blocks_.width);
      PackLeft<Units>(Row<T>(work_.grad_out, start_ + row, Head(g), d_), work_.grad_out.stride,
                      rows, block.rows, d_, b_.grad_left, blocks_.width);
    } else {
      PackQueriesRight(g, row, block);
    }
  }

  void PackQueriesRight(int64_t g, int64_t row, const Block& block) const {
    const int64_t rows = std::min(kQueryBlock, blocks_.length - row);
    PackRight<Units>(Row<T>(in_.q, start_ + row, Head(g), d_), in_.q.stride, rows, block.rows, d_,
                     b_.q_right, blocks_.width);
    PackRight<Units>(Row<T>(work_.grad_out, start_ + row, Head(g), d_), work_.grad_out.stride, rows,
                     block.rows, d_, b_.grad_right, blocks_.width);
  }

  /// Weights of a block and the gradients of its scores, as the products below read them.
  void Scores(int64_t g, int64_t row, const Block& block) const {
    const int64_t width = blocks_.width;
    const int64_t step = blocks_.step;
    PackQueries(g, row, block);
    ScoreProduct<Units>(block, {kPairs ? b_.q_left : b_.q_right, width, 1}, {b_.keys_T, step},
                        units_, {b_.scores, step});
    ScoreProduct<Units>(block, {kPairs ? b_.grad_left : b_.grad_right, width, 1},
                        {b_.values_T, step}, units_, {b_.grad_weights, step});
    GradScoresBlock(g, row, block);
  }

  void AddGradKeys(int64_t g, int64_t row, const Block& block) const {
    const int64_t width = blocks_.width;
    const int64_t pair_step = kPairs ? 2 * blocks_.step : blocks_.step;
    if constexpr (kPairs) PackQueriesRight(g, row, block);
    TransposedSum<Units>(block, {kPairs ? b_.weights_packed : b_.scores, pair_step},
                         {b_.grad_right, width}, {b_.grad_v, width}, d_);
    TransposedSum<Units>(block, {b_.grad_weights, pair_step}, {b_.q_right, width},
                         {b_.grad_k, width}, d_);
  }

  void AddGradQ(int64_t g, int64_t row, const Block& block) const {
    const int64_t step = blocks_.step;
    const Left grad_scores =
        kPairs ? Left{b_.grad_scores_left, step / 2, 1} : Left{b_.grad_weights, step, 1};
    const bool first_keys = row == block.offset;
    WeightedSum<Units>(block, grad_scores, {b_.keys, blocks_.width}, {GradQ(g, row), blocks_.width},
                       d_, !first_keys);
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

  static constexpr bool kPairs = Units::kPack == 2;
  const AttentionBackward& work_;
  const AttentionInputs& in_;
  const Buffers& b_;
  int64_t d_;
  int64_t units_;
  KeyBlocks blocks_;
  int64_t start_;
  int64_t kv_head_;
  int64_t first_block_, end_block_;  // the piece's blocks of positions
  int64_t first_query_, end_query_;  // the same positions
  int64_t group_;
  float scale_;
};

template <class Units, class T>
void RunAll(const AttentionBackward& work, int64_t begin, int64_t end) {
  const AttentionInputs& in = work.inputs;
  int64_t longest = 1, most_queries = 1;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t length = in.queries(work.cut[i].segment);
    const bool whole = work.cut[i].block == AttentionBackward::kWhole;
    longest = std::max(longest, length);
    most_queries = std::max(most_queries, whole ? length : std::min(length, meap::kKeyBlock));
  }
  const Buffers buffers(in.heads / in.kv_heads, longest, most_queries, in.head_dim);
  for (int64_t i = begin; i < end; ++i) Piece<Units, T>(work, buffers, work.cut[i]).Run();
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

void AttentionBackward::Cut(int threads) {
  cut = HeadBlocks(inputs);
  const auto blocks = static_cast<int64_t>(cut.size());
  const int64_t whole = inputs.segments() * inputs.kv_heads;
  // Time is that of the thread with the most pieces, taken as equal: its share of all of them. The
  // work of blocks is some four thirds of the whole: seven products for five off the diagonal.
  const auto most = [&](int64_t pieces) { return (pieces + threads - 1) / threads; };
  if (4 * most(blocks) * whole < 3 * most(whole) * blocks) return;
  cut.clear();
  for (int64_t i = 0; i < whole; ++i) {
    cut.push_back({i / inputs.kv_heads, i % inputs.kv_heads, kWhole});
  }
}

void AttentionBackward::Run(int64_t begin, int64_t end) const {
  HWY_DYNAMIC_DISPATCH(AttentionGradients)(*this, begin, end);
}

}  // namespace meap
#endif
