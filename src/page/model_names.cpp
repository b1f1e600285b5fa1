#include "page/model_names.h"

namespace meap {

ModelNames::ModelNames(const std::vector<TrainingRun>& runs) {
  for (const TrainingRun& run : runs) {
    exported_.emplace(fs::weakly_canonical(run.folder / "hf"), run.name);
  }
}

std::string ModelNames::Of(const std::string& own, const std::string& model) const {
  const auto run = exported_.find(fs::weakly_canonical(model));
  return run == exported_.end() ? own : run->second;
}

std::string ModelNames::Of(const std::string& own, const std::string& model,
                           const std::string& hash) {
  const std::string wanted = Of(own, model);
  if (hash.empty()) return wanted;
  std::string name = wanted;
  for (int number = 2; hashes_.emplace(name, hash).first->second != hash; ++number) {
    name = wanted + "-" + std::to_string(number);
  }
  return name;
}

}  // namespace meap
