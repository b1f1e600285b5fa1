// The judges' opinions on all prompts, out of the cache.
#pragma once

#include <string>
#include <vector>

#include "judge/dialogue.h"

namespace meap {

/// What each judge says of each prompt.
struct Opinions {
  std::vector<std::vector<Opinion>> of;  // [judge][prompt]
  /// [judge]: dialogues that are not finished; their opinion is undecided with an empty reply.
  std::vector<size_t> missing = {};
};

Opinions ReadOpinions(const std::vector<Judge>& judges, const std::vector<std::string>& prompts,
                      const ReplyCache& cache, bool repair);

}  // namespace meap
