#include <memory>

#include "commands.h"
#include "compare/render.h"
#include "core/console.h"
#include "core/error.h"
#include "core/outputs.h"
#include "flag_checks.h"
#include "json_lines.h"

namespace meap {
namespace {

struct CompareArguments {
  std::vector<std::string> files;
  std::string format = "table";
  std::vector<std::string> outputs;
  CompareOptions options;
  CommonFlags flags;
};

std::string Rendered(const Comparison& comparison, const std::string& format, bool color) {
  if (format == "json") return RenderJson(comparison);
  if (format == "markdown") return RenderMarkdown(comparison);
  if (format == "html") return RenderHtml(comparison);
  return RenderTerminal(comparison, color);
}

/// The format that a file's extension asks for.
std::string FormatOf(const std::string& file) {
  const std::string extension = fs::path(file).extension().string();
  if (extension == ".json") return "json";
  if (extension == ".md") return "markdown";
  if (extension == ".html") return "html";
  if (extension == ".txt") return "table";
  throw InputError({.what = "cannot tell the format of --output",
                    .where = file,
                    .expected = "a name that ends in .json, .md, .html or .txt"});
}

void RunCompare(const CompareArguments& arguments) {
  ApplyCommonFlags(arguments.flags);
  std::vector<ChosenFile> inputs, outputs;
  for (const std::string& file : arguments.files) inputs.push_back({"what is compared", file});
  for (const std::string& file : arguments.outputs) outputs.push_back({"--output", file});
  for (const std::string& file : arguments.outputs) FormatOf(file);
  RequireOutputFiles(outputs, inputs);
  const std::vector<fs::path> files(arguments.files.begin(), arguments.files.end());
  const Comparison comparison = Compare(ReadRuns(files), arguments.options);
  for (const std::string& file : arguments.outputs) {
    WriteFileAtomically(file, Rendered(comparison, FormatOf(file), false));
  }
  WriteToStdout(Rendered(comparison, arguments.format, StdoutTakesColor()));
}

}  // namespace

void AddCompareCommand(CLI::App& root) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* command =
      root.add_subcommand("compare", "Differences between evaluations, and how sure they are");
  command->add_option("files", arguments->files, "results.json files; the first is the baseline")
      ->required();
  command->add_option("--format", arguments->format, "What goes to stdout")
      ->check(CLI::IsMember({"table", "json", "markdown", "html"}))
      ->capture_default_str();
  command
      ->add_option("--output", arguments->outputs,
                   "Also write FILE.json, FILE.md, FILE.html or FILE.txt (repeatable)")
      ->allow_extra_args(false);
  command->add_option("--resamples", arguments->options.resamples, "Draws of the bootstrap")
      ->check(CLI::Range(100, 10000000))
      ->capture_default_str();
  command->add_option("--confidence", arguments->options.confidence, "Confidence of the intervals")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str();
  command->add_option("--seed", arguments->options.seed, "Seed of the draws")
      ->check(SeedNumber())
      ->capture_default_str();
  AddCommonFlags(*command, arguments->flags, Computes::kNothing);
  command->footer(
      "Intervals and tests pair the samples that `meap eval --samples` keeps.\n"
      "Example:\n"
      "  meap compare ntp.json meap.json --output comparison.html");
  command->callback([arguments] { RunCompare(*arguments); });
}

}  // namespace meap
