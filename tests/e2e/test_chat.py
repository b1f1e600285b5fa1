"""`meap chat` and `meap generate --messages`: scripts, history, the template, what is wrong with input."""
import json
import signal
import subprocess

import pytest

from conftest import MEAP, needs_slow, run_meap


def chat(model, lines, *flags):
    text = "".join(line + "\n" for line in lines)
    return run_meap("chat", "--model", model, "--max-new-tokens", 12, "--dtype", "f32", *flags, input=text)


@pytest.fixture
def copied(stories, tmp_path):
    """A copy of the model that may be given a template."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in stories.iterdir():
        if file.suffix != ".md":
            (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_a_model_without_a_template_gets_alpaca_and_a_note(stories):
    out, err = chat(stories, ["Tell me of Lily."])
    assert "alpaca" in err
    assert out.strip()
    again, _ = chat(stories, ["Tell me of Lily."], "--template", "alpaca", "--quiet")
    assert again == out


def test_history_goes_into_the_next_prompt_and_reset_forgets_it(stories):
    once, _ = chat(stories, ["Once there was a cat.", "", "/reset", "Once there was a cat."], "--template", "plain")
    half = len(once) // 2
    assert once[:half] == once[half:]
    more, _ = chat(stories, ["Once there was a cat.", "Once there was a cat."], "--template", "plain")
    assert more.startswith(once[:half]) and more != once


def test_history_is_what_generate_gets_as_messages(stories, tmp_path):
    first, _ = chat(stories, ["Once there was a dog."], "--template", "plain")
    both, _ = chat(stories, ["Once there was a dog.", "The end."], "--template", "plain")
    messages = [{"role": "user", "content": "Once there was a dog."}, {"role": "assistant", "content": first[:-1]},
                {"role": "user", "content": "The end."}]
    file = tmp_path / "m.json"
    file.write_text(json.dumps(messages))
    for command in ["generate", "chat"]:
        out, _ = run_meap(command, "--model", stories, "--messages", file, "--template", "plain", "--max-new-tokens", 12,
                          "--dtype", "f32", stdin=subprocess.DEVNULL)
        assert first + out == both


def test_system_message_and_quit(stories):
    plain, _ = chat(stories, ["A boy."], "--template", "plain")
    with_system, _ = chat(stories, ["/system Once upon a time, there was", "A boy.", "/quit", "never read"], "--template", "plain")
    flag, _ = chat(stories, ["A boy."], "--template", "plain", "--system", "Once upon a time, there was")
    assert with_system == flag != plain


def test_a_long_chat_forgets_its_oldest_turns_and_says_so(stories):
    lines = ["Once upon a time there was a little girl who had a red ball. " * 4] * 9
    out, err = chat(stories, lines, "--template", "plain")
    assert "are forgotten" in err
    _, err = run_meap("chat", "--model", stories, "--prompt", "word " * 2000, "--template", "plain", code=2,
                      stdin=subprocess.DEVNULL)
    assert "longer than the model's context" in err


def test_the_models_own_template_is_used(copied):
    (copied / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}")
    own, err = chat(copied, ["Once upon a time"])
    plain, _ = chat(copied, ["Once upon a time"], "--template", "plain")
    assert "alpaca" not in err and own == plain
    (copied / "chat_template.jinja").write_text("{{ messages | frobnicate }}")
    _, err = run_meap("chat", "--model", copied, "--prompt", "x", code=2, stdin=subprocess.DEVNULL)
    assert "chat_template, line 1" in err and "no filter 'frobnicate'" in err


@pytest.mark.parametrize("text, expected", [
    ("{", "bad_json"), ("[]", "no user's message"), ('[{"role": "assistant", "content": "a"}]', "role_order"),
    ('[{"role": "user"}]', 'no "content"'), ('[{"role": "user", "content": "  "}]', "empty_prompt"),
    ('[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]', "nothing to answer")])
def test_bad_messages_are_errors_that_name_the_file(stories, tmp_path, text, expected):
    file = tmp_path / "m.json"
    file.write_text(text)
    _, err = run_meap("generate", "--model", stories, "--messages", file, code=2)
    assert str(file) in err and expected in err


def test_wrong_usage(stories):
    run_meap("generate", "--model", stories, code=2)
    run_meap("generate", "--model", stories, "--prompt", "a", "--messages", "b", code=2)
    _, err = run_meap("chat", "--model", stories, "--template", "almaca", "--prompt", "x", code=2)
    assert "did you mean alpaca" in err
    _, err = run_meap("chat", "--model", stories, "--template", "chatml", "--prompt", "x", code=2)
    assert "<|im_start|>" in err


def test_sigint_ends_a_script_after_the_piece_being_written(stories):
    process = subprocess.Popen([MEAP, "chat", "--model", stories, "--template", "plain", "--max-new-tokens", "100000"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b"Once upon a time\n" * 200)
    process.stdin.flush()
    assert process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    process.stdin.close()
    process.stdout.read()
    assert process.wait(30) in (130, -signal.SIGINT)


@needs_slow()
def test_smollm2_knows_the_capital_of_france(smollm2):
    out, _ = run_meap("chat", "--model", smollm2, "--max-new-tokens", 40,
                      input="What is the capital of France?\nAnd of which country is Berlin the capital?\n")
    first, rest = out.split("\n", 1)
    assert "Paris" in first and "Germany" in rest


def test_messages_that_end_with_an_answer_leave_the_question_to_stdin(stories, tmp_path):
    file = tmp_path / "m.json"
    history = [{"role": "user", "content": "Once there was a dog."}, {"role": "assistant", "content": "It ran."}]
    file.write_text(json.dumps(history))
    out, _ = chat(stories, ["The end."], "--template", "plain", "--messages", file)
    file.write_text(json.dumps(history + [{"role": "user", "content": "The end."}]))
    answer, _ = chat(stories, ["never read"], "--template", "plain", "--messages", file)
    assert out == answer and out.strip()
