#include "judge/judged_runs.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"

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

Json ObjectAt(const Json& object, const std::string& key) {
  Json value = object.value(key, Json::object());
  return value.is_object() ? value : Json::object();
}

/// The judges of an earlier judging: their settings by name.
Json EarlierJudges(const EvalRun& run) {
  return ObjectAt(ObjectAt(run.object, "settings"), "judges");
}

/// Whether verdicts of the judge stand in the run on a task that is not among `judged`.
bool JudgedOthers(const EvalRun& run, const std::string& judge,
                  const std::set<std::string>& judged) {
  const Json all = ObjectAt(run.object, "verdicts");
  for (const auto& [task, verdicts] : all.items()) {
    if (!judged.contains(task) && ObjectAt(verdicts, "counts").contains(judge)) return true;
  }
  return false;
}

/// The tasks of each run that are judged now.
std::vector<std::set<std::string>> TasksOf(const std::vector<SummaryCase>& cases,
                                           const std::vector<EvalRun>& runs) {
  std::vector<std::set<std::string>> tasks(runs.size());
  for (const SummaryCase& item : cases) {
    tasks[item.run].insert(runs[item.run].samples[item.sample].task);
  }
  return tasks;
}

/// Takes what an earlier judging said of the tasks `judged` out of a run: a metric of a judge who
/// is not asked again would stand beside another majority. Judges without any verdict left go, too.
void RemoveEarlierVerdicts(const std::set<std::string>& judged, EvalRun& run) {
  if (judged.empty()) return;
  const Json judges = EarlierJudges(run);
  std::vector<std::string> metrics = {MetricOf(kMajority)};
  for (const auto& [name, ignored] : judges.items()) metrics.push_back(MetricOf(name));
  for (auto& [task, results] : run.object["results"].items()) {
    if (!judged.contains(task)) continue;
    for (const std::string& metric : metrics) {
      results.erase(metric);
      results.erase(metric + "_stderr");
    }
  }
  for (EvalSample& sample : run.samples) {
    if (!judged.contains(sample.task)) continue;
    std::erase_if(sample.metrics, [&](const auto& metric) {
      return std::find(metrics.begin(), metrics.end(), metric.first) != metrics.end();
    });
    for (const char* key : {"verdicts", "judge_replies", "repaired"}) sample.extra.erase(key);
  }
  Json kept = Json::object();
  for (const auto& [name, settings] : judges.items()) {
    if (JudgedOthers(run, name, judged)) kept[name] = settings;
  }
  run.object["settings"]["judges"] = kept;
  if (kept.empty()) run.object.erase("calibration");
  Json verdicts = ObjectAt(run.object, "verdicts");
  for (const std::string& task : judged) verdicts.erase(task);
  run.object["verdicts"] = verdicts;
}

/// Puts the verdicts on one summary into its sample; the last verdict is the majority's.
void Annotate(const std::vector<Judge>& judges, const std::vector<Verdict>& verdicts, bool empty,
              EvalSample& sample) {
  for (size_t j = 0; j < verdicts.size(); ++j) {
    const std::string name = j < judges.size() ? judges[j].name : kMajority;
    sample.extra["verdicts"][name] = empty ? "empty" : NameOf(verdicts[j]);
    if (empty || verdicts[j] == Verdict::kUndecided) continue;
    sample.metrics.emplace_back(MetricOf(name), verdicts[j] == Verdict::kClean ? 1 : 0);
  }
}

/// The verdicts on the summaries of one run and task: [judge, the majority last][summary].
struct TaskVerdicts {
  std::vector<std::vector<Verdict>> of;
  std::vector<std::vector<Verdict>> repaired;  // [judge]: those of a second reply, among these
  size_t empty = 0;
};

VerdictCounts CountsOf(const std::string& judge, const std::vector<Verdict>& verdicts,
                       const std::vector<Verdict>& repaired) {
  VerdictCounts counts{.judge = judge};
  const auto count = [&](Verdict verdict) {
    return static_cast<size_t>(std::count(repaired.begin(), repaired.end(), verdict));
  };
  counts.repaired_clean = count(Verdict::kClean);
  counts.repaired_hallucination = count(Verdict::kHallucination);
  std::vector<double> scores;
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
    judged.counts.push_back(CountsOf(name, verdicts.of[j], verdicts.repaired[j]));
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
  Json repaired = Json::object();
  for (const VerdictCounts& count : judged.counts) {
    const std::string metric = MetricOf(count.judge);
    const MeanError& share = count.clean_share;
    results[metric] = share.n > 0 ? Json(share.mean) : Json(nullptr);
    results[metric + "_stderr"] =
        share.stderr_of_mean ? Json(*share.stderr_of_mean) : Json(nullptr);
    counts[count.judge] = {{"clean", count.clean},
                           {"hallucination", count.hallucination},
                           {"undecided", count.undecided}};
    if (count.judge == kMajority) continue;
    repaired[count.judge] = {{"clean", count.repaired_clean},
                             {"hallucination", count.repaired_hallucination}};
  }
  Json pairs = Json::array();
  for (const PairOfJudges& pair : judged.pairs) {
    Json entry = {{"judges", {pair.first, pair.second}}};
    entry.update(ToJson(pair.agreement));
    pairs.push_back(std::move(entry));
  }
  run.object["verdicts"][judged.task] = {
      {"counts", counts}, {"repaired", repaired}, {"empty", judged.empty}, {"agreement", pairs}};
}

Json SettingsOf(const Judge& judge) {
  return {{"url", judge.url},
          {"model", judge.model},
          {"temperature", judge.temperature},
          {"max_tokens", judge.max_tokens},
          {"prompt_hash", PromptHash(JudgePrompt("", "", ""))}};
}

}  // namespace

void CheckEarlierJudges(const std::vector<Judge>& judges, const std::vector<SummaryCase>& cases,
                        const std::vector<EvalRun>& runs) {
  const auto tasks = TasksOf(cases, runs);
  for (size_t r = 0; r < runs.size(); ++r) {
    const Json earlier = EarlierJudges(runs[r]);
    for (const Judge& judge : judges) {
      if (tasks[r].empty() || !JudgedOthers(runs[r], judge.name, tasks[r])) continue;
      const Json before = earlier.value(judge.name, Json());
      if (before == SettingsOf(judge)) continue;
      throw InputError({.what = "the judge " + judge.name + " was another one before",
                        .where = runs[r].file.string() + ", settings.judges." + judge.name,
                        .expected = SettingsOf(judge).dump(),
                        .got = before.dump(),
                        .hint = "name this judge otherwise, or judge all tasks again (--tasks)"});
    }
  }
}

std::vector<JudgedTask> ApplyVerdicts(const std::vector<Judge>& judges,
                                      const std::vector<SummaryCase>& cases,
                                      const Opinions& opinions, std::vector<EvalRun>& runs) {
  const auto judged_now = TasksOf(cases, runs);
  for (size_t r = 0; r < runs.size(); ++r) RemoveEarlierVerdicts(judged_now[r], runs[r]);
  std::map<std::pair<size_t, std::string>, TaskVerdicts> tasks;
  for (const SummaryCase& item : cases) {
    EvalSample& sample = runs[item.run].samples[item.sample];
    TaskVerdicts& task = tasks[{item.run, sample.task}];
    task.of.resize(judges.size() + 1);
    task.repaired.resize(judges.size() + 1);
    std::vector<Verdict> verdicts;
    for (size_t j = 0; item.prompt && j < judges.size(); ++j) {
      const Opinion& opinion = opinions.of[j][*item.prompt];
      verdicts.push_back(opinion.verdict);
      sample.extra["judge_replies"][judges[j].name] = opinion.reply;
      if (!opinion.repaired || opinion.verdict == Verdict::kUndecided) continue;
      sample.extra["repaired"].push_back(judges[j].name);
      task.repaired[j].push_back(opinion.verdict);
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
    for (const Judge& judge : judges) {
      run.object["settings"]["judges"][judge.name] = SettingsOf(judge);
    }
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
  const Json document = runs.size() == 1
                            ? objects[0]
                            : Json{{"format", "meap-results-1"}, {"runs", std::move(objects)}};
  WriteFileAtomically(results, document.dump(1, ' ', true, Json::error_handler_t::replace) + "\n");
}

}  // namespace meap
