#include "core/error.h"
#include "data/reader_formats.h"

namespace meap::internal {

std::unique_ptr<DocumentReader> OpenParquet(const fs::path& path, const ReaderOptions&,
                                            std::atomic<uint64_t>*) {
  throw InputError(
      {.what = "this build of meap reads no Parquet",
       .where = path.string(),
       .expected = "JSON Lines, text or CSV",
       .hint = "build with Arrow: .venv/bin/pip install pyarrow, then run cmake again"});
}

}  // namespace meap::internal
