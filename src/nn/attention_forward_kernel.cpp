// Forward pass of attention on the CPU: FlashAttention's online softmax (Dao et al., 2022) over
// blocks of queries and keys.
#include <cmath>
#include <limits>

#include "nn/attention_kernel.h"
#include "nn/attention_plan.h"
#include "nn/cpu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nn/attention_forward_kernel.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#include <hwy/foreach_target.h>

#include "nn/attention_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {
namespace {

template <class T>
const T* Row(const TokenRows& rows, int64_t token, int64_t head, int64_t d) {
  return static_cast<const T*>(rows.data) + token * rows.stride + head * d;
}

template <class Units, class T>
void PackPiece(const AttentionForward& work, const HeadBlock& piece) {
  const AttentionInputs& in = work.inputs();
  const int64_t segment = piece.segment;
  const int64_t head = piece.kv_head;
  const int64_t d = in.head_dim;
  const KeyBlocks blocks(in.keys(segment), d);
  const TokenRows& k = in.cached.empty() ? in.k : in.cached[segment].k;
  const TokenRows& v = in.cached.empty() ? in.v : in.cached[segment].v;
  const int64_t token = (in.cached.empty() ? in.offsets[segment] : 0) + piece.block * blocks.keys;
  const int64_t keys = blocks.keys_of(piece.block);
  float* const keys_T = work.packed(segment, head) + piece.block * blocks.packed_size();
  PackTransposed<Units>(Row<T>(k, token, head, d), k.stride, keys, blocks.keys, d, keys_T,
                        blocks.step);
  PackRight<Units>(Row<T>(v, token, head, d), v.stride, keys, blocks.keys, d,
                   keys_T + blocks.transposed_size(), blocks.width);
}

/// Softmax so far of a block of queries: maximum and sum of each row, and the weighted values.
struct Running {
  float maximum[kQueryBlock];
  float sum[kQueryBlock];
  float* values;  // [kQueryBlock, width]
};

/// Turns one row of scores into weights relative to the new maximum; zeros from `limit` to `end`.
template <class T>
HWY_INLINE void SoftmaxRow(const float* scores, int64_t limit, int64_t end, float scale, T* weights,
                           float& maximum, float& sum) {
  Floats highest = Set(-std::numeric_limits<float>::infinity());
  int64_t j = 0;
  for (; j + Lanes() <= limit; j += Lanes()) highest = hn::Max(highest, Load(scores + j));
  float top = Max(highest);
  for (; j < limit; ++j) top = std::max(top, scores[j]);
  maximum = std::max(maximum, top * scale);
  const Floats shift = Set(-maximum);
  Floats total = Zero();
  for (j = 0; j < end; j += Lanes()) {
    Floats weight = Exp(hn::MulAdd(Load(scores + j), Set(scale), shift));
    if (j + Lanes() > limit) {
      const int64_t live = std::max<int64_t>(0, limit - j);
      weight = hn::IfThenElseZero(hn::FirstN(FloatTag(), static_cast<size_t>(live)), weight);
    }
    total = hn::Add(total, weight);
    Store(weight, weights + j);
  }
  sum += Sum(total);
}

/// Weights of one block, written over the scores or, as bf16, into `packed`; rows already summed
/// are scaled down where the maximum grew.
template <class Units>
void SoftmaxBlock(const Block& block, int64_t live_rows, float scale, int64_t width, Result scores,
                  Bf16* packed, Running& running) {
  for (int64_t r = 0; r < block.rows; ++r) {
    const int64_t group = r / kTileRows * kTileRows;
    const int64_t end = RoundUp(block.Limit(group), kPadding);
    if (end == 0) continue;
    float* row = scores.data + r * scores.step;
    const int64_t limit =
        r < live_rows ? std::clamp<int64_t>(block.offset + r + 1, 0, block.keys) : 0;
    if (limit == 0) {
      if (Units::kPack == 2) {
        std::fill_n(packed + r * scores.step, end, Bf16{0});
      } else {
        std::fill_n(row, end, 0.0f);
      }
      continue;
    }
    const float before = running.maximum[r];
    float sum = 0;
    if constexpr (Units::kPack == 2) {
      SoftmaxRow(row, limit, end, scale, packed + r * scores.step, running.maximum[r], sum);
    } else {
      SoftmaxRow(row, limit, end, scale, row, running.maximum[r], sum);
    }
    const float shrink = std::exp(before - running.maximum[r]);
    running.sum[r] = running.sum[r] * shrink + sum;
    if (shrink == 1.0f || std::isinf(before)) continue;
    float* values = running.values + r * width;
    for (int64_t i = 0; i < width; i += Lanes()) {
      Store(hn::Mul(Load(values + i), Set(shrink)), values + i);
    }
  }
}

template <class T>
void WriteRows(const AttentionForward& work, const AttentionForward::Task& task, int64_t rows,
               int64_t width, const Running& running) {
  const AttentionInputs& in = work.inputs();
  const int64_t d = in.head_dim;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t token = in.offsets[task.segment] + task.row + r;
    const int64_t place = token * in.heads + task.head;
    T* out = static_cast<T*>(work.out()) + place * d;
    const float* values = running.values + r * width;
    const Floats scale = Set(1.0f / running.sum[r]);
    int64_t i = 0;
    for (; i + Lanes() <= d; i += Lanes()) Store(hn::Mul(Load(values + i), scale), out + i);
    if (i < d) StorePart(hn::Mul(Load(values + i), scale), out + i, d - i);
    work.log_sum()[place] = running.maximum[r] + std::log(running.sum[r]);
  }
}

template <class Units, class T>
void RunPiece(const AttentionForward& work, const AttentionForward::Task& task, float* scratch) {
  const AttentionInputs& in = work.inputs();
  const int64_t d = in.head_dim;
  const KeyBlocks blocks(in.keys(task.segment), d);
  const int64_t rows = std::min(kQueryBlock, in.queries(task.segment) - task.row);
  const int64_t first = in.past(task.segment) + task.row;  // the first query's place among the keys
  const int64_t padded = RoundUp(rows, kTileRows);
  const int64_t units = (d + Units::kPack - 1) / Units::kPack;
  float* queries = scratch;
  Running running;
  running.values = queries + kQueryBlock * blocks.width;
  std::fill_n(running.maximum, kQueryBlock, -std::numeric_limits<float>::infinity());
  std::fill_n(running.sum, kQueryBlock, 0.0f);
  const Result scores{running.values + kQueryBlock * blocks.width, blocks.step};
  Bf16* weights = reinterpret_cast<Bf16*>(scores.data + kQueryBlock * blocks.step);
  PackLeft<Units>(Row<T>(in.q, in.offsets[task.segment] + task.row, task.head, d), in.q.stride,
                  rows, padded, d, queries, blocks.width);
  const float* keys_T = work.packed(task.segment, task.head / (in.heads / in.kv_heads));
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  for (int64_t i = 0; i * blocks.keys < first + rows; ++i) {
    const Block block{padded, blocks.keys_of(i), first - i * blocks.keys};
    ScoreProduct<Units>(block, {queries, blocks.width, 1}, {keys_T, blocks.step}, units, scores);
    SoftmaxBlock<Units>(block, rows, scale, blocks.width, scores, weights, running);
    const Left left = Units::kPack == 2
                          ? Left{reinterpret_cast<const float*>(weights), blocks.step / 2, 1}
                          : Left{scores.data, blocks.step, 1};
    WeightedSum<Units>(block, left, {keys_T + blocks.transposed_size(), blocks.width},
                       {running.values, blocks.width}, d, i > 0);
    keys_T += blocks.packed_size();
  }
  WriteRows<T>(work, task, rows, blocks.width, running);
}

template <class Units, class T>
void PackAll(const AttentionForward& work, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) PackPiece<Units, T>(work, work.pack(i));
}

template <class Units, class T>
void RunAll(const AttentionForward& work, int64_t begin, int64_t end) {
  const KeyBlocks largest(kKeyBlock, work.inputs().head_dim);
  const Scratch scratch(kQueryBlock * (2 * largest.width + 2 * largest.step));
  for (int64_t i = begin; i < end; ++i) RunPiece<Units, T>(work, work.task(i), scratch.get());
}

}  // namespace

void AttentionPack(const AttentionForward& work, int64_t begin, int64_t end) {
  if (work.inputs().element == Element::kF32) return PackAll<F32Units, float>(work, begin, end);
#if HWY_TARGET == HWY_AVX3
  if (GetCpuLevel() >= CpuLevel::kAvx512Bf16) return PackAll<Bf16Units, Bf16>(work, begin, end);
#endif
  PackAll<F32Units, Bf16>(work, begin, end);
}

void AttentionRun(const AttentionForward& work, int64_t begin, int64_t end) {
  if (work.inputs().element == Element::kF32) return RunAll<F32Units, float>(work, begin, end);
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

HWY_EXPORT(AttentionPack);
HWY_EXPORT(AttentionRun);

std::vector<HeadBlock> HeadBlocks(const AttentionInputs& inputs) {
  std::vector<HeadBlock> all;
  for (int64_t segment = 0; segment < inputs.segments(); ++segment) {
    const KeyBlocks blocks(inputs.keys(segment), inputs.head_dim);
    for (int64_t head = 0; head < inputs.kv_heads; ++head) {
      for (int64_t i = 0; i < blocks.count; ++i) all.push_back({segment, head, i});
    }
  }
  return all;
}

AttentionForward::AttentionForward(AttentionInputs inputs, void* out, float* log_sum)
    : inputs_(std::move(inputs)), out_(out), log_sum_(log_sum), packs_(HeadBlocks(inputs_)) {
  for (int64_t segment = 0; segment < inputs_.segments(); ++segment) {
    const KeyBlocks blocks(inputs_.keys(segment), inputs_.head_dim);
    pack_begin_.push_back(workspace_size_);
    pack_size_.push_back(blocks.count * blocks.packed_size());
    workspace_size_ += pack_size_.back() * inputs_.kv_heads;
    const int64_t count = (inputs_.queries(segment) + kQueryBlock - 1) / kQueryBlock;
    for (int64_t head = 0; head < inputs_.heads; ++head) {
      // Late blocks see more keys: first, last, second, last but one, ... evens out any stretch.
      for (int64_t i = 0; i < count; ++i) {
        const int64_t block = i % 2 == 0 ? i / 2 : count - 1 - i / 2;
        tasks_.push_back({segment, head, block * kQueryBlock});
      }
    }
  }
}

void AttentionForward::Pack(int64_t begin, int64_t end) const {
  HWY_DYNAMIC_DISPATCH(AttentionPack)(*this, begin, end);
}

void AttentionForward::Run(int64_t begin, int64_t end) const {
  HWY_DYNAMIC_DISPATCH(AttentionRun)(*this, begin, end);
}

}  // namespace meap
#endif
