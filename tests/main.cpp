#include <gtest/gtest.h>

#include "core/console.h"
#include "tests/support.h"

meap::testing::fs::path meap::testing::SourceDir() { return MEAP_SOURCE_DIR; }

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  meap::SetQuiet(true);
  return RUN_ALL_TESTS();
}
