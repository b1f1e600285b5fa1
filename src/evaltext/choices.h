// Multiple choice by log-likelihood, as lm-evaluation-harness has it: an item becomes pairs
// (context, continuation), the scorer gives each a log-likelihood, the best one is the prediction.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "evaltext/data_items.h"

namespace meap {

/// How items of a data file become requests. Templates are those of evaltext/template.h. Task files
/// (evaltext/task_file.h) hold the same.
struct ChoiceTemplate {
  std::string name;          // of the task
  std::string summary = {};  // one line
  std::string folder;        // under --data
  std::string file;          // in it, without extension
  std::string context;       // a template
  /// Templates, one a choice; or one field with an array of strings when `choices_field` is set.
  std::vector<std::string> choices = {};
  std::string choices_field = {};
  /// Field with the gold choice: an integer (or its digits) from `gold_base`; or, with
  /// `gold_labels`, one of the strings of that field (leading blanks do not count).
  std::string gold;
  int64_t gold_base = 0;
  std::string gold_labels = {};
  /// With a field here the context is ignored: each choice replaces the first "_" of that field's
  /// sentence, what stands before is the context, what follows (stripped) the one continuation.
  std::string cloze = {};
  /// Cleans raw HellaSwag items (fields activity_label, ctx_a, ctx_b, endings); items that have
  /// `query` and `choices` are clean already.
  bool hellaswag = false;
  std::vector<std::string> metrics = {"acc", "acc_norm"};
  std::vector<std::string> breakdown = {};  // fields that samples are grouped by
};

/// One item as requests: request i is contexts[i] with continuations[i].
struct ChoiceItem {
  std::string id;  // number of the line in the data file, from 0
  std::vector<std::string> contexts;
  std::vector<std::string> continuations;  // delimiter included
  std::vector<std::string> choices;        // texts whose lengths acc_norm divides by
  size_t gold = 0;
  nlohmann::ordered_json group = nlohmann::ordered_json::object();  // fields of the breakdown
  std::string example;  // the item with its gold answer, as a few-shot example shows it
};

/// The fields of the data that the task reads, each once.
std::vector<std::string> FieldsOf(const ChoiceTemplate& task);

/// Requests of one item. Fields that do not fit the template: InputError.
ChoiceItem BuildChoiceItem(const ChoiceTemplate& task, const DataItem& item);

/// The items of the task's file under `data`, at most `limit` (0: all).
std::vector<ChoiceItem> ReadChoiceItems(const ChoiceTemplate& task, const fs::path& data,
                                        size_t limit = 0);

/// What stands before every context with few-shot examples: each example and an empty line.
std::string FewShotPrefix(std::span<const ChoiceItem> examples);

/// Rule 1.2 of the harness: white space at the context's end is moved to the continuation's start.
void MoveTrailingSpace(std::string& context, std::string& continuation);

/// Outcome of one item; ties go to the lowest index.
struct ChoiceOutcome {
  size_t prediction = 0;
  double acc = 0;
  double acc_norm = 0;   // by log-likelihood / code points of the choice
  double acc_bytes = 0;  // by log-likelihood / UTF-8 bytes of the choice
};
ChoiceOutcome ScoreChoices(const ChoiceItem& item, std::span<const double> log_likelihoods);

/// The harness's cleaning of one HellaSwag text.
std::string CleanHellaSwag(std::string_view text);

}  // namespace meap
