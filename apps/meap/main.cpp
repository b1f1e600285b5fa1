// `meap`: parses the command line, runs one subcommand, turns failures into messages and exit
// codes.
#include <csignal>
#include <cstdio>
#include <new>

#include "commands.h"
#include "core/console.h"
#include "core/error.h"
#include "core/parallel.h"

namespace meap {

void AddCommonFlags(CLI::App& command, CommonFlags& flags, bool runs_model) {
  command
      .add_option("--threads", flags.threads,
                  "CPU threads (default: OMP_NUM_THREADS, else all cores)")
      ->check(CLI::Range(1, 1024));
  command.add_flag("--quiet", flags.quiet, "No progress and no notes on stderr");
  flags.runs_model = runs_model;
  if (!runs_model) return;
  command.add_option("--device", flags.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  command.add_option("--dtype", flags.dtype, "f32, bf16 or f16 (default: f32 on CPU, bf16 on GPU)");
  command.add_option("--seed", flags.seed, "Seed of every random choice")->capture_default_str();
}

int ApplyCommonFlags(const CommonFlags& flags) {
  if (flags.runs_model) WaitWithoutSpinning();
  SetQuiet(flags.quiet);
  return flags.threads > 0 ? flags.threads : DefaultThreads();
}

namespace {

int Run(int argc, char** argv) {
  CLI::App app{
      "meap trains, evaluates and examines decoder-only language models with MEAP\n"
      "(mask-enhanced autoregressive prediction) and, from the same recipe, with NTP."};
  app.require_subcommand(1);
  app.set_version_flag("--version", MEAP_VERSION);
  app.footer(
      "Exit codes: 0 done, 1 the work failed, 2 wrong usage, recipe or input,\n"
      "130 and 143 stopped by SIGINT or SIGTERM with the state saved.");
  AddTokenizerCommand(app);
  AddDataCommand(app);
  ExitCode exit_code = ExitCode::kDone;
  AddPretrainCommand(app, exit_code);
  AddFinetuneCommand(app, exit_code);
  AddInspectCommand(app);
  AddScoreCommand(app);
  AddGenerateCommand(app);
  AddChatCommand(app, exit_code);
  AddEvalCommand(app);
  AddCompareCommand(app);
  AddAttentionCommand(app);
  AddExperimentCommand(app, exit_code);
  AddJudgeCommand(app, exit_code);
  AddReportCommand(app);
  AddOptionsCommand(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool help = error.get_exit_code() == 0;
    app.exit(error);
    return static_cast<int>(help ? ExitCode::kDone : ExitCode::kUsage);
  }
  return static_cast<int>(exit_code);
}

}  // namespace
}  // namespace meap

int main(int argc, char** argv) {
  // A file-size limit shall fail the write, which tells what is wrong, not end the process.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return meap::Run(argc, argv);
  } catch (const meap::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "error: out of memory\n  try:      smaller batches or models\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
  }
  return static_cast<int>(meap::ExitCode::kFailed);
}
