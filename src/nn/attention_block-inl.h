// What attention's forward and backward kernels share: the shape of blocks, packing of operands,
// and products of blocks under the causal mask. Rows are queries, columns keys; d head width.
#include <algorithm>
#include <memory>

#include "nn/block_gemm-inl.h"

// NOLINTNEXTLINE: the toggle stands for an include guard that opens again for each target.
#if defined(MEAP_NN_ATTENTION_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MEAP_NN_ATTENTION_BLOCK_INL_H_
#undef MEAP_NN_ATTENTION_BLOCK_INL_H_
#else
#define MEAP_NN_ATTENTION_BLOCK_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace meap {
namespace HWY_NAMESPACE {

/// A piece of memory for one thread.
class Scratch {
 public:
  explicit Scratch(int64_t count)
      : data_(static_cast<float*>(::operator new(count * sizeof(float), std::align_val_t(64)))) {}
  float* get() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* p) const { ::operator delete(p, std::align_val_t(64)); }
  };
  std::unique_ptr<float, Free> data_;
};

/// Units of `row` from element i on, as one word; beyond `count` elements there are zeros.
template <class Units, class T>
HWY_INLINE uint32_t UnitAt(const T* row, int64_t i, int64_t count) {
  if constexpr (Units::kPack == 2) {
    const uint32_t low = static_cast<uint16_t>(row[i]);
    const uint32_t high = i + 1 < count ? static_cast<uint16_t>(row[i + 1]) : 0;
    return low | high << 16;
  } else if constexpr (sizeof(T) == 2) {
    return static_cast<uint32_t>(static_cast<uint16_t>(row[i])) << 16;
  } else {
    uint32_t word;
    std::memcpy(&word, row + i, sizeof(word));
    return word;
  }
}

/// to[unit * step + r] = unit of row r, for r < padded_rows (zeros from `rows` on): a right factor
/// summed over d.
template <class Units, class T>
void PackTransposed(const T* from, int64_t stride, int64_t rows, int64_t padded_rows, int64_t d,
                    float* to, int64_t step) {
  uint32_t* words = reinterpret_cast<uint32_t*>(to);
  const int64_t units = (d + Units::kPack - 1) / Units::kPack;
  constexpr int64_t kGroup = 16;  // one cache line of `to` at a time
  for (int64_t r0 = 0; r0 < padded_rows; r0 += kGroup) {
    const int64_t live = std::clamp<int64_t>(rows - r0, 0, kGroup);
    for (int64_t u = 0; u < units; ++u) {
      uint32_t* line = words + u * step + r0;
      for (int64_t r = 0; r < live; ++r) {
        line[r] = UnitAt<Units>(from + (r0 + r) * stride, u * Units::kPack, d);
      }
      for (int64_t r = live; r < kGroup; ++r) line[r] = 0;
    }
  }
}

/// to[row * step + unit]: a left factor summed over d; zeros in rows from `rows` on.
template <class Units, class T>
void PackLeft(const T* from, int64_t stride, int64_t rows, int64_t padded_rows, int64_t d,
              float* to, int64_t step) {
  const int64_t units = (d + Units::kPack - 1) / Units::kPack;
  for (int64_t r = 0; r < padded_rows; ++r) {
    float* line = to + r * step;
    const T* row = from + r * stride;
    if (r >= rows) {
      std::fill_n(line, units, 0.0f);
    } else if constexpr (Units::kPack == 2) {
      line[units - 1] = 0;
      std::memcpy(line, row, d * sizeof(T));
    } else {
      int64_t i = 0;
      for (; i + Lanes() <= d; i += Lanes()) Store(Load(row + i), line + i);
      if (i < d) StorePart(LoadPart(row + i, d - i), line + i, d - i);
    }
  }
}

/// to[(row / pack) * step + column]: a right factor summed over rows; zeros beyond `rows` and d.
template <class Units, class T>
void PackRight(const T* from, int64_t stride, int64_t rows, int64_t padded_rows, int64_t d,
               float* to, int64_t step) {
  for (int64_t r = 0; r < padded_rows; r += Units::kPack) {
    float* line = to + r / Units::kPack * step;
    for (int64_t i = 0; i < d; i += Lanes()) {
      const int64_t count = std::min(d - i, Lanes());
      const auto load = [&](int64_t row) HWY_ATTR {
        if (row >= rows) return Zero();
        const T* p = from + row * stride + i;
        return count == Lanes() ? Load(p) : LoadPart(p, count);
      };
      if constexpr (Units::kPack == 2) {
        const WordTag words;
        const auto low = hn::ShiftRight<16>(hn::BitCast(words, load(r)));
        const auto high = hn::BitCast(words, load(r + 1));
        Store(hn::BitCast(FloatTag(), hn::Or(low, high)), line + i);
      } else {
        Store(load(r), line + i);
      }
    }
  }
}

/// A block of queries against a block of keys.
struct Block {
  int64_t rows;    // queries, padded to kTileRows
  int64_t keys;    // keys that exist
  int64_t offset;  // first query - first key: row r sees the keys [0, offset + r]

  /// Keys that some row of the group of kTileRows rows from r on sees.
  int64_t Limit(int64_t r) const { return std::clamp<int64_t>(offset + r + kTileRows, 0, keys); }
};

/// scores = q k^T as far as the mask lets see; `keys_T` packed transposed.
template <class Units>
void ScoreProduct(const Block& block, Left q, Right keys_T, int64_t units, Result scores) {
  for (int64_t r = 0; r < block.rows; r += kTileRows) {
    RowsGemm<Units>({q.data + r * q.row_step, q.row_step, q.unit_step}, keys_T, units,
                    {scores.data + r * scores.step, scores.step}, block.Limit(r), false);
  }
}

/// sums (+)= weights rows_of_keys: softmax-weighted values, or the gradient of queries.
template <class Units>
void WeightedSum(const Block& block, Left weights, Right keys, Result sums, int64_t d, bool add) {
  for (int64_t r = 0; r < block.rows; r += kTileRows) {
    const int64_t count = block.Limit(r);
    if (count == 0) continue;
    RowsGemm<Units>({weights.data + r * weights.row_step, weights.row_step, 1}, keys,
                    (count + Units::kPack - 1) / Units::kPack,
                    {sums.data + r * sums.step, sums.step}, d, add);
  }
}

/// sums += weights^T rows_of_queries: gradients of keys and values. weights[unit of rows][key].
template <class Units>
void TransposedSum(const Block& block, Right weights, Right queries, Result sums, int64_t d) {
  for (int64_t key = 0; key < block.Limit(block.rows - kTileRows); key += kTileRows) {
    const int64_t unit = std::max<int64_t>(0, key - block.offset) / Units::kPack;
    const int64_t units = block.rows / Units::kPack - unit;
    if (units <= 0) break;
    RowsGemm<Units>({weights.data + unit * weights.step + key, 1, weights.step},
                    {queries.data + unit * queries.step, queries.step}, units,
                    {sums.data + key * sums.step, sums.step}, d, true);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace meap
HWY_AFTER_NAMESPACE();

#endif
