// Tasks that a model answers in words, from a description: a prompt, right answers, scores.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "evaltext/generation_task.h"

namespace meap {

/// How items of a data file become prompts, and what answers are worth.
struct AnswerTemplate {
  std::string name;
  std::string summary = {};
  std::string folder;   // under --data
  std::string file;     // in it, without extension
  std::string prompt;   // a template (evaltext/template.h)
  std::string answers;  // field with the right answer, or an array of them
  /// Of AnswerMetrics(); with several right answers the best one counts.
  std::vector<std::string> metrics = {"exact_match"};
  int64_t max_new_tokens = 64;
  std::string stop = {};  // the answer ends before it; "" for none
  /// A field of the prompt whose middle is cut when the prompt is too long; "": it is skipped then.
  std::string shorten = {};
  std::vector<std::string> breakdown = {};  // fields that samples are grouped by
};

/// exact_match, best_subspan_em, contains, answer_words, rougeL.
const std::vector<std::string>& AnswerMetrics();

std::unique_ptr<GenerationTask> MakeTemplateTask(const AnswerTemplate& description);

/// What `meap eval --list` says of it.
TaskInfo InfoOf(const AnswerTemplate& description);

}  // namespace meap
