// Fine-tuning with MEAP, paper section 3.2 (arXiv 2502.07490): a sample with a long answer is
// duplicated, the copy is masked, and the loss is taken on the answers of the original (U_q) and on
// the masked tokens of the copy (U_m). Which tokens stand where, token by token. A rendered sample
// S is [BOS] prompt answer end; more turns follow likewise.
#pragma once

#include <cstdint>
#include <vector>

#include "chat/tagged_tokens.h"
#include "objective/mask.h"

namespace meap {

/// The objective of a fine-tuning run.
struct FinetuneObjective {
  enum class Layout {
    kConcat,    // the paper: S and its copy without BOS, one causal sequence
    kSeparate,  // the authors' code: S and the masked copy with BOS, two rows
    kIsolated   // the control: as separate, side by side in one row, neither sees the other
  };
  enum class MaskSpan {
    kSample,  // any token of the copy but special ones
    kAnswer   // the last answer alone, its end never
  };

  bool duplicates = false;  // MEAP; false is NTP: every sample is plain SFT
  Layout layout = Layout::kConcat;
  MaskSpan mask_span = MaskSpan::kSample;
  bool restart_positions = false;  // concat: the copy gets the positions of the original's tokens
  bool static_masks = false;       // every epoch draws the masks of the first
  double mask_ratio = 0.1;         // P
  int32_t mask_id = -1;
  int32_t bos_id = -1;             // a first token of this id is BOS; -1: there is none
  int64_t min_answer_tokens = 50;  // only a longer answer makes a sample MEAP
  uint64_t seed = 0;
};

/// What becomes of a sample, the same in every epoch.
struct SamplePlan {
  enum class Form {
    kPlain,    // S once: its answer is short, or the objective is NTP
    kDoubled,  // S and its masked copy
    kFellBack  // S once: it would be doubled, but that does not fit
  };
  Form form = Form::kPlain;
  int64_t tokens = 0;      // of S that are used, from its head; 0: the sample is dropped
  bool truncated = false;  // the answer's tail is cut
};

/// The plan of a sample for sequences of `sequence_length` tokens. A longer one loses its tail with
/// `truncate`, else it is dropped; dropped, too, is one that would leave a row without a label.
SamplePlan PlanSample(const FinetuneObjective& objective, const TaggedTokens& sample,
                      int64_t sequence_length, bool truncate);

/// Which part of a sample a sequence holds.
enum class SamplePart : uint8_t {
  kOriginal,  // S
  kCopy,      // separate: the masked copy, with BOS
  kPair       // concat and isolated: S and its masked copy
};

/// The sequences that a planned sample becomes: {kOriginal}, {kPair} or {kOriginal, kCopy}.
std::vector<SamplePart> PartsOf(const FinetuneObjective& objective, const SamplePlan& plan);

/// Tokens in one of them.
int64_t PartLength(const FinetuneObjective& objective, const TaggedTokens& sample,
                   const SamplePlan& plan, SamplePart part);

/// One laid-out sequence, L tokens in every vector.
struct FinetuneSequence {
  std::vector<int64_t> input_ids = {};
  std::vector<int64_t> labels = {};     // at the token they name; kNoLabel elsewhere
  std::vector<int64_t> positions = {};  // for the rotary embedding
  std::vector<int64_t> segments = {};   // from 0: attention stays among equal ones
  std::vector<uint8_t> masked = {};     // 1 where the input became [MASK]: U_m is their labels
};

/// Lays out one part of a planned sample. Masks are drawn from (seed, epoch, sample id), or from
/// (seed, 0, sample id) when static.
FinetuneSequence LayOut(const FinetuneObjective& objective, const TaggedTokens& sample,
                        const SamplePlan& plan, SamplePart part, uint32_t epoch,
                        uint64_t sample_id);

}  // namespace meap
