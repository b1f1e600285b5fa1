"""Prints docs/options.md: every recipe key and every flag, as the program itself lists them. usage: options_page.py MEAP"""
import re
import subprocess
import sys

COMMANDS = ["tokenizer train", "tokenizer encode", "tokenizer decode", "tokenizer inspect", "data prepare", "data inspect",
            "data verify", "data synth", "pretrain", "finetune", "inspect", "score", "generate", "chat", "eval", "compare",
            "attention decay", "attention segments", "attention profile", "experiment", "judge", "report", "options"]


def page(meap):
    def output(*words):
        text = subprocess.run([meap, *words], capture_output=True, text=True, check=True).stdout
        return text.replace(str(meap), "meap").rstrip()

    parts = ["# Every option\nMade by `make docs` from the program's own listings.\n",
             "## Keys of pre-training recipes\n" + output("options"),
             "\n## Keys of fine-tuning recipes\n" + output("options", "--task", "finetune")]
    for command in COMMANDS:
        text = re.sub(r"[ \t]+$", "", output(*command.split(), "--help"), flags=re.MULTILINE)
        parts.append(f"\n## meap {command}\n```\n{text}\n```")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page(sys.argv[1]))
