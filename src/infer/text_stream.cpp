#include "infer/text_stream.h"

#include <algorithm>

namespace meap {
namespace {

/// Length of the longest end of `text` that `stop` begins with, not the whole of it.
size_t Overlap(const std::string& text, const std::string& stop) {
  for (size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length) {
    if (text.compare(text.size() - length, length, stop, 0, length) == 0) return length;
  }
  return 0;
}

}  // namespace

TextStream::TextStream(const Tokenizer& tokenizer, std::vector<std::string> stop)
    : decoder_(tokenizer, /*skip_special=*/true), stop_(std::move(stop)) {
  std::erase(stop_, "");
}

std::string TextStream::Push(int32_t token) {
  if (stopped_) return "";
  held_ += decoder_.Push(token);
  return Release(false);
}

std::string TextStream::Finish() {
  if (stopped_) return "";
  held_ += decoder_.Finish();
  return Release(true);
}

std::string TextStream::Release(bool end) {
  size_t certain = held_.size();
  for (const std::string& stop : stop_) {
    const size_t found = held_.find(stop);
    if (found != std::string::npos) stopped_ = true;
    certain = std::min(certain, found);
  }
  if (!stopped_ && !end) {
    for (const std::string& stop : stop_) {
      certain = std::min(certain, held_.size() - Overlap(held_, stop));
    }
  }
  std::string text = held_.substr(0, certain);
  held_.erase(0, certain);
  return text;
}

}  // namespace meap
