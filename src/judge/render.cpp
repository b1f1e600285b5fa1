#include "judge/render.h"

#include <fmt/format.h>

#include "core/text_table.h"

namespace meap {
namespace {

std::string Fixed(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

std::string ShareText(const MeanError& share) {
  if (share.n == 0) return "-";
  if (!share.stderr_of_mean) return fmt::format("{:.4f}", share.mean);
  return fmt::format("{:.4f} \u00b1{:.4f}", share.mean, *share.stderr_of_mean);
}

}  // namespace

std::string RenderVerdicts(const std::vector<JudgedTask>& tasks) {
  TextTable shares{.title = "Share of summaries without hallucination (\u00b1 standard error)",
                   .header = {"task", "model", "judge", "clean share", "clean", "hallucination",
                              "repaired", "undecided", "empty"}};
  TextTable pairs{.title = "Agreement of the judges",
                  .header = {"task", "model", "judges", "n", "agree", "Cohen's kappa"}};
  for (const JudgedTask& task : tasks) {
    for (const VerdictCounts& counts : task.counts) {
      shares.rows.push_back({task.task, task.run, counts.judge, ShareText(counts.clean_share),
                             std::to_string(counts.clean), std::to_string(counts.hallucination),
                             std::to_string(counts.repaired_clean + counts.repaired_hallucination),
                             std::to_string(counts.undecided), std::to_string(task.empty)});
    }
    for (const PairOfJudges& pair : task.pairs) {
      const Agreement& agreement = pair.agreement;
      const bool any = agreement.n > 0;
      pairs.rows.push_back(
          {task.task, task.run, pair.first + ", " + pair.second, std::to_string(agreement.n),
           any ? fmt::format("{:.1f} %", 100 * agreement.share) : "-", Fixed(agreement.kappa, 3)});
    }
  }
  std::string text = AlignedText(shares);
  if (!pairs.rows.empty()) text += "\n" + AlignedText(pairs);
  return text +
         "\nRepaired: verdicts among these that came when the judge was asked for the line once "
         "more. "
         "Undecided:\nno verdict line; counted as neither, and so are empty summaries, which no "
         "judge "
         "was shown.\n";
}

std::string RenderCalibration(const std::vector<JudgeCalibration>& judges) {
  TextTable table{.title = "Calibration: each judge beside people's verdicts",
                  .header = {"judge", "n", "undecided", "balanced accuracy", "finds hallucinations",
                             "passes clean ones", "agree", "Cohen's kappa"}};
  for (const auto& [judge, calibration] : judges) {
    const Agreement& agreement = calibration.agreement;
    table.rows.push_back(
        {judge, std::to_string(calibration.n), std::to_string(calibration.undecided),
         Fixed(calibration.balanced_accuracy, 3), Fixed(calibration.recall_hallucination, 3),
         Fixed(calibration.recall_clean, 3),
         agreement.n > 0 ? fmt::format("{:.1f} %", 100 * agreement.share) : "-",
         Fixed(agreement.kappa, 3)});
  }
  return AlignedText(table);
}

}  // namespace meap
