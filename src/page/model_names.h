// What a page calls the models that its inputs name: a model has one name, and with it one colour,
// whichever file it is in.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "page/training_run.h"

namespace meap {

class ModelNames {
 public:
  explicit ModelNames(const std::vector<TrainingRun>& runs);

  /// The name of the training run that exported the folder `model`, else the input's `own` name.
  std::string Of(const std::string& own, const std::string& model) const;
  /// The same for a model with a hash ("": unknown); a number is added where the name is that of a
  /// model with another hash.
  std::string Of(const std::string& own, const std::string& model, const std::string& hash);

 private:
  std::map<fs::path, std::string> exported_;   // folder -> name of its run
  std::map<std::string, std::string> hashes_;  // name -> hash of its model
};

}  // namespace meap
