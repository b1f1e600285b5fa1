// meap tokenizer: encode, decode and inspect; train is in a file of its own.
#include "text/tokenizer.h"

#include <memory>

#include "commands.h"
#include "core/console.h"
#include "json_lines.h"
#include "tokenizer_commands.h"

namespace meap {
namespace {

struct TokenizerFlags {
  std::string tokenizer;
  std::string jsonl;
  bool special = false;
  bool skip_special = false;
  CommonFlags common;
};

void AppendIds(const std::vector<int32_t>& ids, std::string& out) {
  out += "{\"ids\": [";
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) out += ", ";
    out += std::to_string(ids[i]);
  }
  out += "]}\n";
}

void RunEncode(const TokenizerFlags& flags) {
  const int threads = ApplyCommonFlags(flags.common);
  const Tokenizer tokenizer = Tokenizer::Load(flags.tokenizer);
  if (flags.jsonl.empty()) {
    std::string out;
    AppendIds(tokenizer.Encode(ReadStdin(), flags.special), out);
    WriteToStdout(out);
    return;
  }
  MapJsonLines(flags.jsonl, threads, [&](const JsonLine& line, std::string& out) {
    AppendIds(tokenizer.Encode(line.String("text"), flags.special), out);
  });
}

void RunDecode(const TokenizerFlags& flags) {
  const int threads = ApplyCommonFlags(flags.common);
  const Tokenizer tokenizer = Tokenizer::Load(flags.tokenizer);
  MapJsonLines(flags.jsonl, threads, [&](const JsonLine& line, std::string& out) {
    out += "{\"text\": ";
    out += JsonString(tokenizer.Decode(line.Integers("ids"), flags.skip_special));
    out += "}\n";
  });
}

/// The text of a token with what a terminal would not show written out.
std::string Visible(std::string_view text, bool color) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += color ? "\\n\n" : "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02X", static_cast<unsigned char>(c));
      out += escaped.data();
    } else {
      out += c;
    }
  }
  return out;
}

/// Tokens in turning colours with their ids, or [text|id] where colours are no use. A token that is
/// part of a character shows the character with its last part.
void AppendTokens(const Tokenizer& tokenizer, std::string_view text, bool special, bool color,
                  std::string& out) {
  static constexpr std::array<const char*, 4> kColors = {"\x1B[30;46m", "\x1B[30;43m",
                                                         "\x1B[30;42m", "\x1B[30;45m"};
  const std::vector<int32_t> ids = tokenizer.Encode(text, special);
  StreamDecoder decoder(tokenizer, false);
  for (size_t i = 0; i < ids.size(); ++i) {
    std::string piece = decoder.Push(ids[i]);
    if (i + 1 == ids.size()) piece += decoder.Finish();
    const std::string id = std::to_string(ids[i]);
    if (color) {
      out.append(kColors[i % kColors.size()]).append(Visible(piece, true));
      out.append("\x1B[0m\x1B[2m").append(id).append("\x1B[0m");
    } else {
      out.append("[").append(Visible(piece, false)).append("|").append(id).append("]");
    }
  }
  out += "\n";
}

void RunInspect(const TokenizerFlags& flags) {
  const int threads = ApplyCommonFlags(flags.common);
  const Tokenizer tokenizer = Tokenizer::Load(flags.tokenizer);
  const bool color = StdoutTakesColor();
  const auto show = [&](std::string_view text, std::string& out) {
    AppendTokens(tokenizer, text, flags.special, color, out);
  };
  if (flags.jsonl.empty()) {
    std::string out;
    show(ReadStdin(), out);
    WriteToStdout(out);
    return;
  }
  MapJsonLines(flags.jsonl, threads,
               [&](const JsonLine& line, std::string& out) { show(line.String("text"), out); });
}

CLI::App* AddSubcommand(CLI::App& parent, const char* name, const char* help,
                        TokenizerFlags& flags) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("--tokenizer", flags.tokenizer, "Folder with the tokenizer's files")
      ->required();
  AddCommonFlags(*command, flags.common, Computes::kOnThreads);
  return command;
}

void AddEncode(CLI::App& parent) {
  const auto flags = std::make_shared<TokenizerFlags>();
  CLI::App* command = AddSubcommand(parent, "encode", "Texts to ids: {\"ids\": [...]}", *flags);
  command->add_option("--jsonl", flags->jsonl, "JSON Lines with `text` (default: text on stdin)");
  command->add_flag("--special", flags->special, "With the special tokens around the text");
  command->footer(
      "Examples:\n"
      "  echo -n 'Hello world' | meap tokenizer encode --tokenizer models/smollm2\n"
      "  meap tokenizer encode --tokenizer models/smollm2 --jsonl texts.jsonl > ids.jsonl");
  command->callback([flags] { RunEncode(*flags); });
}

void AddDecode(CLI::App& parent) {
  const auto flags = std::make_shared<TokenizerFlags>();
  CLI::App* command = AddSubcommand(parent, "decode", "Ids to texts: {\"text\": \"...\"}", *flags);
  command->add_option("--jsonl", flags->jsonl, "JSON Lines with `ids`")->required();
  command->add_flag("--skip-special", flags->skip_special, "Without special tokens");
  command->footer(
      "Example:\n"
      "  meap tokenizer decode --tokenizer models/smollm2 --jsonl ids.jsonl --skip-special");
  command->callback([flags] { RunDecode(*flags); });
}

void AddInspect(CLI::App& parent) {
  const auto flags = std::make_shared<TokenizerFlags>();
  CLI::App* command = AddSubcommand(parent, "inspect", "Shows where a text is cut", *flags);
  command->add_option("--jsonl", flags->jsonl, "JSON Lines with `text` (default: text on stdin)");
  command->add_flag("--special", flags->special, "With the special tokens around the text");
  command->footer(
      "Example:\n"
      "  echo -n 'Hello world' | meap tokenizer inspect --tokenizer models/smollm2\n"
      "On a terminal tokens have colours; elsewhere each is [text|id].");
  command->callback([flags] { RunInspect(*flags); });
}

}  // namespace

void AddTokenizerCommand(CLI::App& root) {
  CLI::App* tokenizer = root.add_subcommand("tokenizer", "Trains and applies tokenizers");
  tokenizer->require_subcommand(1);
  AddTokenizerTrainCommand(*tokenizer);
  AddEncode(*tokenizer);
  AddDecode(*tokenizer);
  AddInspect(*tokenizer);
}

}  // namespace meap
