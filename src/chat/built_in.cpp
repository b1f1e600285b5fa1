#include "chat/built_in.h"

#include <array>

namespace meap::internal {
namespace {

// Stanford Alpaca's train.py: EOS directly after the answer. A system message takes the place of
// the first paragraph.
constexpr std::string_view kAlpaca = R"(
{%- set with_input = messages | selectattr('input', 'defined') | list -%}
{%- if messages[0].role == 'system' -%}
  {{ messages[0].content }}
{%- else -%}
  {{ 'Below is an instruction that describes a task' }}
  {%- if with_input -%}{{ ', paired with an input that provides further context' }}{%- endif -%}
  {{ '. Write a response that appropriately completes the request.' }}
{%- endif -%}
{%- for message in messages -%}
  {%- if message.role == 'user' -%}
    {%- if message.input is defined -%}
      {{ '\n\n### Instruction:\n' ~ message.instruction ~ '\n\n### Input:\n' ~ message.input }}
    {%- else -%}
      {{ '\n\n### Instruction:\n' ~ message.content }}
    {%- endif -%}
    {{ '\n\n### Response:' }}
  {%- elif message.role == 'assistant' -%}
    {{ message.content ~ eos_token }}
  {%- endif -%}
{%- endfor -%})";

// The messages as they stand, EOS after each answer.
constexpr std::string_view kPlain = R"(
{%- for message in messages -%}
  {{ message.content ~ (eos_token if message.role == 'assistant' else '') }}
{%- endfor -%})";

constexpr std::string_view kChatMl = R"(
{%- for message in messages -%}
  {{ '<|im_start|>' ~ message.role ~ '\n' ~ message.content ~ '<|im_end|>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%})";

constexpr std::string_view kLlama2 = R"(
{{- bos_token -}}
{%- for message in messages -%}
  {%- if message.role == 'user' -%}
    {{ '[INST] ' }}
    {%- if loop.previtem is defined and loop.previtem.role == 'system' -%}
      {{ '<<SYS>>\n' ~ loop.previtem.content ~ '\n<</SYS>>\n\n' }}
    {%- endif -%}
    {{ message.content ~ ' [/INST]' }}
  {%- elif message.role == 'assistant' -%}
    {{ ' ' ~ message.content ~ ' ' ~ eos_token }}
  {%- endif -%}
{%- endfor -%})";

// The form that the paper's authors fine-tuned with (Llama-3 base): EOS, not <|eot_id|>, ends an
// answer.
constexpr std::string_view kLlama3 = R"(
{{- bos_token -}}
{%- macro header(role) -%}{{ '<|start_header_id|>' ~ role ~ '<|end_header_id|>\n\n' }}{%- endmacro -%}
{%- if messages[0].role != 'system' -%}
  {{ header('system') ~ 'You are a helpful, excellent and smart assistant.<|eot_id|>' }}
{%- endif -%}
{%- for message in messages -%}
  {{ header(message.role) ~ message.content }}
  {{- eos_token if message.role == 'assistant' else '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ header('assistant') }}{%- endif -%})";

constexpr std::string_view kMistral = R"(
{{- bos_token -}}
{%- for message in messages -%}
  {%- if message.role == 'user' -%}
    {{ '[INST] ' }}
    {%- if loop.previtem is defined and loop.previtem.role == 'system' -%}
      {{ loop.previtem.content ~ '\n\n' }}
    {%- endif -%}
    {{ message.content ~ '[/INST]' }}
  {%- elif message.role == 'assistant' -%}
    {{ ' ' ~ message.content ~ eos_token }}
  {%- endif -%}
{%- endfor -%})";

constexpr std::array<std::string_view, 2> kChatMlTokens = {"<|im_start|>", "<|im_end|>"};
constexpr std::array<std::string_view, 3> kLlama3Tokens = {"<|start_header_id|>",
                                                           "<|end_header_id|>", "<|eot_id|>"};

constexpr BuiltInTemplate kTemplates[] = {
    {"llama2", kLlama2, {}},
    {"llama3", kLlama3, kLlama3Tokens},
    {"chatml", kChatMl, kChatMlTokens},
    {"mistral", kMistral, {}},
    {"alpaca", kAlpaca, {}},
    {"plain", kPlain, {}},
};

}  // namespace

std::span<const BuiltInTemplate> AllBuiltInTemplates() { return kTemplates; }

}  // namespace meap::internal
