// Writes the f32 logits [T, V] of token ids to stdout, raw: for parity tests. usage: dump_logits
// MODEL ID...
#include <ATen/ATen.h>

#include <cstdio>
#include <cstdlib>

#include "infer/loaded_model.h"

int main(int argc, char** argv) {
  const at::NoGradGuard no_grad;
  const meap::LoadedModel loaded = meap::LoadModel(argv[1], "cpu", "f32");
  std::vector<int64_t> ids;
  for (int i = 2; i < argc; ++i) ids.push_back(std::atol(argv[i]));
  const auto length = static_cast<int64_t>(ids.size());
  meap::PackedAttender attender(meap::Segments{{0, length}});
  const at::Tensor logits =
      loaded.model
          .Logits(loaded.model.Forward(at::tensor(ids), at::arange(length, at::kLong), attender))
          .contiguous();
  std::fwrite(logits.const_data_ptr<float>(), sizeof(float), logits.numel(), stdout);
  return 0;
}
