// SPDX-License-Identifier: GPL-3.0-or-later
//
// Speculation as a user meets it: turned on by words, live, recorded, asked about in SQL, replayed.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/app/core/program.h"

using namespace pitwall::testing_program;
using nlohmann::json;

namespace {

/// Prompts that go round, so that there is something to look up, and answers of random weights, which soon do too.
std::string requests() {
    std::string lines;
    for (int i = 0; i < 6; ++i) {
        json ids = json::array();
        for (int at = 0; at < 40; ++at) ids.push_back(5 + i + at % 7);
        json line{{"id", std::to_string(i)}, {"ids", ids}, {"max_tokens", 90}, {"ignore_eos", true}};
        if (i % 3 == 2) line["temperature"] = 1, line["seed"] = i;
        lines += line.dump() + "\n";
    }
    return lines;
}

std::vector<json> answers(std::vector<std::string> words) {
    words.insert(words.end(), {"--model", "synthetic:tiny", "--set", "max_num_seqs=3"});
    const Ended ended = run_pitwall(words);
    EXPECT_EQ(ended.code, 0) << ended.err;
    std::vector<json> ids;
    std::istringstream lines(ended.out);
    for (std::string line; std::getline(lines, line);) ids.push_back(json::parse(line)["ids"]);
    EXPECT_EQ(ids.size(), 6u);
    return ids;
}

}  // namespace

TEST(Speculation, ARecordingTellsWhatCameOfEachDraft) {
    const std::string file = temporary("drafts.jsonl"), db = temporary("drafts.db"),
                      summary = temporary("drafts.json");
    write_file(file, requests());
    const std::vector<std::string> plain = {"generate", "--requests", file};
    std::vector<std::string> drafted = plain;
    drafted.insert(drafted.end(), {"--set", "speculative_method=ngram", "--set", "speculative_adaptive=false",
                                   "--record", db});
    EXPECT_EQ(answers(drafted), answers(plain));

    SQLite::Database database(db);
    const auto number = [&](const std::string& sql) {
        return database.execAndGet("SELECT " + sql).getInt64();
    };
    const int64_t accepted = number("sum(accepted) FROM v_speculation");
    EXPECT_GT(accepted, 50) << "hardly anything was drafted, so nothing was tried";
    EXPECT_EQ(number("sum(drafted) FROM v_speculation"), number("sum(draft_tokens) FROM v_step"));
    EXPECT_EQ(number("sum(drafted) FROM v_speculation"), number("sum(drafted) FROM v_acceptance"));
    EXPECT_EQ(accepted, number("sum(accepted) FROM v_acceptance"));
    EXPECT_EQ(
        number(
            "count(*) FROM v_speculation s WHERE accepted <> (SELECT count(*) FROM request r WHERE "
            "r.step_id = s.step_id AND r.request_id = s.request_id AND r.phase IN (4, 5) AND r.origin = 1)"),
        0);
    EXPECT_EQ(number("count(*) FROM request WHERE origin = 3"),
              number("count(*) FROM v_speculation WHERE drafted = accepted"));
    EXPECT_GT(number("sum(duration_ns) FROM v_cause WHERE cause = 'speculation'"), 0);
    EXPECT_EQ(
        number("count(*) FROM v_request r WHERE e2e_ns IS NOT (SELECT sum(duration_ns) FROM v_cause c WHERE "
               "c.request_id = r.request_id)"),
        0);

    ASSERT_EQ(run_pitwall({"replay", db, "--headless", "--summary", summary}).code, 0);
    const json told = json::parse(slurp(summary))["speculation"];
    EXPECT_EQ(told["accepted_tokens"], accepted);
    EXPECT_EQ(told["drafted_steps"], number("count(*) FROM v_speculation"));
    EXPECT_DOUBLE_EQ(
        told["tokens_per_drafted_step"].get<double>() * told["drafted_steps"].get<double>(),
        static_cast<double>(number("count(*) FROM request WHERE phase IN (4, 5) AND origin > 0")));
}

TEST(Speculation, IsTurnedWhileRequestsRun) {
    const std::string file = temporary("live.jsonl"), db = temporary("live.db");
    write_file(file, requests());
    const std::vector<std::string> plain = {"generate", "--requests", file};
    std::vector<std::string> turned = plain;
    for (const char* at :
         {"12:speculative_method=ngram", "12:speculative_adaptive=false", "30:num_speculative_tokens=8",
          "40:speculative_method=suffix", "60:speculative_method=none"})
        turned.insert(turned.end(), {"--at", at});
    turned.insert(turned.end(), {"--record", db});
    EXPECT_EQ(answers(turned), answers(plain));
    SQLite::Database database(db);
    const auto number = [&](const std::string& sql) {
        return database.execAndGet("SELECT " + sql).getInt64();
    };
    EXPECT_GT(number("sum(drafted) FROM v_speculation WHERE method = 'ngram'"), 0);
    EXPECT_GT(number("sum(drafted) FROM v_speculation WHERE method = 'suffix'"), 0);
    EXPECT_GE(number("min(step_id) FROM v_speculation"), 12);
    EXPECT_LT(number("max(step_id) FROM v_speculation"), 60);
}

TEST(Speculation, ADraftModelIsGivenByItsFile) {
    const std::string file = temporary("model.jsonl"), db = temporary("model.db");
    write_file(file, requests());
    const std::vector<std::string> plain = {"generate", "--requests", file};
    for (const char* draft : {"synthetic:tiny", "synthetic:tiny-draft"}) {
        std::vector<std::string> drafted = plain;
        drafted.insert(drafted.end(), {"--draft-model", draft, "--set", "speculative_adaptive=false",
                                       "--record", db, "--overwrite"});
        EXPECT_EQ(answers(drafted), answers(plain)) << draft;
        SQLite::Database database(db);
        EXPECT_GT(
            database.execAndGet("SELECT sum(drafted) FROM v_speculation WHERE method = 'draft'").getInt64(),
            0);
        EXPECT_EQ(database.execAndGet("SELECT value FROM v_session WHERE key = 'draft_model'").getString(),
                  draft);
    }
}

TEST(Speculation, ADraftModelThatCannotBeIsToldInASentence) {
    const std::string file = temporary("refused.jsonl");
    write_file(file, requests());
    const auto refusal = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"generate", "--requests", file, "--model", "synthetic:tiny"});
        const Ended ended = run_pitwall(words);
        EXPECT_EQ(ended.code, 2);
        EXPECT_EQ(ended.out, "");
        return ended.err;
    };
    EXPECT_EQ(refusal({"--set", "speculative_method=draft"}),
              "pitwall: speculative_method=draft needs a draft model: give one with --draft-model FILE\n");
    EXPECT_EQ(
        refusal({"--draft-model", "synthetic:smollm2-135m"}),
        "pitwall: synthetic:smollm2-135m cannot draft: it has 49152 tokens, the model has 512: choose a "
        "smaller model of the same family\n");
    EXPECT_NE(refusal({"--draft-model", temporary("nothing.gguf")}).find("nothing.gguf"), std::string::npos);
    EXPECT_EQ(run_pitwall(
                  {"preset", "save", temporary("p.json"), "--overwrite", "--set", "speculative_method=draft"})
                  .code,
              0)
        << "a preset names no files";
}
