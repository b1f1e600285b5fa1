#include "page/assets.h"

#include "core/error.h"

// The assembler copies a file's bytes between two symbols.
#define MEAP_EMBED(name, file)                                               \
  __asm__(                                                                   \
      ".pushsection .rodata\n"                                               \
      ".global meap_" #name "_begin\nmeap_" #name "_begin:\n.incbin \"" file \
      "\"\n"                                                                 \
      ".global meap_" #name "_end\nmeap_" #name                              \
      "_end:\n.byte 0\n"                                                     \
      ".popsection\n");                                                      \
  extern "C" const char meap_##name##_begin[];                               \
  extern "C" const char meap_##name##_end[]

MEAP_EMBED(page_css, MEAP_PAGE_FOLDER "/page.css");
MEAP_EMBED(page_js, MEAP_PAGE_FOLDER "/page.js");
#ifdef MEAP_PLOTLY
MEAP_EMBED(plotly_js, MEAP_PLOTLY);
#endif

namespace meap {
namespace {

std::string_view Between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

std::string_view PageStyle() { return Between(meap_page_css_begin, meap_page_css_end); }
std::string_view PageScript() { return Between(meap_page_js_begin, meap_page_js_end); }

std::string PlotlyScript(const fs::path& file) {
  if (file.empty()) {
#ifdef MEAP_PLOTLY
    return std::string(Between(meap_plotly_js_begin, meap_plotly_js_end));
#else
    throw InputError({.what = "this build has no plotly.js to draw with",
                      .expected = "--plotly FILE with plotly.min.js",
                      .hint = "pip install plotly brings it (plotly/package_data/plotly.min.js); "
                              "`make` builds it in"});
#endif
  }
  std::string script = ReadFile(file, "plotly.js");
  if (script.find("plotly.js v") != std::string::npos) return script;
  throw InputError(
      {.what = "not plotly.js",
       .where = file.string(),
       .expected = "plotly.min.js, as the PyPI package plotly has it in package_data"});
}

}  // namespace meap
