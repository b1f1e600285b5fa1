// One process at a time at work in a folder.
#pragma once

#include "core/files.h"

namespace meap {

/// The lock of a folder: FOLDER/lock, an empty file that stays there. Held from Take() until this
/// object goes or the process ends, however that ends.
class FolderLock {
 public:
  /// Whether child processes hold the lock too, until the last one has ended.
  enum class Children { kHold, kDoNotHold };

  /// InputError when the file cannot be opened.
  FolderLock(const fs::path& folder, Children children);
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

  /// False while another process holds it; does not wait. True where the file system has no locks.
  bool Take();

 private:
  int descriptor_ = -1;
};

}  // namespace meap
