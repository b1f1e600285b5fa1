#include "page/training_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/console.h"

namespace meap {
namespace {

// More points than a screen has columns draw nothing that could be seen.
constexpr size_t kMostPoints = 800;

std::vector<double> Values(const StepSeries& series) {
  std::vector<double> values;
  for (const auto& [step, value] : series) values.push_back(value);
  return values;
}

double Sum(const StepSeries& series) {
  const std::vector<double> values = Values(series);
  return std::accumulate(values.begin(), values.end(), 0.0);
}

std::string Median(const StepSeries& series) {
  std::vector<double> values = Values(series);
  if (values.empty()) return "-";
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return FormatCount(*middle);
}

/// The last value, of training the mean over the last twentieth: single steps are noise.
std::string Last(const StepSeries& series, size_t points) {
  if (series.empty()) return "-";
  const size_t count = std::clamp<size_t>(points, 1, series.size());
  double sum = 0;
  for (size_t i = series.size() - count; i < series.size(); ++i) sum += series[i].second;
  return fmt::format("{:.4f}", sum / static_cast<double>(count));
}

std::string Lowest(const StepSeries& series) {
  const std::vector<double> values = Values(series);
  if (values.empty()) return "-";
  return fmt::format("{:.4f}", *std::min_element(values.begin(), values.end()));
}

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string ObjectiveOf(const TrainingRun& run) {
  const std::string name = run.Key("objective.name");
  if (name != "meap") return OrDash(name);
  return fmt::format("meap, mask ratio {}", run.Key("objective.mask_ratio"));
}

const char* StateName(RunState state) {
  if (state == RunState::kFinished) return "finished";
  return state == RunState::kStopped ? "stopped" : "training";
}

/// One metric of several runs, with how its lines look and what their names say.
struct MetricLine {
  std::string metric;
  std::string name;  // follows the run's
  std::string dash = "solid";
  bool markers = false;
};

void AddLines(const std::vector<TrainingRun>& runs, const std::vector<MetricLine>& lines,
              RunColors& colors, Figure& figure) {
  SeriesTable table("step");
  for (const TrainingRun& run : runs) {
    for (const MetricLine& line : lines) {
      const StepSeries& series = run.Metric(line.metric);
      if (series.empty()) continue;
      const std::string name = run.name + (line.name.empty() ? "" : ", " + line.name);
      table.Add(name, Thinned(series, kMostPoints));
      figure.series.push_back(
          {.name = name, .color = colors.Of(run.name), .dash = line.dash, .markers = line.markers});
    }
  }
  table.Fill(figure);
}

std::string ThinningNote(const std::vector<TrainingRun>& runs) {
  size_t most = 0;
  for (const TrainingRun& run : runs) most = std::max(most, run.Metric("loss").size());
  if (most <= kMostPoints) return "";
  return fmt::format(" Each point is a mean over about {} steps.",
                     (most + kMostPoints - 1) / kMostPoints);
}

/// Shows what comes after the first twentieth of the steps at full height: an untrained model's
/// loss would press it flat. Zooming out shows that too.
void LeaveOutTheStart(Figure& figure) {
  if (figure.rows.empty()) return;
  const double begin = 0.05 * figure.rows.back()[0].get<double>();
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const auto& row : figure.rows) {
    if (row[0].get<double>() < begin) continue;
    for (size_t c = 1; c < row.size(); ++c) {
      if (!row[c].is_number()) continue;
      low = std::min(low, row[c].get<double>());
      high = std::max(high, row[c].get<double>());
    }
  }
  const double margin = 0.05 * (high - low);
  if (margin > 0) figure.range = {low - margin, high + margin};
}

Figure LossFigure(const std::vector<TrainingRun>& runs, RunColors& colors) {
  Figure figure{.id = "loss-curves",
                .title = "Loss",
                .caption =
                    "Mean cross-entropy in nats a token. Validation is on text without masks, "
                    "which is what NTP and MEAP can be compared on; with masks, on the same text "
                    "masked as in training." +
                    ThinningNote(runs),
                .x_label = "step",
                .y_label = "nats a token"};
  AddLines(runs,
           {{.metric = "loss", .name = "training"},
            {.metric = "validation_loss", .name = "validation", .dash = "dash", .markers = true},
            {.metric = "validation_loss_masked",
             .name = "validation with masks",
             .dash = "dot",
             .markers = true}},
           colors, figure);
  LeaveOutTheStart(figure);
  return figure;
}

Figure MaskedLossFigure(const std::vector<TrainingRun>& runs, RunColors& colors) {
  Figure figure{.id = "loss-by-mask",
                .title = "Loss by how a position stands to the masks",
                .caption =
                    "Masked: the input is [MASK]. Unmasked: it is not. A target is always the "
                    "original token." +
                    ThinningNote(runs),
                .x_label = "step",
                .y_label = "nats a token"};
  AddLines(runs,
           {{.metric = "loss_masked", .name = "masked", .dash = "dot"},
            {.metric = "loss_unmasked", .name = "unmasked"}},
           colors, figure);
  LeaveOutTheStart(figure);
  return figure;
}

/// A figure of one metric as it is.
Figure MetricFigure(const std::vector<TrainingRun>& runs, const std::string& metric,
                    const std::string& title, const std::string& y_label,
                    const std::string& caption, RunColors& colors) {
  Figure figure{
      .id = Slug(title), .title = title, .caption = caption, .x_label = "step", .y_label = y_label};
  AddLines(runs, {{.metric = metric, .name = ""}}, colors, figure);
  return figure;
}

}  // namespace

PageSection OverviewSection(const std::vector<TrainingRun>& runs) {
  PageSection section("Training runs");
  if (runs.empty()) return section;
  PageTable table{.id = "runs",
                  .title = "Runs",
                  .header = {"run", "objective", "state", "steps", "tokens", "training loss",
                             "validation loss", "lowest", "tokens/s", "time"},
                  .left_columns = 3,
                  .note =
                      "Training loss: mean over the last twentieth of the steps. Tokens a second: "
                      "median over the steps, without validation and saving."};
  for (const TrainingRun& run : runs) {
    const StepSeries& loss = run.Metric("loss");
    const StepSeries& validation = run.Metric("validation_loss");
    const StepSeries& tokens = run.Metric("tokens");
    table.rows.push_back({run.name, ObjectiveOf(run), StateName(run.state),
                          loss.empty() ? "0" : fmt::format("{:.0f}", loss.back().first),
                          tokens.empty() ? "0" : FormatCount(tokens.back().second),
                          Last(loss, loss.size() / 20), Last(validation, 1), Lowest(validation),
                          Median(run.Metric("tokens_per_second")),
                          FormatDuration(Sum(run.Metric("step_seconds")))});
  }
  section.AddTable(table);
  return section;
}

PageSection RecipeSection(const std::vector<TrainingRun>& runs) {
  PageSection section("What was run");
  if (runs.empty()) return section;
  if (runs.size() > 1) {
    PageTable table{
        .id = "recipe-differences", .title = "Recipe keys that differ", .header = {"key"}};
    table.left_columns = runs.size() + 1;
    for (const TrainingRun& run : runs) table.header.push_back(run.name);
    for (const auto& [key, values] : RecipeDifferences(runs)) {
      auto& row = table.rows.emplace_back();
      row.push_back(key);
      for (const std::string& value : values) row.push_back(OrDash(value));
    }
    if (table.rows.empty()) {
      section.AddText("The runs have the same recipe.");
    } else {
      section.AddTable(table);
    }
  }
  for (const TrainingRun& run : runs) {
    std::string text;
    for (const auto& [key, value] : run.recipe) text += key + ": " + value + "\n";
    if (text.empty()) continue;
    section.AddHtml(
        Unfolding("Whole recipe of " + run.name, "<pre tabindex=0>" + Escaped(text) + "</pre>\n"));
  }
  return section;
}

PageSection LossSection(const std::vector<TrainingRun>& runs, RunColors& colors) {
  PageSection section("Loss");
  section.AddFigure(LossFigure(runs, colors));
  section.AddFigure(MaskedLossFigure(runs, colors));
  section.AddHtml("<div class=pair>\n");
  section.AddFigure(
      MetricFigure(runs, "grad_norm", "Gradient norm", "norm", "Before clipping.", colors));
  section.AddFigure(MetricFigure(runs, "lr", "Learning rate", "learning rate", "", colors));
  section.AddHtml("</div>\n");
  return section;
}

PageSection SpeedSection(const std::vector<TrainingRun>& runs, RunColors& colors) {
  PageSection section("Speed");
  section.AddFigure(MetricFigure(runs, "tokens_per_second", "Tokens a second", "tokens/s",
                                 "Of the training step alone, without validation and saving.",
                                 colors));
  PageTable table{.id = "step-time",
                  .title = "Where a step's time goes",
                  .header = {"run", "step, median s", "waiting for data"}};
  for (const TrainingRun& run : runs) {
    const double seconds = Sum(run.Metric("step_seconds"));
    if (!(seconds > 0)) continue;
    const double waiting = Sum(run.Metric("data_wait_seconds"));
    std::vector<double> steps = Values(run.Metric("step_seconds"));
    const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
    std::nth_element(steps.begin(), middle, steps.end());
    table.rows.push_back({run.name, fmt::format("{:.3f}", *middle),
                          fmt::format("{:.1f} %", 100 * waiting / seconds)});
  }
  if (!table.rows.empty()) section.AddTable(table);
  return section;
}

}  // namespace meap
