// What every test may use: scratch folders, the fixtures, and the shared test data.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "core/error.h"

namespace meap::testing {

namespace fs = std::filesystem;

/// A fresh folder, removed with everything in it when the object dies.
class TempDir {
 public:
  TempDir() {
    std::string name = (fs::temp_directory_path() / "meap-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// The source tree, as tests/main.cpp was told: no other test unit depends on where it lies, so
/// that a compiler cache serves every checkout.
fs::path SourceDir();

/// Fixtures of our own making: tests/fixtures in the source tree.
inline fs::path Fixture(const std::string& name) {
  return SourceDir() / "tests" / "fixtures" / name;
}

/// The shared test data (MEAP_SHARED, default ../shared beside the source tree).
inline fs::path SharedRoot() {
  const char* named = std::getenv("MEAP_SHARED");
  return named != nullptr ? fs::path(named) : SourceDir() / ".." / "shared";
}

/// The meap::Error that `action` throws; fails the test when it throws none.
inline ErrorParts ErrorOf(const std::function<void()>& action, ExitCode code = ExitCode::kUsage) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    return error.parts();
  }
  ADD_FAILURE() << "no meap::Error was thrown";
  return {};
}

}  // namespace meap::testing

/// Skips the test without the shared data; under CI=true their absence is a failure.
#define MEAP_NEEDS_SHARED()                                                 \
  do {                                                                      \
    if (!std::filesystem::exists(::meap::testing::SharedRoot() / "data")) { \
      const char* ci = std::getenv("CI");                                   \
      if (ci != nullptr && std::string(ci) == "true") {                     \
        FAIL() << "no shared data at " << ::meap::testing::SharedRoot();    \
      }                                                                     \
      GTEST_SKIP() << "no shared data at " << ::meap::testing::SharedRoot() \
                   << "; set MEAP_SHARED";                                  \
    }                                                                       \
  } while (false)
