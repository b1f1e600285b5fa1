// Any bytes as a chat template: parsed, and run on a conversation if they can be.
#include <string_view>

#include "core/error.h"
#include "core/strings.h"
#include "jinja/template.h"

using meap::jinja::Dict;
using meap::jinja::Sequence;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  if (!meap::IsValidUtf8(source)) return 0;
  Sequence messages;
  for (const char* role : {"system", "user", "assistant"}) {
    Dict message;
    message.Set("role", role);
    message.Set("content", meap::jinja::Text{" caf\u00e9 \n", {{0, 8, 1}}});
    messages.items.emplace_back(std::move(message));
  }
  Dict variables;
  variables.Set("messages", std::move(messages));
  variables.Set("add_generation_prompt", true);
  variables.Set("bos_token", "<s>");
  try {
    const meap::jinja::Template chat(source, "fuzz");
    const meap::jinja::Text text = chat.Render(variables);
    for (const meap::jinja::Mark& mark : text.marks) {
      if (mark.begin > mark.end || mark.end > text.bytes.size()) __builtin_trap();
    }
  } catch (const meap::InputError&) {
  }
  return 0;
}
