#include "page/report.h"

#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "commands.h"
#include "core/console.h"
#include "core/error.h"
#include "core/outputs.h"
#include "core/signals.h"

namespace meap {
namespace {

struct ReportArguments {
  std::vector<std::string> inputs;
  std::string output = "report.html";
  std::string title;
  std::string plotly;
  bool watch = false;
  double every = 10;  // seconds
  CommonFlags flags;
};

/// Waits, or until a signal comes.
void Pause(double seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < until && !SignalGuard::Requested()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

/// Rewrites the page until every run has ended or a signal comes; the last page loads itself no
/// more. A run that goes on after a stop, or with more steps after its end, takes a moment to
/// begin: all have ended when two looks in a row say so.
void Watch(const ReportArguments& arguments, ReportOptions options) {
  const std::vector<fs::path> paths(arguments.inputs.begin(), arguments.inputs.end());
  const SignalGuard signals;
  ReportInputs inputs = FindReportInputs(paths, /*waits=*/true);
  for (const fs::path& path : inputs.awaited) Note("waiting for " + path.string());
  Note("following; " + arguments.output + " reloads itself. Ctrl-C ends it with a last page.");
  options.reload = arguments.every;
  for (bool ended = false; !SignalGuard::Requested();) {
    const bool ended_before = std::exchange(ended, AllEnded(inputs));
    if (ended && ended_before) break;
    WriteFileAtomically(arguments.output, RenderReport(inputs, options));
    Pause(arguments.every);
    inputs = FindReportInputs(paths, /*waits=*/true);  // runs and evaluations may have come
  }
  options.reload = 0;
  WriteFileAtomically(arguments.output, RenderReport(inputs, options));
}

void RunReport(const ReportArguments& arguments) {
  ApplyCommonFlags(arguments.flags);
  std::vector<ChosenFile> reported;
  for (const std::string& input : arguments.inputs) reported.push_back({"what is reported", input});
  RequireOutputFiles({{"--output", arguments.output}}, reported);
  ReportOptions options;
  options.plotly = arguments.plotly;
  if (!arguments.title.empty()) options.title = arguments.title;
  if (arguments.watch) {
    Watch(arguments, options);
  } else {
    const ReportInputs inputs =
        FindReportInputs({arguments.inputs.begin(), arguments.inputs.end()});
    WriteFileAtomically(arguments.output, RenderReport(inputs, options));
  }
  Note("open " + arguments.output + " in a browser");
}

}  // namespace

void AddReportCommand(CLI::App& root) {
  auto arguments = std::make_shared<ReportArguments>();
  CLI::App* command =
      root.add_subcommand("report", "Runs and evaluations as one HTML page that needs no network");
  command
      ->add_option("runs", arguments->inputs,
                   "Run folders, folders that hold them, results.json of eval and judge, JSON of "
                   "attention and experiment; the first run is the baseline")
      ->required();
  command->add_option("-o,--output", arguments->output, "The page")->capture_default_str();
  command->add_option("--title", arguments->title, "Its title");
  command->add_flag(
      "--watch", arguments->watch,
      "Follow runs while they train, or wait for them: rewrite the page until all have ended");
  command->add_option("--every", arguments->every, "Seconds between two pages of --watch")
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  command->add_option("--plotly", arguments->plotly,
                      "plotly.min.js to draw with (default: the one that is built in)");
  AddCommonFlags(*command, arguments->flags, Computes::kNothing);
  command->footer(
      "Examples:\n"
      "  meap report runs/ntp runs/meap results.json -o report.html\n"
      "  meap report runs/demo\n"
      "  meap report runs/meap --watch");
  command->callback([arguments] { RunReport(*arguments); });
}

}  // namespace meap
