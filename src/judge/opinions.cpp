#include "judge/opinions.h"

namespace meap {

Opinions ReadOpinions(const std::vector<Judge>& judges, const std::vector<std::string>& prompts,
                      const ReplyCache& cache, bool repair) {
  Opinions opinions;
  for (const Judge& judge : judges) {
    auto& of = opinions.of.emplace_back();
    size_t& missing = opinions.missing.emplace_back(0);
    for (const std::string& prompt : prompts) {
      DialogueStep step = NextStep(judge, prompt, cache, repair);
      missing += step.request ? 1 : 0;
      of.push_back(std::move(step.opinion));
    }
  }
  return opinions;
}

}  // namespace meap
