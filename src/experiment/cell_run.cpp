#include "experiment/cell_run.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/child_process.h"
#include "core/signals.h"
#include "core/strings.h"

namespace meap {
namespace {

using Words = std::vector<std::string>;

std::string HashOf(const Words& words) {
  const std::string text = Join(words, "\n");
  return HashHex(text.data(), text.size());
}

/// The last lines of a text file: what a failed program said.
std::string Tail(const fs::path& path, size_t bytes) {
  if (!fs::exists(path)) return "";
  std::string text = ReadFile(path, "log");
  if (text.size() > bytes) text.erase(0, text.find('\n', text.size() - bytes) + 1);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

/// Runs a meap command; its stdout becomes `out` when it succeeds, and only then.
ExitCode RunStage(std::vector<std::string> words, const fs::path& out, const fs::path& log) {
  words.insert(words.begin(), OwnExecutable().string());
  fs::path unfinished = out;
  unfinished += ".part";
  const int code = RunChild(words, unfinished, log);
  if (code == 0) {
    fs::rename(unfinished, out);
    return ExitCode::kDone;
  }
  if (const auto stopped = SignalGuard::Requested()) return *stopped;
  const ErrorParts parts = {
      .what = "a stage failed with exit code " + std::to_string(code),
      .where = log.string(),
      .got = "\n" + Tail(log, 1000),
      .hint = "its command: meap " + Join({words.begin() + 1, words.end()}, " ")};
  if (code == static_cast<int>(ExitCode::kUsage)) throw InputError(parts);
  throw WorkError(parts);
}

/// Says in the folder which cell it is, and with how many threads it was begun: a run that resumes
/// with as many gives the same bits.
int BeginCell(const CellFiles& files, const Cell& cell, int threads) {
  const fs::path path = files.folder / "cell.json";
  if (fs::exists(path)) {
    const auto begun = nlohmann::json::parse(ReadFile(path, "cell"), nullptr, false);
    if (begun.is_object()) return begun.value("threads", threads);
  }
  const nlohmann::ordered_json begun = {{"name", cell.Name(/*with_seed=*/true)},
                                        {"threads", threads}};
  WriteFileAtomically(path, begun.dump() + "\n");
  return threads;
}

ExitCode Train(const ExperimentFile& file, const Cell& cell, int threads) {
  const CellFiles files(file, cell);
  std::vector<std::string> words = {file.command, file.recipe.string()};
  words.insert(words.end(), cell.overrides.begin(), cell.overrides.end());
  words.push_back("output=" + files.run().string());
  words.insert(words.end(), {"--resume", "--threads", std::to_string(threads)});
  return RunStage(std::move(words), files.training(), files.log());
}

/// A command of `evaluate` with what every model adds to it.
Words EvaluateWords(const CellFiles& files, int threads, const Words& command) {
  Words words = command;
  words.insert(words.end(), {"--model", (files.run() / "hf").string(), "--threads",
                             std::to_string(threads), "--output", files.result(command).string()});
  if (command[0] == "eval") {
    words.insert(words.end(), {"--samples", files.samples(command).string()});
  }
  return words;
}

Words PrepareWords(int threads, const Words& command) {
  Words words = command;
  words.insert(words.end(), {"--threads", std::to_string(threads)});
  return words;
}

/// Where Prepare notes that the command at a place (from 0) is done: a hash of all up to it.
fs::path PrepareStamp(const ExperimentFile& file, size_t place) {
  return fs::path(file.output) / "prepare" / (std::to_string(place + 1) + ".done");
}

void CheckCommand(const ExperimentFile& file, const char* key, const Words& command,
                  const Words& words, const CommandCheck& check) {
  try {
    check(words);
  } catch (const InputError& error) {
    ErrorParts parts = error.parts();
    const std::string place = file.path.string() + ": " + key + ": meap " + Join(command, " ");
    parts.where = parts.where.empty() ? place : place + ": " + parts.where;
    throw InputError(parts);
  }
}

}  // namespace

fs::path CellFiles::result(const std::vector<std::string>& words) const {
  return folder / (words[0] + "-" + HashOf(words) + ".json");
}

fs::path CellFiles::samples(const std::vector<std::string>& words) const {
  return folder / (words[0] + "-" + HashOf(words) + ".jsonl");
}

bool IsFinished(const ExperimentFile& file, const Cell& cell) {
  const CellFiles files(file, cell);
  if (!fs::exists(files.training())) return false;
  for (const auto& words : file.evaluate) {
    if (!fs::exists(files.result(words))) return false;
  }
  return true;
}

ExitCode RunCell(const ExperimentFile& file, const Cell& cell, int wanted_threads) {
  const CellFiles files(file, cell);
  MakeOutputDirectory(files.folder, "output");
  const int threads = BeginCell(files, cell, wanted_threads);
  if (!fs::exists(files.training())) {
    const ExitCode code = Train(file, cell, threads);
    if (code != ExitCode::kDone) return code;
  }
  for (const auto& words : file.evaluate) {
    if (fs::exists(files.result(words))) continue;
    const ExitCode code =
        RunStage(EvaluateWords(files, threads, words), files.folder / "table.txt", files.log());
    if (code != ExitCode::kDone) return code;
  }
  return ExitCode::kDone;
}

ExitCode Prepare(const ExperimentFile& file, int threads) {
  const fs::path folder = fs::path(file.output) / "prepare";
  MakeOutputDirectory(folder, "output");
  Words so_far;
  for (size_t i = 0; i < file.prepare.size(); ++i) {
    so_far.push_back(HashOf(file.prepare[i]));
    const fs::path stamp = PrepareStamp(file, i);
    if (fs::exists(stamp) && ReadFile(stamp, "stamp") == HashOf(so_far)) continue;
    // First of all what comes after is no longer done, also when this is stopped.
    for (size_t j = i;; ++j) {
      const bool was_there = fs::remove(PrepareStamp(file, j));
      if (!was_there && j >= file.prepare.size()) break;
    }
    const fs::path out = folder / (std::to_string(i + 1) + ".txt");
    const ExitCode code = RunStage(PrepareWords(threads, file.prepare[i]), out, folder / "log.txt");
    if (code != ExitCode::kDone) return code;
    WriteFileAtomically(stamp, HashOf(so_far));
  }
  return ExitCode::kDone;
}

void CheckCommands(const ExperimentFile& file, const Cell& cell, const CommandCheck& check) {
  for (const Words& command : file.prepare) {
    CheckCommand(file, "prepare", command, PrepareWords(/*threads=*/1, command), check);
  }
  for (const Words& command : file.evaluate) {
    const Words words = EvaluateWords(CellFiles(file, cell), /*threads=*/1, command);
    CheckCommand(file, "evaluate", command, words, check);
  }
}

int64_t StepsDone(const CellFiles& files) {
  std::ifstream file(files.run() / "metrics.jsonl", std::ios::binary);
  if (!file) return 0;
  constexpr std::streamoff kTail = 4096;  // some lines of metrics
  file.seekg(0, std::ios::end);
  file.seekg(std::max<std::streamoff>(0, file.tellg() - kTail));
  int64_t step = 0;
  for (std::string line; std::getline(file, line);) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (object.is_object() && object.contains("step")) step = object["step"].get<int64_t>();
  }
  return step;
}

}  // namespace meap
