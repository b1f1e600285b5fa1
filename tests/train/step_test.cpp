#include "train/step.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <numeric>

#include "model/presets.h"

namespace meap {
namespace {

Llama TinyModel() {
  ModelOptions options;
  options.preset = "tiny";
  Llama model(ConfigFromOptions(options, 101, 64), at::kFloat, at::kCPU);
  model.Initialize(5);
  for (const Parameter& parameter : model.parameters()) {
    at::Tensor(parameter.tensor).set_requires_grad(true);
  }
  return model;
}

std::vector<int32_t> Tokens(size_t count, int32_t seed) {
  std::vector<int32_t> tokens(count);
  std::iota(tokens.begin(), tokens.end(), seed);
  for (int32_t& token : tokens) token = (token * 37 + 11) % 100;
  return tokens;
}

TrainingRows RowsOf(const std::vector<std::vector<int32_t>>& windows,
                    const std::vector<int32_t>& segments = {}) {
  const PretrainObjective objective{.mask_ratio = 0.25, .mask_id = 100, .seed = 3};
  TrainingRows rows;
  for (size_t i = 0; i < windows.size(); ++i) {
    AppendPretrainRow(objective, windows[i], segments, 0, i, rows);
  }
  return rows;
}

std::vector<at::Tensor> TakeGradients(const Llama& model) {
  std::vector<at::Tensor> grads;
  for (const Parameter& parameter : model.parameters()) {
    at::Tensor& grad = parameter.tensor.mutable_grad();
    grads.push_back(grad.clone());
    grad.reset();
  }
  return grads;
}

void ExpectClose(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i) EXPECT_LT((a[i] - b[i]).abs().max().item<double>(), 1e-5);
}

TEST(Step, IsolatedDocumentsAreEachAlone) {
  const Llama model = TinyModel();
  // Three documents in one window; the first of the next one ends it.
  const std::vector<int64_t> lengths = {5, 8, 11};
  std::vector<int32_t> window, segments;
  std::vector<std::vector<int32_t>> documents;
  for (size_t d = 0; d < lengths.size(); ++d) {
    documents.push_back(Tokens(static_cast<size_t>(lengths[d]), static_cast<int32_t>(d) * 31));
    window.insert(window.end(), documents[d].begin(), documents[d].end());
    segments.insert(segments.end(), documents[d].size(), static_cast<int32_t>(d));
  }
  const TrainingRows packed = RowsOf({window}, segments);
  const int64_t labels = packed.LabelCount();
  ASSERT_EQ(labels, 4 + 7 + 10);
  const double scale = 1.0 / static_cast<double>(labels);
  const double together = SumLosses(ForwardBackward(model, packed, scale), packed).all.nll;
  const std::vector<at::Tensor> grads = TakeGradients(model);
  double alone = 0;
  int64_t begin = 0;
  for (size_t d = 0; d < lengths.size(); ++d) {
    TrainingRows rows{.rows = 1, .length = lengths[d] - 1};
    for (int64_t t = 0; t < rows.length; ++t) {
      rows.input_ids.push_back(packed.input_ids[begin + t]);  // with the masks it got there
      rows.labels.push_back(documents[d][t + 1]);
      rows.position_ids.push_back(t);
      rows.segment_ids.push_back(0);
      rows.sample_ids.push_back(0);
      rows.masked.push_back(0);
    }
    begin += lengths[d];
    alone += SumLosses(ForwardBackward(model, rows, scale), rows).all.nll;
  }
  EXPECT_NEAR(together * scale, alone * scale, 1e-5);
  ExpectClose(grads, TakeGradients(model));
}

TEST(Step, MicroBatchesSumToTheWhole) {
  const Llama model = TinyModel();
  std::vector<std::vector<int32_t>> windows;
  for (int32_t i = 0; i < 8; ++i) windows.push_back(Tokens(17, i * 5));
  const TrainingRows rows = RowsOf(windows);
  const double scale = 1.0 / static_cast<double>(rows.LabelCount());
  const double whole = SumLosses(ForwardBackward(model, rows, scale), rows).all.Mean();
  const std::vector<at::Tensor> grads = TakeGradients(model);
  for (const int64_t micro : {1, 2, 4}) {
    LossSums sums;
    for (int64_t begin = 0; begin < rows.rows; begin += micro) {
      const TrainingRows part = rows.Slice(begin, micro);
      sums += SumLosses(ForwardBackward(model, part, scale), part);
    }
    EXPECT_NEAR(sums.all.Mean(), whole, 1e-5);
    ExpectClose(grads, TakeGradients(model));
  }
}

TEST(SumLosses, TellsRegionsApartAndNamesBrokenSamples) {
  TrainingRows rows{.rows = 2, .length = 3, .sample_ids = {7, 7, 7, 9, 9, 9}};
  rows.segment_ids.assign(6, 0);
  rows.labels = {1, kNoLabel, 1, 1, 1, 1};
  rows.regions = {0, 1, 1, 0, 2, 2};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const LossSums sums = SumLosses(at::tensor({1.0f, 0.0f, 2.0f, 4.0f, 8.0f, 16.0f}), rows);
  EXPECT_EQ(sums.all.nll, 31);
  EXPECT_EQ(sums.all.tokens, 5);
  ASSERT_EQ(sums.regions.size(), 3u);
  EXPECT_EQ(sums.regions[0].nll, 5);
  EXPECT_EQ(sums.regions[1].tokens, 1);
  EXPECT_EQ(sums.regions[2].Mean(), 12);
  EXPECT_TRUE(sums.broken.empty());
  const LossSums broken = SumLosses(at::tensor({1.0f, 0.0f, 2.0f, nan, nan, 16.0f}), rows);
  EXPECT_EQ(broken.broken, std::vector<int64_t>{9});
}

}  // namespace
}  // namespace meap
