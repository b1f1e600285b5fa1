// What the Python tests cannot see: marks, bounds, errors with lines. tests/parity/test_jinja.py
// compares rendered texts with jinja2.
#include "jinja/template.h"

#include <gmock/gmock.h>

#include "tests/support.h"

namespace meap::jinja {
namespace {

using meap::testing::ErrorOf;
using ::testing::HasSubstr;

Text Render(std::string_view source, std::string_view content = "") {
  Dict variables;
  variables.Set("x", Text{std::string(content), {{0, content.size(), 7}}});
  return Template(source, "t").Render(variables);
}

/// The parts of the output that came from `x`, each in brackets.
std::string Marked(std::string_view source, std::string_view content) {
  const Text text = Render(source, content);
  std::string shown;
  for (const Mark& mark : text.marks) {
    if (mark.source == 7) shown += "[" + text.bytes.substr(mark.begin, mark.end - mark.begin) + "]";
  }
  return shown;
}

TEST(Marks, FollowTextThroughWhatTemplatesDoWithIt) {
  EXPECT_EQ(Marked("a{{ x }}b", "one"), "[one]");
  EXPECT_EQ(Marked("{{ 'a' + x + 'b' }}", "one"), "[one]");
  EXPECT_EQ(Marked("{{ 'a' ~ x ~ 1 }}", "one"), "[one]");
  EXPECT_EQ(Marked("{{ x | trim }}!", " one \n"), "[one]");
  EXPECT_EQ(Marked("{{ x.strip() }}!", " one \n"), "[one]");
  EXPECT_EQ(Marked("{{ x[1:3] }}", "h\u00e9llo"), "[\u00e9l]");
  EXPECT_EQ(Marked("{{ x.split('</t>')[-1].lstrip() }}", "<t>no</t> yes"), "[yes]");
  EXPECT_EQ(Marked("{{ x.replace('b', '--') }}", "abc"), "[a][c]");
  EXPECT_EQ(Marked("{{ [x, 'z'] | join(', ') }}", "one"), "[one]");
  EXPECT_EQ(Marked("{% set y %}a{{ x }}{% endset %}{{ y }}", "one"), "[one]");
  EXPECT_EQ(Marked("{% macro m(v) %}<{{ v }}>{% endmacro %}{{ m(x) }}", "one"), "[one]");
  EXPECT_EQ(Marked("{{ x if x else 'none' }}", "one"), "[one]");
  EXPECT_EQ(Marked("{{ {'a': [x]}['a'][0] }}", "one"), "[one]");
  EXPECT_EQ(Marked("{% for c in x %}{{ c }}{% endfor %}", "one"), "[one]");
  EXPECT_EQ(Marked("{{ x | length }}{{ x | tojson }}", "one"), "");
}

TEST(Marks, GenerationBlocksAreMarked) {
  const Text text = Render("a{% generation %}b{{ x }}c{% endgeneration %}d", "one");
  ASSERT_EQ(text.marks.size(), 2u);
  EXPECT_EQ(text.bytes, "abonecd");
  EXPECT_EQ(text.marks[1].source, kGenerationSource);
  EXPECT_EQ(text.marks[1].begin, 1u);
  EXPECT_EQ(text.marks[1].end, 6u);
}

TEST(Errors, NameTheLineAndWhatIsMissing) {
  const auto error = [](const char* source) { return ErrorOf([&] { Render(source); }); };
  EXPECT_EQ(error("a\n{% if x %}\nb").where, "t, line 3");
  EXPECT_EQ(error("a\n\n{{ x | wordwrap }}").where, "t, line 3");
  EXPECT_THAT(error("{{ x | wordwrap }}").got, HasSubstr("no filter 'wordwrap'"));
  EXPECT_THAT(error("{% include 'x' %}").got, HasSubstr("no {% include %}"));
  EXPECT_THAT(error("{{ x is escaped }}").got, HasSubstr("no test 'escaped'"));
  EXPECT_THAT(error("{{ x.zfill(3) }}").got, HasSubstr("no method 'zfill'"));
  EXPECT_THAT(error("{{ '%s' % x }}").got, HasSubstr("no '%' formatting"));
  EXPECT_THAT(error("{{ y.z }}").got, HasSubstr("'y' is undefined"));
  EXPECT_THAT(error("{{ y() }}").got, HasSubstr("'y' is undefined"));
  EXPECT_THAT(error("{{ 1 + 'a' }}").got, HasSubstr("'int' and 'str'"));
  EXPECT_THAT(error("{{ raise_exception('No.') }}").got, HasSubstr("No."));
  EXPECT_THAT(error("{{ raise_exception('No.') }}").what, HasSubstr("refuses"));
  EXPECT_THAT(error("{{ 9223372036854775807 + 1 }}").got, HasSubstr("64 bits"));
  EXPECT_THAT(error("{{ '\u00df' | upper }}").got, HasSubstr("upper case"));
}

TEST(Bounds, NoTemplateRunsForEverOrFillsTheMemory) {
  const auto error = [](const std::string& source) {
    return ErrorOf([&] { Render(source, "0123456789"); }).got;
  };
  const std::string loop = "{% for a in range(99999) %}";
  EXPECT_THAT(error(loop + loop + "{% endfor %}{% endfor %}"), HasSubstr("come to an end"));
  EXPECT_THAT(error(loop + "{% set x = x * 2 %}{{ x * 100000 }}{% endfor %}"),
              HasSubstr("256 MiB"));
  EXPECT_THAT(error("{{ x * 1000000000000 }}"), HasSubstr("too long"));
  EXPECT_EQ(Render("{{ ('' * 1000000000000) ~ ([] * 1000000000000) }}", "").bytes, "[]");
  EXPECT_THAT(error("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), HasSubstr("too deeply"));
  EXPECT_THAT(error("{% set n = namespace(v=[]) %}" + loop + "{% set n.v = [n.v] %}{% endfor %}"),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(
      error("{% set n = namespace(v=[1]) %}" + loop + "{% set n.v = [n.v, n.v] %}{% endfor %}"),
      HasSubstr("too large"));
  EXPECT_THAT(error("{% set n = namespace() %}{% set n.n = n %}"), HasSubstr("namespaces"));
  EXPECT_THAT(error("{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}"),
              HasSubstr("nested too deeply"));
  std::string sum = "1";
  for (int i = 0; i < 5000; ++i) sum += "+1";
  EXPECT_THAT(error("{{ " + sum + " }}"), HasSubstr("too long"));
  EXPECT_THAT(error("{{ range(1000000) }}"), HasSubstr("100000"));
}

}  // namespace
}  // namespace meap::jinja
