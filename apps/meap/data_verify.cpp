#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "data/token_store.h"
#include "data_commands.h"

namespace meap {

void AddDataVerifyCommand(CLI::App& data) {
  struct Flags {
    CommonFlags common;
    std::string folder;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* command = data.add_subcommand("verify", "Recompute every checksum of prepared data");
  command->add_option("DIR", flags->folder, "Folder that meap data prepare wrote")->required();
  AddCommonFlags(*command, flags->common, Computes::kOnThreads);
  command->footer(
      "Exits 0 when every byte is as it was written, else 2 with the shard and the block.\n"
      "Training checks each block of 256 KiB before it first uses it, so this is for backups and\n"
      "copies.\n\nExample:\n  meap data verify corpus");
  command->callback([flags] {
    const int threads = ApplyCommonFlags(flags->common);
    const TokenStore store = TokenStore::Open(flags->folder);
    store.Verify(threads);
    const nlohmann::ordered_json summary = {{"intact", true},
                                            {"shards", store.manifests().front().shards.size()},
                                            {"documents", store.documents()},
                                            {"tokens", store.tokens()}};
    std::printf("%s\n", summary.dump().c_str());
  });
}

}  // namespace meap
