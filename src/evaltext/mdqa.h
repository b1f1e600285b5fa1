// Multi-document question answering with the gold document at chosen positions, and key-value
// retrieval. Liu et al., "Lost in the Middle" (2023): prompts and scores are theirs.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evaltext/generation_task.h"

namespace meap {

struct MdqaDocument {
  std::string title;
  std::string text;
};

/// Forms of the prompt.
enum class MdqaMode { kPlain, kRandomNote, kQueryAware };

/// The prompt of a question over documents numbered from 1.
std::string MdqaPrompt(std::string_view question, std::span<const MdqaDocument* const> documents,
                       MdqaMode mode);
/// The prompt without documents.
std::string ClosedBookPrompt(std::string_view question);

/// The prompt that asks for `key` among records (key, value). `query_aware` says the key before the
/// records too.
std::string KvPrompt(std::span<const std::pair<std::string, std::string>> records,
                     std::string_view key, bool query_aware);

/// What a multi-document task is made of.
struct MdqaOptions {
  size_t documents = 20;
  std::vector<size_t> gold_indices = {0, 4, 9, 14, 19};
  MdqaMode mode = MdqaMode::kPlain;
  bool random_distractors = false;
  bool closed_book = false;
};
std::unique_ptr<GenerationTask> MakeMdqaTask(const MdqaOptions& options);

/// What a key-value task is made of.
struct KvOptions {
  size_t keys = 75;
  std::vector<size_t> gold_indices = {0, 24, 49, 74};
  bool query_aware = false;
};
std::unique_ptr<GenerationTask> MakeKvTask(const KvOptions& options);

}  // namespace meap
