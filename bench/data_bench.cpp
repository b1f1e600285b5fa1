// How fast batches are read from a prepared folder in random order, cold (every block is checked)
// and warm. usage: data_bench FOLDER [SEQUENCE_LENGTH [ROWS]]; JSON lines on stdout.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "data/batch.h"

namespace {

double Seconds(const meap::BatchReader& reader, uint64_t first_step, uint64_t steps) {
  const auto begin = std::chrono::steady_clock::now();
  for (uint64_t step = 0; step < steps; ++step) reader.Step(first_step + step);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: data_bench FOLDER [SEQUENCE_LENGTH [ROWS]]\n");
    return 2;
  }
  const uint64_t length = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1024;
  const int64_t rows = argc > 3 ? std::strtoll(argv[3], nullptr, 10) : 64;
  const auto store = std::make_shared<meap::TokenStore>(meap::TokenStore::Open(argv[1]));
  for (const bool isolate : {false, true}) {
    const meap::BatchReader reader(
        store, meap::BatchOptions{.sampler = {.sequence_length = length, .seed = 1},
                                  .batch_rows = rows,
                                  .isolate_documents = isolate});
    const uint64_t steps = reader.sampler().windows() / static_cast<uint64_t>(rows) + 1;
    for (const uint64_t first : {uint64_t{0}, steps, uint64_t{1000000000}}) {
      const double seconds = Seconds(reader, first, steps);
      const double tokens = static_cast<double>(steps * static_cast<uint64_t>(rows) * length);
      std::printf(
          "{\"isolate_documents\": %s, \"first_step\": %llu, \"tokens_per_second\": %.0f}\n",
          isolate ? "true" : "false", static_cast<unsigned long long>(first), tokens / seconds);
    }
  }
  return 0;
}
