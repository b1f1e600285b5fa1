#include <functional>
#include <nlohmann/json.hpp>

#include "core/console.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/signals.h"
#include "data/synth.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kChunk = 4096;  // lines made at once

void Check(const fs::path& path, uint64_t count, const SynthOptions& options) {
  const auto check = [](bool right, const std::string& where, const std::string& expected,
                        const std::string& got) {
    if (right) return;
    throw InputError({.what = "data synth cannot do that",
                      .where = where,
                      .expected = expected,
                      .got = got,
                      .hint = "see meap data synth --help"});
  };
  check(path.extension() == ".jsonl", path.string(), "a file name that ends in .jsonl",
        "'" + path.filename().string() + "'");
  check(count > 0, "number of documents", "at least 1", "0");
  check(options.facts >= 1 && options.facts <= kMaxSynthFacts, "facts",
        "1 to " + std::to_string(kMaxSynthFacts), std::to_string(options.facts));
  check(options.min_facts >= 0 && options.min_facts <= options.facts, "min-facts",
        "0 to the number of facts, " + std::to_string(options.facts),
        std::to_string(options.min_facts));
  check(options.filler >= 0 && options.filler <= 10000, "filler", "0 to 10000 sentences",
        std::to_string(options.filler));
  check(options.repeats >= 1 && options.repeats <= 100, "repeats", "1 to 100",
        std::to_string(options.repeats));
}

SynthSummary WriteLines(const fs::path& path, uint64_t count, int threads, const std::string& label,
                        const std::function<Json(uint64_t)>& make) {
  SynthSummary summary;
  AtomicFile file(path);
  ProgressBar progress(label, count, "documents");
  std::vector<std::string> lines(std::min(count, kChunk));
  for (uint64_t begin = 0; begin < count; begin += kChunk) {
    const uint64_t size = std::min(kChunk, count - begin);
    ParallelFor(size, threads, [&](size_t i) {
      SignalGuard::StopIfRequested();
      lines[i] = make(begin + i).dump() + "\n";
    });
    for (uint64_t i = 0; i < size; ++i) {
      file.Write(lines[i]);
      summary.bytes += lines[i].size();
    }
    summary.documents += size;
    progress.Update(summary.documents);
  }
  file.Commit();
  return summary;
}

}  // namespace

SynthSummary WriteSynthDocuments(const fs::path& path, uint64_t count, const SynthOptions& options,
                                 int threads) {
  Check(path, count, options);
  return WriteLines(path, count, threads, "synth", [&](uint64_t index) {
    return Json{{"text", SynthDocument(options, index)}};
  });
}

SynthSummary WriteSynthProbes(const fs::path& path, uint64_t count, const SynthOptions& options,
                              int threads) {
  Check(path, count, options);
  return WriteLines(path, count, threads, "probes", [&](uint64_t index) {
    const SynthProbe probe = MakeSynthProbe(options, index);
    const int quarter = 25 * static_cast<int>(4 * probe.depth);
    return Json{{"context", probe.context}, {"question", probe.question}, {"answer", probe.answer},
                {"choices", probe.choices}, {"depth", quarter},           {"facts", probe.facts}};
  });
}

}  // namespace meap
