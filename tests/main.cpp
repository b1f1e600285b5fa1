#include <gtest/gtest.h>

#include "core/console.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  meap::SetQuiet(true);
  return RUN_ALL_TESTS();
}
