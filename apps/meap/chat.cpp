#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>

#include "chat/read_conversations.h"
#include "commands.h"
#include "core/console.h"
#include "core/files.h"
#include "core/signals.h"
#include "core/strings.h"
#include "infer/chat_session.h"
#include "json_lines.h"
#include "model/device.h"
#include "sampling_flags.h"

namespace meap {
namespace {

struct ChatArguments {
  std::string model;
  std::string template_name = "model";
  std::string system;
  std::string prompt;
  std::string messages;
  SamplingOptions sampling{.max_new_tokens = 512};
  CommonFlags flags;
};

/// The loop of questions and answers.
class Chat {
 public:
  Chat(ChatSession& session, const SamplingOptions& sampling, bool terminal)
      : session_(session), sampling_(sampling), terminal_(terminal) {}

  /// Reads lines until their end or /quit. The exit code is that of a signal, if one ended it.
  ExitCode ReadLines() {
    if (terminal_)
      Note(
          "/reset forgets the conversation, /system TEXT sets a new one's system "
          "message, /quit ends; Ctrl-C stops an answer");
    std::string line;
    while (ReadLine(line)) {
      if (line == "/quit" || line == "/exit") break;
      if (IsBlank(line) || Command(line)) continue;
      const std::optional<ExitCode> code = Ask(line);
      if (code) return *code;
    }
    return ExitCode::kDone;
  }

  /// One question. In a terminal, what is wrong with it is told and forgotten, and SIGINT ends the
  /// answer alone.
  std::optional<ExitCode> Ask(const std::string& text) {
    try {
      session_.Say(text);
      return Answer();
    } catch (const InputError& error) {
      if (!terminal_) throw;
      Warn(error.what());
      return std::nullopt;
    }
  }

  std::optional<ExitCode> Answer() {
    const SignalGuard guard;
    const ChatReply reply = session_.Answer(sampling_, [](const std::string& piece) {
      return WritePiece(piece) && !SignalGuard::Requested();
    });
    ++sampling_.seed;  // another draw for the next answer
    WriteToStdout("\n");
    if (reply.dropped_messages > 0) {
      Note("the context is full: the oldest " + std::to_string(reply.dropped_messages) +
           " messages are forgotten");
    }
    if (reply.finish == Finish::kLimit) Note("cut at --max-new-tokens");
    if (reply.finish == Finish::kContext) Note("cut at the end of the model's context");
    const std::optional<ExitCode> code = SignalGuard::Requested();
    const bool goes_on = terminal_ && code == ExitCode::kInterrupted;
    if (goes_on) Note("stopped");
    return goes_on ? std::nullopt : code;
  }

 private:
  bool ReadLine(std::string& line) {
    if (terminal_) std::fputs("> ", stderr);
    return static_cast<bool>(std::getline(std::cin, line));
  }

  bool Command(const std::string& line) {
    if (line == "/reset") {
      session_.Reset();
    } else if (line == "/system" || line.starts_with("/system ")) {
      session_.SetSystem(line.size() > 8 ? line.substr(8) : "");
    } else {
      return false;
    }
    return true;
  }

  ChatSession& session_;
  SamplingOptions sampling_;
  bool terminal_;
};

ExitCode RunChat(const ChatArguments& arguments) {
  SetComputeThreads(ApplyCommonFlags(arguments.flags));
  const LoadedModel loaded =
      LoadModel(arguments.model, arguments.flags.device, arguments.flags.dtype);
  ChatSession session(loaded, ChatTemplate(arguments.template_name, loaded.tokenizer));
  session.SetSystem(arguments.system);
  SamplingOptions sampling = arguments.sampling;
  sampling.seed = arguments.flags.seed;
  const bool terminal = ::isatty(STDIN_FILENO) != 0;
  Chat chat(session, sampling, terminal);
  std::optional<ExitCode> code;
  bool asked = !arguments.prompt.empty();
  if (!arguments.messages.empty()) {
    session.SetMessages(
        ParseMessages(ReadFile(arguments.messages, "messages"), arguments.messages));
    if (session.messages().back().role == "user") {
      asked = true;
      code = chat.Answer();
    }
  }
  if (!code && !arguments.prompt.empty()) code = chat.Ask(arguments.prompt);
  if (code) return *code;
  return asked && !terminal ? ExitCode::kDone : chat.ReadLines();
}

}  // namespace

void AddChatCommand(CLI::App& root, ExitCode& exit_code) {
  auto arguments = std::make_shared<ChatArguments>();
  CLI::App* command = root.add_subcommand("chat", "Talk to a model under its chat template");
  command->add_option("--model", arguments->model, "Hugging Face folder")->required();
  AddTemplateFlag(*command, arguments->template_name);
  command->add_option("--system", arguments->system, "System message");
  command->add_option("--prompt", arguments->prompt, "First question");
  command->add_option("--messages", arguments->messages,
                      "JSON file with the conversation so far: [{\"role\", \"content\"}, ...]");
  AddSamplingFlags(*command, arguments->sampling);
  AddCommonFlags(*command, arguments->flags, Computes::kModel);
  command->footer(
      "Questions are read from stdin, a line each; answers go to stdout as they are made. With\n"
      "--prompt, or --messages that end with a question, and stdin not a terminal, that one is\n"
      "answered and nothing is read.\n"
      "Lines that are commands: /reset, /system TEXT, /quit.\n"
      "Examples:\n"
      "  meap chat --model DIR\n"
      "  meap chat --model DIR --prompt \"What is the capital of France?\"\n"
      "  printf 'Hello\\nAnd in French?\\n' | meap chat --model DIR --quiet > answers.txt");
  command->callback([arguments, &exit_code] { exit_code = RunChat(*arguments); });
}

}  // namespace meap
