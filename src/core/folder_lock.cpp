#include "core/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace meap {

FolderLock::FolderLock(const fs::path& folder, Children children) {
  const fs::path path = folder / "lock";
  const int inherited = children == Children::kHold ? 0 : O_CLOEXEC;
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | inherited, 0666);
  if (descriptor_ < 0) {
    throw InputError({.what = "cannot lock a folder",
                      .where = path.string(),
                      .expected = "a file that can be created and written",
                      .got = std::strerror(errno),
                      .hint = "choose another folder or change its permissions"});
  }
}

FolderLock::~FolderLock() { ::close(descriptor_); }

bool FolderLock::Take() {
  return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

}  // namespace meap
