// What the program was made from. cmake/Version.cmake writes the definitions.
#pragma once

namespace meap {

extern const char* const kVersion;
/// As torch.__version__ says it: "2.13.0+cpu".
extern const char* const kTorchVersion;
/// Commit of the source, with "-dirty" behind it where files were changed since; "" for none.
extern const char* const kRevision;

}  // namespace meap
