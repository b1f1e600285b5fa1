// Reads options from YAML files (with `base:` includes) and `key=value` words, with the place of
// every value.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "config/options.h"

namespace meap {

/// Values by dotted key, each with the place it came from; later ones win. A null (`key:`, `key:
/// ~`, `key=null`) is as if the key had not been given, here or before.
class OptionSource {
 public:
  /// `purpose` names the files in errors.
  explicit OptionSource(std::string purpose = "recipe");
  ~OptionSource();
  OptionSource(OptionSource&&) noexcept;
  OptionSource& operator=(OptionSource&&) noexcept;

  /// Adds a YAML file and, before it, the file its `base:` key names (relative to it). Errors: a
  /// missing file, a cycle of bases, broken YAML (with line and column), a key given twice.
  void AddFile(const std::filesystem::path& path);

  /// Adds the text of a file that lies in memory, `where` being its name for errors. No `base:`.
  void AddText(const std::string& text, const std::string& where);

  /// Adds a `key=value` word of the command line; the value is read as YAML (`[a, b]` is a list),
  /// but for texts that begin as a glob may (config/override_value.h).
  void AddOverride(const std::string& word);

  /// Sets every option of `describe` for which there is a value. Errors: an unknown key (with place
  /// and nearest known key), a value of the wrong type, out of range or not among the choices.
  template <class Options>
  void Apply(Options& options) const {
    OptionLister known;
    options.Describe(known);
    CheckKeys(known.options());
    Setter setter(*this);
    options.Describe(setter);
  }

  /// Every key that has a value, sorted.
  std::vector<std::string> Keys() const;
  /// True when a file or word gave `key` a value.
  bool Has(const std::string& key) const;
  /// Where `key` got its value ("recipe.yaml:3:5" or "command line"), or "default".
  std::string Place(const std::string& key) const;

 private:
  struct Value;
  class Setter : public OptionVisitor {
   public:
    explicit Setter(const OptionSource& source) : source_(source) {}
    void Visit(const std::string&, std::string&, const OptionInfo&) override;
    void Visit(const std::string&, bool&, const OptionInfo&) override;
    void Visit(const std::string&, int64_t&, const OptionInfo&) override;
    void Visit(const std::string&, double&, const OptionInfo&) override;
    void Visit(const std::string&, std::vector<std::string>&, const OptionInfo&) override;
    void Visit(const std::string&, std::vector<double>&, const OptionInfo&) override;

   private:
    const OptionSource& source_;
  };

  void AddFile(const std::filesystem::path& path, std::vector<std::filesystem::path>& including);
  void CheckKeys(const std::vector<OptionText>& known) const;
  const Value* Find(const std::string& key) const;
  void Set(const std::string& key, Value value);

  std::string purpose_;
  std::map<std::string, Value> values_;
  std::map<std::string, Value> nulls_;  // given as null, to be known keys all the same
};

/// Every value of a YAML file under its dotted key, in the file's order, as YAML would write it.
/// Same errors as OptionSource::AddFile.
std::vector<std::pair<std::string, std::string>> FlatYaml(const std::filesystem::path& path);

}  // namespace meap
