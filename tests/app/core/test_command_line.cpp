// SPDX-License-Identifier: GPL-3.0-or-later
//
// The real program, as a user's script drives it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/app/core/command_line.h"

using namespace pitwall::testing_program;
using nlohmann::json;
using ::testing::HasSubstr;

namespace {

std::vector<json> lines(const std::string& out) {
    std::vector<json> parsed;
    for (size_t begin = 0; begin < out.size();) {
        const size_t end = out.find('\n', begin);
        parsed.push_back(json::parse(out.substr(begin, end - begin)));
        begin = end + 1;
    }
    return parsed;
}

}  // namespace

TEST(CommandLine, WrongUseIsRefusedByName) {
    expect_refused({}, "no window");
    expect_refused({"nonsense"}, "nonsense");
    expect_refused({"generat"}, "did you mean generate?");
    expect_refused({"generate", "--promt", "x"}, "did you mean --prompt?");
    expect_refused({"generate"}, "--prompt");
    expect_refused({"generate", "--prompt", "x", "--chat", "y"}, "exactly one");
    expect_refused({"generate", "--prompt", "x", "--max-tokens", "minus one"}, "max-tokens");
    expect_refused({"generate", "--prompt", "x", "--set", "max_num_seq=4"}, "did you mean max_num_seqs?");
    expect_refused({"generate", "--prompt", "x", "--set", "max_num_seqs=-3"}, "1 to 4096");
    expect_refused({"generate", "--prompt", "x", "--at", "max_num_seqs=3"}, "--at");
    expect_refused({"generate", "--prompt", "x", "--at", "1\x1b[2J\n:"},
                   "--at 1 [2J :");  // quoted, not obeyed
    expect_refused(tiny({"generate", "--prompt", "x", "--temperature", "-1"}), "temperature");
    expect_refused(tiny({"generate", "--prompt", ""}), "no token");
    expect_refused(tiny({"generate", "--prompt", "x", "--max-tokens", "999999"}), "context");
    expect_refused({"generate", "--prompt", "x", "--model", "/nonexistent.gguf"}, "/nonexistent.gguf");
    expect_refused({"generate", "--prompt", "x", "--model", "synthetic:tinny"}, "tiny");
    expect_refused({"generate", "--prompt", "x", "--preset", "/nonexistent.json"}, "/nonexistent.json");
    expect_refused({"generate", "--prompt", "x", "--device", "simm"}, "did you mean sim?");
    expect_refused({"generate", "--prompt", "x", "--device", "gpu"}, "did you mean cuda?");
    expect_refused({"generate", "--prompt", "x", "--set", "tensor_parallel_size=2"}, "--device cuda:0,1");
    expect_refused({"generate", "--prompt", "x", "--tensor-parallel-size", "2"}, "--device cuda:0,1");
    expect_refused({"generate", "--prompt", "x", "--max-num-seqs=4"},
                   "that is --set max_num_seqs=VALUE here");
    expect_refused({"generate", "--prompt", "x", "--enforce-eager"},
                   "there is no option --enforce-eager: see `pitwall generate --help`");
    expect_refused({"generate", "--prompt", "x", "--device", "cuda:first"}, "use cuda:0 for the first");
    expect_refused(tiny({"run", "--headless", "--device", "sim:h1000", "--duration", "1"}), "h1000");
    expect_refused({"run", "--headless", "--workload", "chatt", "--duration", "1"}, "did you mean chat?");
    expect_refused({"run", "--workload", "chat"}, "no window");
    expect_refused({"run", "--headless", "--workload", "chat", "--duration", "nan"}, "nan");
    expect_refused({"generate", "--prompt", "x", "--timeout", "NaN"}, "NaN");
    for (const char* seed : {"-1", "18446744073709551616", "1.5", ""})
        expect_refused({"knobs", "--seed", seed}, "--seed");
    expect_refused({"preset", "export", "/tmp/p.json"}, "`pitwall preset export --help`");
    expect_refused({"--opengl", "perhaps"}, "--opengl");
    expect_refused(tiny({"run", "--headless", "--duration", "1", "--screenshots", "/tmp"}), "--screenshots");
    expect_refused(tiny({"run", "--headless", "--duration", "1", "--record", "/nonexistent/dir/s.db"}),
                   "/nonexistent/dir");
    expect_refused(tiny({"run", "--headless", "--duration", "1", "--summary", "/nonexistent/dir/s.json"}),
                   "/nonexistent/dir");
    expect_refused({"replay", "/nonexistent.db"}, "/nonexistent.db");
    expect_refused({"score", "--ids", "/nonexistent"}, "/nonexistent");
    expect_refused({"score"}, "--ids");
    expect_refused({"preset", "check", "/dev/null"}, "/dev/null");
    expect_refused({"preset", "chekc", "x"}, "did you mean check?");
    expect_refused({"preset", "export", "x", "--to", "vlm"}, "did you mean vllm?");
    expect_refused({"inspect", "/dev/null"}, "/dev/null");
}

TEST(CommandLine, HelpAndVersionGoToStdout) {
    const Ended help = run_pitwall({"--help"});
    EXPECT_EQ(help.code, 0);
    for (const char* word : {"run", "replay", "generate", "tokenize", "detokenize", "score", "bench", "knobs",
                             "preset", "inspect", "--set"})
        EXPECT_THAT(help.out, HasSubstr(word));
    EXPECT_THAT(help.out, HasSubstr("Exit status: 0 done"));
    const std::string generate = run_pitwall({"generate", "--help"}).out;
    EXPECT_THAT(generate, HasSubstr("--requests"));
    EXPECT_THAT(generate, HasSubstr("single requests were rejected or failed"));
    EXPECT_THAT(run_pitwall({"--version"}).out, HasSubstr("pitwall "));
}

TEST(CommandLine, TokenizesThereAndBack) {
    const Ended there =
        run_pitwall(tiny({"tokenize"}),
                    "{\"text\": \"a<|im_end|>\"}\n{\"text\": \"a<|im_end|>\", \"special\": false}\n"
                    "{\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}\n");
    ASSERT_EQ(there.code, 0) << there.err;
    const auto out = lines(there.out);
    ASSERT_EQ(out.size(), 3u);
    EXPECT_EQ(out[0]["ids"].size(), 2u);
    EXPECT_EQ(out[1]["ids"].size(), 11u);
    EXPECT_THAT(out[2]["text"].get<std::string>(), HasSubstr("user\nhi"));
    const Ended back = run_pitwall(tiny({"detokenize"}), json{{"ids", out[0]["ids"]}}.dump() + "\n" +
                                                             json{{"ids", json::array()}}.dump() + "\n");
    EXPECT_EQ(lines(back.out)[0]["text"], "a<|im_end|>");
    EXPECT_EQ(lines(back.out)[1]["text"], "");
    const Ended wrong = run_pitwall(tiny({"tokenize"}), "{\"text\": \"good\"}\n{\"txt\": \"a\"}\n");
    EXPECT_EQ(wrong.code, 2);
    EXPECT_EQ(wrong.out, "") << "a wrong line leaves nothing on stdout";
    EXPECT_THAT(wrong.last_line(), HasSubstr("line 2"));
    EXPECT_EQ(run_pitwall(tiny({"detokenize"}), "{\"ids\": [999999]}\n").code, 2);
}

TEST(CommandLine, GeneratesOneAnswer) {
    const auto words =
        tiny({"generate", "--prompt", "abc", "--max-tokens", "12", "--temperature", "0", "--ignore-eos"});
    auto with_json = words;
    with_json.push_back("--json");
    const Ended ended = run_pitwall(with_json);
    ASSERT_EQ(ended.code, 0) << ended.err;
    const json answer = json::parse(ended.out);
    EXPECT_EQ(answer["ids"].size(), 12u);
    EXPECT_EQ(answer["finish_reason"], "length");
    EXPECT_EQ(answer["usage"]["prompt_tokens"], 3);
    EXPECT_EQ(answer["usage"]["output_tokens"], 12);
    EXPECT_EQ(run_pitwall(words).out, answer["text"].get<std::string>() + "\n");
}

TEST(CommandLine, AnswersAFileInItsOrder) {
    const std::string file = temporary("requests.jsonl");
    write_file(
        file,
        R"({"id": "late", "ids": [10, 11, 12], "max_tokens": 3, "arrival_ms": 50})"
        "\n"
        R"({"id": "big", "ids": [10, 11, 12], "max_tokens": 5000, "ignore_eos": true})"
        "\n"
        R"({"id": "slow", "ids": [10, 11, 12], "max_tokens": 1500, "ignore_eos": true, "timeout_ms": 1})"
        "\n"
        R"({"id": "ok", "ids": [10, 11, 12], "max_tokens": 3, "ignore_eos": true})"
        "\n");
    const Ended ended = run_pitwall(tiny({"generate", "--requests", file, "--set", "num_kv_blocks=128",
                                          "--at", "1:max_num_seqs=2", "--at", "100000:batching=static"}));
    ASSERT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.last_line(), HasSubstr("1 of 4 requests were rejected or failed"));
    EXPECT_THAT(ended.last_line(), HasSubstr("\"big\": "));
    EXPECT_NE(ended.err.find("--at 100000: batching was not turned"), std::string::npos) << ended.err;
    const auto out = lines(ended.out);
    ASSERT_EQ(out.size(), 4u);
    EXPECT_EQ(out[0]["id"], "late");
    EXPECT_GE(out[0]["timing"]["arrival_ms"], 50);
    EXPECT_EQ(out[1]["finish_reason"], "rejected");
    EXPECT_TRUE(out[1].contains("error"));
    EXPECT_EQ(out[2]["finish_reason"], "timeout");
    EXPECT_TRUE(out[2].contains("error"));
    EXPECT_EQ(out[3]["finish_reason"], "length");
    EXPECT_EQ(out[3]["ids"].size(), 3u);
}

TEST(CommandLine, ATimeoutThatWasAskedForIsNoFailure) {
    const std::string file = temporary("patient.jsonl");
    write_file(file, R"({"id": "a", "ids": [1, 2], "max_tokens": 3000, "ignore_eos": true, "timeout_ms": 1})"
                     "\n"
                     R"({"id": "b", "ids": [3], "max_tokens": 2, "ignore_eos": true})"
                     "\n");
    const Ended ended = run_pitwall(tiny({"generate", "--requests", file, "--json"}));
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(lines(ended.out).at(0)["finish_reason"], "timeout");
    write_file(file, R"({"id": "a", "ids": [1, 2], "max_tokens": 3000, "ignore_eos": true})"
                     "\n");
    const Ended rejected =
        run_pitwall(tiny({"generate", "--requests", file, "--json", "--set", "num_kv_blocks=8"}));
    EXPECT_EQ(rejected.code, 0) << "the others would have gone on";
    EXPECT_EQ(lines(rejected.out).at(0)["finish_reason"], "rejected") << "its line is there all the same";
    EXPECT_THAT(rejected.last_line(), HasSubstr("1 of 1 requests"));
    EXPECT_THAT(rejected.last_line(), HasSubstr("\"a\": "));
}

TEST(CommandLine, ANumericHistoryIsPrintedAndTakenBack) {
    const std::string file = temporary("requests.jsonl"), again = temporary("again.jsonl");
    const json requests[] = {{{"id", "a"}, {"ids", {10, 11, 12}}, {"max_tokens", 60}, {"ignore_eos", true}},
                             {{"id", "b"}, {"ids", {20, 21}}, {"max_tokens", 50}, {"ignore_eos", true}}};
    write_file(file, requests[0].dump() + "\n" + requests[1].dump() + "\n");
    const Ended first = run_pitwall(tiny(
        {"generate", "--requests", file, "--at", "9:kv_cache_dtype=int4", "--at", "30:kv_cache_dtype=bf16"}));
    ASSERT_EQ(first.code, 0) << first.err;
    const auto told = lines(first.out);
    ASSERT_EQ(told.size(), 2u);
    std::string text;
    for (size_t i = 0; i < 2; ++i) {
        const json history = told[i]["numeric_history"];
        ASSERT_EQ(history.size(), 1u);
        EXPECT_EQ(history[0]["kv_cache_dtype"].size(), 3u) << history;
        EXPECT_EQ(history[0]["kv_cache_dtype"][0], (json{0, "f16"}));
        json request = requests[i];
        request["numeric_history"] = history;
        text += request.dump() + "\n";
    }
    write_file(again, text);
    const Ended second = run_pitwall(tiny({"generate", "--requests", again}));
    ASSERT_EQ(second.code, 0) << second.err;
    const auto replayed = lines(second.out);
    for (size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(replayed[i]["ids"], told[i]["ids"]);
        EXPECT_EQ(replayed[i]["numeric_history"], told[i]["numeric_history"]);
    }
}

/// On a simulated device, for not every processor has such activations.
TEST(CommandLine, AHistoryOfBf16NamesItsKernels) {
    const auto generate = [](json request) {
        const std::string file = temporary("bf16.jsonl");
        request.update({{"id", "a"}, {"ids", {10, 11, 12}}, {"max_tokens", 40}, {"ignore_eos", true}});
        write_file(file, request.dump() + "\n");
        auto words =
            tiny({"generate", "--requests", file, "--device", "sim", "--set", "activation_dtype=bf16"});
        if (!request.contains("numeric_history"))
            words.insert(words.end(), {"--at", "4:kv_cache_dtype=int8"});
        return run_pitwall(words);
    };
    const Ended first = generate(json::object());
    ASSERT_EQ(first.code, 0) << first.err;
    json history = lines(first.out).at(0)["numeric_history"];
    ASSERT_EQ(history[0]["activation_dtype"], (json{{0, "bf16", "simulated"}}));
    const Ended again = generate({{"numeric_history", history}});
    EXPECT_EQ(again.code, 0) << again.err;
    EXPECT_EQ(lines(again.out).at(0)["numeric_history"], history);
    history[0]["activation_dtype"][0][2] = "amx";
    const Ended elsewhere = generate({{"numeric_history", history}});
    EXPECT_EQ(elsewhere.code, 0) << elsewhere.err;
    EXPECT_THAT(elsewhere.last_line(), HasSubstr("1 of 1 requests were rejected or failed"));
    EXPECT_THAT(lines(elsewhere.out).at(0)["error"].get<std::string>(),
                HasSubstr("its bf16 products are of the kernels amx, and here they are of simulated"));
    history[0]["activation_dtype"][0].erase(2);
    EXPECT_EQ(generate({{"numeric_history", history}}).code, 0) << "an older one leaves it open";
}

TEST(CommandLine, ScoresGivenText) {
    const std::string ids = temporary("ids.jsonl"), logits = temporary("logits.f32");
    write_file(ids, "{\"name\": \"a\", \"ids\": [5, 6, 7, 8]}\n{\"name\": \"b\", \"ids\": [9, 10]}\n");
    const Ended ended = run_pitwall(tiny({"score", "--ids", ids, "--logits", logits, "--json"}));
    ASSERT_EQ(ended.code, 0) << ended.err;
    const json score = json::parse(ended.out);
    EXPECT_EQ(score["tokens"], 4);
    EXPECT_NEAR(score["perplexity"].get<double>(), std::exp(score["mean_nll"].get<double>()), 1e-9);
    const auto vocab = json::parse(run_pitwall(tiny({"inspect", "--json"})).out)["vocab_size"].get<size_t>();
    EXPECT_EQ(std::filesystem::file_size(logits), 6 * vocab * sizeof(float));
    const Ended wide = run_pitwall(tiny({"score", "--ids", ids, "--json", "--set", "kv_cache_dtype=f32"}));
    EXPECT_EQ(json::parse(wide.out)["kv_bytes_per_token"].get<double>(),
              2 * score["kv_bytes_per_token"].get<double>());
    EXPECT_NE(json::parse(wide.out)["mean_nll"], score["mean_nll"]) << "the format changes nothing";
}

TEST(CommandLine, BenchPrintsOneObjectADesign) {
    const Ended ended = run_pitwall(tiny({"bench", "--prompt", "8,16", "--depth", "4", "--batch", "1,3",
                                          "--generate", "4", "--repeat", "2", "--json", "--device", "sim"}));
    ASSERT_EQ(ended.code, 0) << ended.err;
    const auto rows = lines(ended.out);
    ASSERT_EQ(rows.size(), 4u);
    EXPECT_EQ(rows[1]["batch"], 3);
    EXPECT_EQ(rows[2]["prompt"], 16);
    for (const json& row : rows) {
        EXPECT_GT(row["prefill_tokens_per_s"], 0);
        EXPECT_GT(row["decode_tokens_per_s"], 0);
        EXPECT_EQ(row["kv_cache_dtype"], "f16");
        EXPECT_FALSE(row.contains("activation_dtype")) << "nothing is computed there";
        EXPECT_FALSE(row.contains("measured_bytes_per_s")) << "nothing was measured on a simulated device";
    }
}

TEST(CommandLine, TellsThatSimulatedTokensSayNothing) {
    const Ended ended =
        run_pitwall(tiny({"generate", "--prompt", "a", "--max-tokens", "2", "--device", "sim"}));
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.err, HasSubstr("simulated"));
}

TEST(CommandLine, KnobsShowWhatWasSet) {
    const Ended ended = run_pitwall({"knobs", "--json", "--set", "max_num_seqs=5"});
    const json knobs = json::parse(ended.out)["knobs"];
    EXPECT_EQ(knobs[0]["name"], "max_num_seqs");
    EXPECT_EQ(knobs[0]["value"], "5");
    EXPECT_THAT(run_pitwall({"knobs"}).out, HasSubstr("long_prefill_token_threshold"));
    const Ended sized = run_pitwall({"knobs", "--set", "kv_cache_memory_bytes=256MiB"});
    EXPECT_THAT(sized.out, HasSubstr("256 MiB"));
    EXPECT_THAT(sized.out, HasSubstr("1 MiB .. 1 TiB")) << "one unit for a value and its range";
}

TEST(CommandLine, PresetsAreSavedReadAndExported) {
    const std::string p = temporary("p.json"), q = temporary("q.json");
    EXPECT_EQ(run_pitwall({"preset", "save", p, "--set", "max_num_seqs=37", "--set", "batching=static"}).code,
              0);
    EXPECT_EQ(run_pitwall({"preset", "check", p}).code, 0);
    EXPECT_EQ(run_pitwall({"preset", "save", q, "--preset", p}).code, 0);
    EXPECT_EQ(slurp(p), slurp(q));
    const Ended exported = run_pitwall({"preset", "export", p, "--to", "vllm"});
    EXPECT_THAT(exported.out, HasSubstr("--max-num-seqs 37"));
    EXPECT_THAT(exported.err, HasSubstr("batching=static has no equivalent in vllm"));
    EXPECT_EQ(json::parse(run_pitwall({"inspect", p, "--json"}).out)["kind"], "preset");
    EXPECT_EQ(json::parse(run_pitwall({"knobs", "--json", "--preset", p, "--set", "max_num_seqs=3"})
                              .out)["knobs"][0]["value"],
              "3")
        << "--set is the last word";
}

TEST(CommandLine, ASimulatedSessionReplaysToTheSameSummary) {
    const std::string db = temporary("s.db"), run = temporary("run.json"), replay = temporary("replay.json");
    const std::vector<std::string> session = tiny({"run", "--headless", "--device", "sim:test", "--workload",
                                                   "mix", "--duration", "30", "--seed", "3", "--json"});
    auto words = session;
    words.insert(words.end(), {"--record", db, "--summary", run});
    ASSERT_EQ(run_pitwall(words).code, 0);
    ASSERT_EQ(run_pitwall({"replay", db, "--headless", "--summary", replay}).code, 0);
    EXPECT_EQ(json::parse(slurp(run)), json::parse(slurp(replay)));
    EXPECT_FALSE(std::filesystem::exists(db + "-wal"));
    json again = json::parse(run_pitwall(session).out), first = json::parse(slurp(run));
    again["session"].erase("start_utc"), first["session"].erase("start_utc");
    EXPECT_EQ(again, first) << "virtual time and one seed: one session";
    EXPECT_GE(first["requests"], 10);
    EXPECT_EQ(first["duration_s"], 30.0);
    const json found = json::parse(run_pitwall({"inspect", db, "--json"}).out);
    EXPECT_EQ(found["kind"], "session");
    EXPECT_EQ(found["summary"], json::parse(slurp(run)));
}

TEST(CommandLine, WhoAsksForASummaryNeedsNoWindow) {
    const std::string file = temporary("alone.json");
    ASSERT_EQ(run_pitwall(tiny({"run", "--device", "sim:test", "--duration", "1", "--summary", file})).code,
              0);
    EXPECT_EQ(json::parse(slurp(file))["duration_s"], 1.0);
}

TEST(CommandLine, WhatIsThereIsNotReplacedUnasked) {
    const std::string db = temporary("kept.db"), json_file = temporary("kept.json");
    const auto session = [&](std::vector<std::string> more) {
        auto words = tiny({"run", "--headless", "--device", "sim:test", "--duration", "2", "--json"});
        words.insert(words.end(), more.begin(), more.end());
        return words;
    };
    ASSERT_EQ(run_pitwall(session({"--record", db, "--summary", json_file})).code, 0);
    const std::string recorded = slurp(db), figures = slurp(json_file);
    expect_refused(session({"--record", db}), "--overwrite");
    expect_refused({"run", "--headless", "--record", db, "--model", "/nonexistent.gguf"}, db);
    expect_refused(tiny({"generate", "--prompt", "x", "--record", db}), "--overwrite");
    expect_refused(tiny({"generate", "--prompt", "x", "--temperature", "-1", "--record", db, "--overwrite"}),
                   "temperature");
    expect_refused(session({"--summary", json_file}), "--overwrite");
    expect_refused(session({"--summary", db, "--overwrite"}), "no JSON");
    expect_refused(session({"--record", temporary("x"), "--summary", temporary("./x")}), "both");
    expect_refused(session({"--record", json_file, "--overwrite"}), "not a session");
    expect_refused({"replay", db, "--headless", "--summary", db, "--overwrite"}, "no JSON");
    expect_refused({"preset", "save", json_file}, "--overwrite");
    expect_refused({"preset", "save", db, "--overwrite"}, "no JSON");
    EXPECT_EQ(slurp(db), recorded);
    EXPECT_EQ(slurp(json_file), figures);
    EXPECT_FALSE(std::filesystem::exists(temporary("x")));
    EXPECT_EQ(run_pitwall(session({"--record", db, "--summary", json_file, "--overwrite"})).code, 0);
    EXPECT_NE(slurp(db), recorded) << "another start";

    const std::string ids = temporary("scored.jsonl"), line = "{\"ids\": [5, 6, 7]}\n";
    write_file(ids, line);
    expect_refused(tiny({"score", "--ids", ids, "--logits", ids, "--overwrite"}), "both");
    expect_refused(tiny({"score", "--ids", ids, "--logits", db}), "--overwrite");
    EXPECT_EQ(slurp(ids), line);
    expect_refused(
        tiny({"generate", "--prompt", "x", "--temperature", "-1", "--record", temporary("new.db")}),
        "temperature");
    EXPECT_FALSE(std::filesystem::exists(temporary("new.db"))) << "refused, so that nothing is left";
}

TEST(CommandLine, DamagedTextOfASessionIsShownAsSuch) {
    const std::string db = temporary("flipped.db"), summary = temporary("flipped.json");
    ASSERT_EQ(run_pitwall(tiny({"run", "--headless", "--device", "sim:test", "--duration", "2", "--record",
                                db, "--json"}))
                  .code,
              0);
    std::string bytes = slurp(db);
    size_t flipped = 0;
    for (size_t at = bytes.find("device="); at != std::string::npos; at = bytes.find("device=", at + 1)) {
        bytes[at + 8] = static_cast<char>(bytes[at + 8] ^ 0x80);
        ++flipped;
    }
    ASSERT_GT(flipped, 0u);
    write_file(db, bytes);
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"replay", db, "--headless"},
          {"replay", db, "--headless", "--json", "--summary", summary},
          {"inspect", db}}) {
        const Ended ended = run_pitwall(words);
        EXPECT_EQ(ended.code, 0) << ended.err;
        EXPECT_THAT(ended.out, HasSubstr("device"));
    }
    EXPECT_TRUE(json::accept(slurp(summary)));
}

TEST(CommandLine, WhatDoesNotReachItsReaderIsAFailure) {
    for (const std::string words : {"knobs", "--help", "knobs --json"}) {
        const std::string err = temporary("full.err");
        const int status =
            std::system((PITWALL_HEADLESS " " + words + " > /dev/full 2> '" + err + "'").c_str());
        EXPECT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), 1) << words;
        EXPECT_THAT(slurp(err), HasSubstr("pitwall: ")) << words;
    }
    EXPECT_EQ(run_pitwall({"knobs"}).code, 0);
}

TEST(CommandLine, CtrlCEndsASessionWhole) {
    const std::string db = temporary("i.db"), summary = temporary("i.json");
    const Ended ended = run_pitwall_and_signal(tiny({"run", "--headless", "--workload", "chat", "--duration",
                                                     "600", "--record", db, "--summary", summary, "--json"}),
                                               SIGINT, 2500);
    EXPECT_EQ(ended.code, 130) << ended.err;
    const json figures = json::parse(slurp(summary));
    EXPECT_EQ(figures["unfinished"], 0);
    EXPECT_EQ(figures["complete"], true);
    EXPECT_GT(figures["requests"], 0);
    EXPECT_FALSE(std::filesystem::exists(db + "-wal"));
}
