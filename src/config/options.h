// Options, each said once: a struct lists its options to a visitor, and the YAML reader, the
// resolved dump, the list of names and the documentation are visitors over that one listing.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace meap {

/// What is known of an option beside its name, type and value.
struct OptionInfo {
  std::string help;                                       // one sentence
  std::string unit = {};                                  // "tokens", "steps", ...
  double min = -std::numeric_limits<double>::infinity();  // smallest value allowed
  double max = std::numeric_limits<double>::infinity();   // largest value allowed
  bool below_max = false;                                 // the value must be below `max`
  std::vector<std::string> choices = {};                  // the only values allowed (strings)
};

/// Gets every option of a struct once, in the order of the documentation.
class OptionVisitor {
 public:
  virtual ~OptionVisitor() = default;
  virtual void Visit(const std::string& name, std::string& value, const OptionInfo& info) = 0;
  virtual void Visit(const std::string& name, bool& value, const OptionInfo& info) = 0;
  virtual void Visit(const std::string& name, int64_t& value, const OptionInfo& info) = 0;
  virtual void Visit(const std::string& name, double& value, const OptionInfo& info) = 0;
  virtual void Visit(const std::string& name, std::vector<std::string>& value,
                     const OptionInfo& info) = 0;
  virtual void Visit(const std::string& name, std::vector<double>& value,
                     const OptionInfo& info) = 0;
};

/// One option as text, for the resolved dump and the documentation.
struct OptionText {
  std::string name;
  std::string type;   // "text", "true or false", "integer", "number", "list of text", ...
  std::string value;  // as YAML would write it
  OptionInfo info;
};

/// Collects every option of `options` (any struct with `void Describe(OptionVisitor&)`) as text.
class OptionLister : public OptionVisitor {
 public:
  void Visit(const std::string& name, std::string& value, const OptionInfo& info) override;
  void Visit(const std::string& name, bool& value, const OptionInfo& info) override;
  void Visit(const std::string& name, int64_t& value, const OptionInfo& info) override;
  void Visit(const std::string& name, double& value, const OptionInfo& info) override;
  void Visit(const std::string& name, std::vector<std::string>& value,
             const OptionInfo& info) override;
  void Visit(const std::string& name, std::vector<double>& value, const OptionInfo& info) override;

  const std::vector<OptionText>& options() const { return options_; }

 private:
  std::vector<OptionText> options_;
};

/// The options as nested YAML in the order of the listing: what a run resolved to.
std::string DumpYaml(const std::vector<OptionText>& options);

}  // namespace meap
