// `meap`: parses the command line, runs one subcommand, turns failures into messages and exit
// codes.
#include <c10/util/Exception.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "command_line.h"
#include "commands.h"
#include "core/console.h"
#include "core/error.h"
#include "core/parallel.h"
#include "flag_checks.h"
#include "infer/out_of_memory.h"
#include "json_lines.h"
#include "version.h"
#include "words.h"

namespace meap {

namespace {

/// A common flag that the command does not have, hidden where it says nothing to it.
template <class Value>
void AddCommonFlag(CLI::App& command, CommonFlags& flags, const std::string& name, Value& value,
                   const std::string& help, bool has_effect, const CLI::Validator& check = {}) {
  if (command.get_option_no_throw(name) != nullptr) return;
  CLI::Option* option = command.add_option(name, value, help)->check(check);
  if (has_effect) return;
  option->group("")->each([&flags, name](const std::string&) { flags.unused.push_back(name); });
}

}  // namespace

void AddCommonFlags(CLI::App& command, CommonFlags& flags, Computes computes) {
  const bool model = computes == Computes::kModel;
  flags.runs_model = model;
  AddCommonFlag(command, flags, "--threads", flags.threads,
                "CPU threads (default: OMP_NUM_THREADS, else all cores)",
                computes != Computes::kNothing, CLI::Range(1, 1024));
  command.add_flag("--quiet", flags.quiet, "No progress and no notes on stderr");
  AddCommonFlag(command, flags, "--device", flags.device,
                "auto, cpu, cuda or cuda:N (default: auto)", model);
  AddCommonFlag(command, flags, "--dtype", flags.dtype,
                "f32, bf16 or f16 (default: f32 on CPU, bf16 on GPU)", model);
  AddCommonFlag(command, flags, "--seed", flags.seed, "Seed of every random choice (default: 0)",
                model, SeedNumber());
}

int ApplyCommonFlags(const CommonFlags& flags) {
  if (flags.runs_model) WaitWithoutSpinning();
  SetQuiet(flags.quiet);
  for (const std::string& name : flags.unused) Note(name + " has no effect on this command");
  return flags.threads > 0 ? flags.threads : DefaultThreads();
}

namespace {

/// CLI11 leaves a blank line where a group of hidden flags would stand.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (size_t at = 0; (at = text.find("\n\n\n", at)) != std::string::npos;) text.erase(at, 1);
    return text;
  }
};

std::string VersionLine() {
  const std::string revision = kRevision;
  return "meap " + std::string(kVersion) + " (revision " + (revision.empty() ? "none" : revision) +
         "), torch " + kTorchVersion;
}

int Run(int argc, char** argv) {
  CLI::App app{
      "meap trains, evaluates and examines decoder-only language models with MEAP\n"
      "(mask-enhanced autoregressive prediction) and, from the same recipe, with NTP."};
  app.require_subcommand(1);
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_version_flag("--version", VersionLine());
  app.footer(
      "Exit codes: 0 done, 1 the work failed, 2 wrong usage, recipe or input,\n"
      "130 and 143 stopped by SIGINT or SIGTERM with the state saved.");
  ExitCode exit_code = ExitCode::kDone;
  AddCommands(app, exit_code);
  const std::vector<std::string> words = CheckedWords(app, {argv + 1, argv + argc});
  std::vector<const char*> all{argv[0]};
  for (const std::string& word : words) all.push_back(word.c_str());
  try {
    app.parse(static_cast<int>(all.size()), all.data());
  } catch (const CLI::ParseError& error) {
    const bool help = error.get_exit_code() == 0;
    app.exit(error);
    return static_cast<int>(help ? ExitCode::kDone : ExitCode::kUsage);
  }
  return static_cast<int>(exit_code);
}

}  // namespace
}  // namespace meap

namespace {

/// A path that the user wrote cannot be followed; anything else of this kind is failed work.
meap::Error FromSystem(const std::filesystem::filesystem_error& error) {
  bool is_input = false;
  for (const std::errc wrong :
       {std::errc::filename_too_long, std::errc::too_many_symbolic_link_levels,
        std::errc::permission_denied, std::errc::no_such_file_or_directory,
        std::errc::not_a_directory}) {
    is_input = is_input || error.code() == wrong;
  }
  return {is_input ? meap::ExitCode::kUsage : meap::ExitCode::kFailed,
          {.what = "a path cannot be used",
           .where = error.path1().string(),
           .expected = "a file or folder that can be reached",
           .got = error.code().message(),
           .hint = "check the name, its links and its permissions"}};
}

int Report(const meap::Error& error) {
  const bool stopped = error.code() != meap::ExitCode::kFailed &&
                       error.code() != meap::ExitCode::kUsage;  // as the user wished
  std::fprintf(stderr, "%s%s\n", stopped ? "" : "error: ", error.what());
  return static_cast<int>(error.code());
}

/// Of what is no error of ours.
int ReportForeign(const std::exception& error) {
  const auto* const torch = dynamic_cast<const c10::Error*>(&error);
  if (meap::IsOutOfMemory(error)) {
    std::fprintf(stderr, "error: out of memory\n  try:      smaller batches or models\n");
  } else {
    std::fprintf(stderr, "error: %s\n", torch ? torch->what_without_backtrace() : error.what());
  }
  return static_cast<int>(meap::ExitCode::kFailed);
}

}  // namespace

int main(int argc, char** argv) {
  // A file-size limit shall fail the write, which tells what is wrong, not end the process.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    const int code = meap::Run(argc, argv);
    meap::WriteToStdout("");  // what is still in the buffer, and what could not be written before
    return code;
  } catch (const meap::Error& error) {
    return Report(error);
  } catch (const std::filesystem::filesystem_error& error) {
    return Report(FromSystem(error));
  } catch (const std::exception& error) {
    return ReportForeign(error);
  }
}
