#include "judge/judged_runs.h"

#include <algorithm>
#include <map>

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kMajority = "majority";

const char* NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kClean:
      return "clean";
    case Verdict::kHallucination:
      return "hallucination";
    default:
      return "undecided";
  }
}

std::string MetricOf(const std::string& judge) { return "clean_" + judge; }

/// Takes what an earlier judging left out of a run: a metric of a judge who is not asked again
/// would stand beside another majority.
void RemoveEarlierVerdicts(EvalRun& run) {
  const Json settings = run.object.value("settings", Json::object());
  const Json earlier = settings.is_object() ? settings.value("judges", Json::object()) : Json();
  std::vector<std::string> metrics = {MetricOf(kMajority)};
  if (earlier.is_object()) {
    for (const auto& [name, ignored] : earlier.items()) metrics.push_back(MetricOf(name));
  }
  for (auto& [task, results] : run.object["results"].items()) {
    for (const std::string& metric : metrics) {
      results.erase(metric);
      results.erase(metric + "_stderr");
    }
  }
  for (EvalSample& sample : run.samples) {
    std::erase_if(sample.metrics, [&](const auto& metric) {
      return std::find(metrics.begin(), metrics.end(), metric.first) != metrics.end();
    });
    for (const char* key : {"verdicts", "judge_replies"}) sample.extra.erase(key);
  }
  for (const char* key : {"verdicts", "calibration"}) run.object.erase(key);
}

/// Puts the verdicts on one summary into its sample; the last verdict is the majority's.
void Annotate(const std::vector<Judge>& judges, const std::vector<Verdict>& verdicts, bool empty,
              EvalSample& sample) {
  for (size_t j = 0; j < verdicts.size(); ++j) {
    const std::string name = j < judges.size() ? judges[j].name : kMajority;
    sample.extra["verdicts"][name] = empty ? "empty" : NameOf(verdicts[j]);
    if (!empty && verdicts[j] == Verdict::kUndecided) continue;
    const bool clean = !empty && verdicts[j] == Verdict::kClean;
    sample.metrics.emplace_back(MetricOf(name), clean ? 1 : 0);
  }
}

/// The verdicts on the summaries of one run and task: [judge, the majority last][summary].
struct TaskVerdicts {
  std::vector<std::vector<Verdict>> of;
  size_t empty = 0;
};

VerdictCounts CountsOf(const std::string& judge, const std::vector<Verdict>& verdicts,
                       size_t empty) {
  VerdictCounts counts{.judge = judge};
  std::vector<double> scores(empty, 0.0);
  for (const Verdict verdict : verdicts) {
    counts.clean += verdict == Verdict::kClean ? 1 : 0;
    counts.hallucination += verdict == Verdict::kHallucination ? 1 : 0;
    counts.undecided += verdict == Verdict::kUndecided ? 1 : 0;
    if (verdict != Verdict::kUndecided) scores.push_back(verdict == Verdict::kClean ? 1 : 0);
  }
  counts.clean_share = MeanAndError(scores);
  return counts;
}

JudgedTask Tally(const std::vector<Judge>& judges, const TaskVerdicts& verdicts) {
  JudgedTask judged;
  judged.empty = verdicts.empty;
  for (size_t j = 0; j < verdicts.of.size(); ++j) {
    const std::string name = j < judges.size() ? judges[j].name : kMajority;
    judged.counts.push_back(CountsOf(name, verdicts.of[j], verdicts.empty));
  }
  for (size_t a = 0; a < judges.size(); ++a) {
    for (size_t b = a + 1; b < judges.size(); ++b) {
      judged.pairs.push_back(
          {judges[a].name, judges[b].name, JudgeAgreement(verdicts.of[a], verdicts.of[b])});
    }
  }
  return judged;
}

/// The task's figures into the run's object.
void Record(const JudgedTask& judged, EvalRun& run) {
  Json& results = run.object["results"][judged.task];
  Json counts = Json::object();
  for (const VerdictCounts& count : judged.counts) {
    const std::string metric = MetricOf(count.judge);
    const MeanError& share = count.clean_share;
    results[metric] = share.n > 0 ? Json(share.mean) : Json(nullptr);
    results[metric + "_stderr"] =
        share.stderr_of_mean ? Json(*share.stderr_of_mean) : Json(nullptr);
    counts[count.judge] = {{"clean", count.clean},
                           {"hallucination", count.hallucination},
                           {"undecided", count.undecided}};
  }
  Json pairs = Json::array();
  for (const PairOfJudges& pair : judged.pairs) {
    Json entry = {{"judges", {pair.first, pair.second}}};
    entry.update(ToJson(pair.agreement));
    pairs.push_back(std::move(entry));
  }
  run.object["verdicts"][judged.task] = {
      {"counts", counts}, {"empty", judged.empty}, {"agreement", pairs}};
}

Json SettingsOf(const std::vector<Judge>& judges) {
  Json settings = Json::object();
  for (const Judge& judge : judges) {
    settings[judge.name] = {{"url", judge.url},
                            {"model", judge.model},
                            {"temperature", judge.temperature},
                            {"max_tokens", judge.max_tokens},
                            {"prompt_hash", PromptHash(JudgePrompt("", "", ""))}};
  }
  return settings;
}

}  // namespace

std::vector<JudgedTask> ApplyVerdicts(const std::vector<Judge>& judges,
                                      const std::vector<SummaryCase>& cases,
                                      const Opinions& opinions, std::vector<EvalRun>& runs) {
  for (EvalRun& run : runs) RemoveEarlierVerdicts(run);
  std::map<std::pair<size_t, std::string>, TaskVerdicts> tasks;
  for (const SummaryCase& item : cases) {
    EvalSample& sample = runs[item.run].samples[item.sample];
    TaskVerdicts& task = tasks[{item.run, sample.task}];
    task.of.resize(judges.size() + 1);
    std::vector<Verdict> verdicts;
    for (size_t j = 0; item.prompt && j < judges.size(); ++j) {
      const Opinion& opinion = opinions.of[j][*item.prompt];
      verdicts.push_back(opinion.verdict);
      sample.extra["judge_replies"][judges[j].name] = opinion.reply;
    }
    const bool empty = !item.prompt;
    if (empty) ++task.empty;
    verdicts.resize(judges.size(), Verdict::kUndecided);
    verdicts.push_back(Majority(verdicts));
    Annotate(judges, verdicts, empty, sample);
    for (size_t j = 0; !empty && j < verdicts.size(); ++j) task.of[j].push_back(verdicts[j]);
  }
  std::vector<JudgedTask> judged;
  for (const auto& [key, verdicts] : tasks) {
    EvalRun& run = runs[key.first];
    JudgedTask task = Tally(judges, verdicts);
    task.run = run.name;
    task.task = key.second;
    Record(task, run);
    run.object["settings"]["judges"] = SettingsOf(judges);
    judged.push_back(std::move(task));
  }
  return judged;
}

void WriteJudgedRuns(const std::vector<EvalRun>& runs, const Json& calibration,
                     const fs::path& results, const fs::path& samples) {
  const fs::path folder = fs::absolute(results).parent_path();
  AtomicFile lines(samples);
  Json objects = Json::array();
  for (const EvalRun& run : runs) {
    Json object = run.object;
    object["name"] = run.name;
    if (!calibration.is_null()) object["calibration"] = calibration;
    object["samples"] =
        fs::absolute(samples).lexically_normal().lexically_relative(folder).string();
    objects.push_back(std::move(object));
    for (EvalSample sample : run.samples) {
      sample.model = run.name;
      lines.Write(SampleLine(sample) + "\n");
    }
  }
  lines.Commit();
  const Json document = ResultsDocument(objects);
  WriteFileAtomically(results, document.dump(1, ' ', true, Json::error_handler_t::replace) + "\n");
}

}  // namespace meap
