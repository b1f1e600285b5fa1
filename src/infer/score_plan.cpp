#include "infer/score_plan.h"

#include <algorithm>

namespace meap {
namespace {

/// Trees stop growing here, so that a long common beginning does not make one endless batch.
constexpr int64_t kMostBranchTokens = 2048;

/// A request cut to the model's context: `ids` are fed, the last `targets.size()` rows are judged.
struct Sequence {
  size_t request;  // index into the requests
  std::vector<int32_t> ids;
  std::vector<int32_t> targets;
};

Sequence Cut(size_t index, const ScoreRequest& request, int64_t max_length) {
  std::vector<int32_t> all = request.context;
  all.insert(all.end(), request.continuation.begin(), request.continuation.end());
  const int64_t extra = static_cast<int64_t>(all.size()) - (max_length + 1);
  if (extra > 0) all.erase(all.begin(), all.begin() + extra);
  const size_t scored = std::min(request.continuation.size(), all.size() - 1);
  Sequence sequence{.request = index, .ids = {}, .targets = {}};
  sequence.targets.assign(all.end() - static_cast<std::ptrdiff_t>(scored), all.end());
  all.pop_back();
  sequence.ids = std::move(all);
  return sequence;
}

size_t CommonLength(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t most = std::min(a.size(), b.size());
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + most, b.begin()).first -
                             a.begin());
}

/// Whether sequence `next` should join a tree of `members` sequences that share `trunk` tokens:
/// `common` of them would stay shared. It must save a good part of the sequence, and not cost the
/// members more than that.
bool Joins(size_t members, size_t trunk, size_t common, size_t next) {
  return common * 4 >= next && common * members > trunk * (members - 1);
}

ScoreTree MakeTree(std::span<Sequence> sequences, size_t trunk) {
  ScoreTree tree;
  const auto shared = static_cast<std::ptrdiff_t>(trunk);
  tree.trunk.assign(sequences[0].ids.begin(), sequences[0].ids.begin() + shared);
  for (Sequence& sequence : sequences) {
    const std::vector<int32_t>& ids = sequence.ids;
    tree.branches.push_back(
        {sequence.request, {ids.begin() + shared, ids.end()}, std::move(sequence.targets)});
  }
  return tree;
}

std::vector<ScoreTree> GrowTrees(std::vector<Sequence>& sequences) {
  std::vector<ScoreTree> trees;
  for (size_t begin = 0; begin < sequences.size();) {
    const std::vector<int32_t>& first = sequences[begin].ids;
    size_t trunk = first.size();
    size_t total = first.size();
    size_t end = begin + 1;
    for (; end < sequences.size(); ++end) {
      const std::vector<int32_t>& next = sequences[end].ids;
      const size_t members = end - begin;
      const size_t common = CommonLength(std::span(first).first(trunk), next);
      const size_t branches = total + next.size() - (members + 1) * common;
      if (!Joins(members, trunk, common, next.size())) break;
      if (static_cast<int64_t>(branches) > kMostBranchTokens) break;
      trunk = common;
      total += next.size();
    }
    trees.push_back(MakeTree(std::span(sequences).subspan(begin, end - begin), trunk));
    begin = end;
  }
  return trees;
}

}  // namespace

int64_t ScoreTree::tokens() const {
  size_t count = trunk.size();
  for (const ScoreBranch& branch : branches) count += branch.tokens.size();
  return static_cast<int64_t>(count);
}

std::vector<ScoreBatch> PlanScoreBatches(std::span<const ScoreRequest> requests, int64_t max_length,
                                         int64_t batch_tokens) {
  std::vector<Sequence> sequences;
  sequences.reserve(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    if (!requests[i].continuation.empty()) sequences.push_back(Cut(i, requests[i], max_length));
  }
  std::vector<ScoreTree> trees = GrowTrees(sequences);
  std::stable_sort(trees.begin(), trees.end(),
                   [](const ScoreTree& a, const ScoreTree& b) { return a.tokens() > b.tokens(); });
  std::vector<ScoreBatch> batches;
  int64_t room = 0;
  for (ScoreTree& tree : trees) {
    const int64_t tokens = tree.tokens();
    if (batches.empty() || tokens > room) {
      batches.emplace_back();
      room = batch_tokens;
    }
    room -= tokens;
    batches.back().push_back(std::move(tree));
  }
  return batches;
}

bool IsTruncated(const ScoreRequest& request, int64_t max_length) {
  const size_t tokens = request.context.size() + request.continuation.size();
  return static_cast<int64_t>(tokens) > max_length + 1;
}

bool IsContinuationTruncated(const ScoreRequest& request, int64_t max_length) {
  return static_cast<int64_t>(request.continuation.size()) > max_length;
}

}  // namespace meap
