// What a killed process leaves beside its files.
#pragma once

#include "core/files.h"

namespace meap {

/// Mends `folder` after processes that died while they wrote into it (AtomicFile, AtomicDirectory):
/// removes their NAME.tmp-PID and NAME.gone-PID, and where one died between the two renames that
/// replace a folder, finishes the replacement. What living processes write is left alone; this one
/// must not be writing into `folder`. Nothing happens when the folder does not exist.
void CleanLeftovers(const fs::path& folder);

/// Removes a folder so that a killed process never leaves half of it under its name. A failure is
/// a warning.
void RemoveFolder(const fs::path& path);

}  // namespace meap
