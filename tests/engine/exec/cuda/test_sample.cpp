// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the device samples is what sample_token() gives for the same logits, to the token.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "engine/exec/cuda/executor/step_layout.h"
#include "engine/exec/cuda/kernels/sample.h"
#include "engine/sample/sampler.h"
#include "tests/engine/exec/cuda/device_array.h"
#include "tests/storm.h"

namespace pitwall::cuda {
namespace {

using engine::SamplingParams;
using pitwall::TokenId;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr uint32_t kMostPositions = 4096;

/// A row that is sampled; `history` may end with -1 - k, what `before` has at k.
struct Row {
    std::vector<float> logits;
    SamplingParams params;
    std::vector<TokenId> history{0}, banned{};
    uint32_t position = 1;  ///< of the token that is sampled

    std::string text() const {
        return testing::PrintToString(std::vector<float>{params.temperature, float(params.top_k),
                                                         params.top_p, params.min_p,
                                                         params.repetition_penalty}) +
               " of " + std::to_string(logits.size()) + ", position " + std::to_string(position);
    }
};

TokenId on_host(const Row& row) {
    engine::SamplerScratch scratch;
    return sample_token(row.logits, row.params, row.history, row.banned, row.position, scratch);
}

class CudaSample : public testing::Test {
  protected:
    void SetUp() override {
        auto made = Stream::create();
        ASSERT_TRUE(made.ok());
        stream = std::move(made).value();
    }

    /// Of rows of one vocabulary, laid out as an executor does it: each a sequence whose last token is computed.
    std::vector<TokenId> sampled(const std::vector<Row>& rows, const std::vector<int32_t>& before = {}) {
        const auto columns = static_cast<uint32_t>(rows.at(0).logits.size()), ld = columns + 3;
        std::vector<float> logits;
        std::vector<abi::Slice> slices;
        for (const Row& row : rows) {
            logits.insert(logits.end(), row.logits.begin(), row.logits.end());
            logits.insert(logits.end(), ld - columns, kInfinity);
            slices.push_back(slice_of(row));
        }
        std::vector<uint32_t> places(before.size());
        for (uint32_t i = 0; i < places.size(); ++i) places[i] = i;
        const StepLayout layout =
            lay_out({nullptr, slices.data(), 0, static_cast<uint32_t>(slices.size()), 0},
                    {kMostPositions, columns, 1}, places);
        std::vector<SampleRow> samples;
        for (const HeadRow& head : layout.heads) samples.push_back(head.sample);
        const DeviceArray<float> device_logits(stream, logits);
        const DeviceArray<SampleRow> device_rows(stream, samples);
        const DeviceArray<int32_t> ids(stream, layout.listed), known(stream, before),
            out(stream, rows.size());
        sample_rows(
            stream,
            {device_logits.data(), ld, columns, device_rows.data(), ids.data(), known.data(), out.data()},
            static_cast<uint32_t>(rows.size()));
        return out.read();
    }

    abi::Slice slice_of(const Row& row) {
        const SamplingParams& p = row.params;
        abi::Slice slice{};
        slice.tokens = &row.history.back();
        slice.num_tokens = slice.samples = 1;
        slice.first_position = row.position - 1;
        slice.block_table = table.data();
        slice.num_blocks = static_cast<uint32_t>(table.size());
        slice.banned = row.banned.data();
        slice.num_banned = static_cast<uint32_t>(row.banned.size());
        slice.banned_before = kMostPositions + 1;
        slice.sampling = {p.temperature, p.top_k, p.top_p, p.min_p, p.repetition_penalty, p.seed};
        slice.history = row.history.data();
        slice.num_history = static_cast<uint32_t>(row.history.size()) - 1;
        return slice;
    }

    void expect_as_host(const std::vector<Row>& rows) {
        const auto tokens = sampled(rows);
        for (size_t i = 0; i < rows.size(); ++i)
            EXPECT_EQ(tokens[i], on_host(rows[i])) << "row " << i << ": " << rows[i].text();
    }

    Stream stream;
    std::vector<uint32_t> table = std::vector<uint32_t>(kMostPositions / 16);
};

using Random = std::mt19937_64;

template <class T>
T one_of(Random& random, std::initializer_list<T> values) {
    return values.begin()[random() % values.size()];
}

/// Smooth, peaked, full of ties, nearly flat but for a few, in clusters, and with all that is no number.
std::vector<float> random_logits(uint32_t columns, Random& random) {
    const uint32_t kind = random() % 7;
    std::normal_distribution<float> normal(0, one_of(random, {0.1f, 1.0f, 3.0f, 12.0f}));
    std::vector<float> logits(columns);
    for (float& x : logits) x = normal(random);
    for (float& x : logits) {
        if (kind == 1) x *= std::abs(x);
        if (kind == 2) x = std::round(x);
        if (kind == 3) x = 1e-4f * x + (random() % 900 == 0 ? 9.0f : 0.0f);
        if (kind == 4) x = std::ldexp(std::round(x), -20) + static_cast<float>(random() % 3);
        if (kind == 5) x = 1;
        if (kind == 6) x = one_of(random, {kNan, kInfinity, -kInfinity, 3e38f, -3e38f, x, x, x});
    }
    return logits;
}

SamplingParams random_params(Random& random) {
    SamplingParams params;
    params.temperature = one_of(random, {0.0f, 1e-30f, 0.05f, 0.7f, 1.0f, 1.0f, 3.0f, 50.0f, kInfinity});
    params.top_k = one_of(random, {0, 0, -1, 1, 2, 40, 600, 100000});
    params.top_p = one_of(random, {1.0f, 1.0f, 0.0f, 0.3f, 0.5f, 0.9f, 0.999f, kNan, -1.0f});
    params.min_p = one_of(random, {0.0f, 0.0f, 0.0f, 0.02f, 0.5f, 1.0f, 2.0f, kNan});
    params.repetition_penalty = one_of(random, {1.0f, 1.0f, 1.1f, 0.7f, 2.0f, 1e-30f, kNan, 0.0f, kInfinity});
    params.seed = random();
    return params;
}

std::vector<TokenId> random_ids(uint32_t columns, uint32_t most, Random& random) {
    std::vector<TokenId> ids(1 + random() % most);
    for (TokenId& id : ids) id = static_cast<TokenId>(random() % (columns + 2));  // some outside
    return ids;
}

TEST_F(CudaSample, AgreesWithTheHost) {
    size_t greedy = 0, rows_seen = 0;
    for (const uint32_t seed : StormSeeds(storm_size(16))) {
        Random random(seed);
        const uint32_t columns = one_of(random, {1u, 2u, 31u, 83u, 300u, 1000u, 1025u, 2500u, 5003u, 20011u});
        std::vector<Row> rows;
        for (uint32_t i = 0; i < (columns > 4000 ? 10u : 40u); ++i) {
            Row row{random_logits(columns, random), random_params(random)};
            // The token before the one sampled is computed, and so lies within.
            row.history = random_ids(columns, 60, random);
            row.history.back() = static_cast<TokenId>(random() % columns);
            if (random() % 3 == 0) row.banned = random_ids(columns, 5, random);
            row.position = 1 + static_cast<uint32_t>(random() % kMostPositions);
            rows.push_back(std::move(row));
        }
        expect_as_host(rows);
        for (const Row& row : rows) greedy += !(row.params.temperature > 0), ++rows_seen;
    }
    EXPECT_LT(greedy * 2, rows_seen) << "most rows have to be drawn";
}

/// Every parameter on and off with every other, hundreds of draws.
TEST_F(CudaSample, EveryCombination) {
    Random random(3);
    const uint32_t columns = 211;
    const auto smooth = [&] {
        std::normal_distribution<float> normal(0, 2);
        std::vector<float> logits(columns);
        for (float& x : logits) x = normal(random);
        return logits;
    };
    std::vector<Row> rows;
    for (const float temperature : {0.0f, 0.6f, 1.5f})
        for (const int32_t top_k : {0, 5, 211})
            for (const float top_p : {1.0f, 0.4f, 0.95f})
                for (const float min_p : {0.0f, 0.05f})
                    for (const float penalty : {1.0f, 1.4f})
                        for (const bool bans : {false, true})
                            for (uint32_t draw = 0; draw < storm_size(4); ++draw) {
                                Row row{smooth(), {temperature, top_k, top_p, min_p, penalty, draw}};
                                row.history = {1, 2, 3, 2, 200, 77, 1};
                                if (bans) row.banned = {5, 6, 200};
                                row.position = 1 + static_cast<uint32_t>(random() % kMostPositions);
                                rows.push_back(std::move(row));
                            }
    expect_as_host(rows);
}

/// More candidates with nearly one value than are ranked at once, and with one value.
TEST_F(CudaSample, CrowdedBinsAreDivided) {
    Random random(11);
    const uint32_t columns = 6007;
    std::vector<Row> rows;
    for (const float spread : {0.0f, 1e-30f, 1e-7f, 1e-5f}) {
        std::vector<float> logits(columns);
        for (float& x : logits) x = spread * static_cast<float>(random() % 1000);
        logits[4000] = 6;
        for (const float top_p : {0.3f, 0.9f})
            for (const int32_t top_k : {0, 3000})
                for (uint32_t seed = 0; seed < storm_size(2); ++seed)
                    rows.push_back(
                        {logits, {.temperature = 1, .top_k = top_k, .top_p = top_p, .seed = seed}});
    }
    expect_as_host(rows);
}

TEST_F(CudaSample, WholeVocabularies) {
    if (kSanitized) GTEST_SKIP() << "rows of a whole vocabulary, emulated and sanitized, take long";
    Random random(5);
    for (const uint32_t columns : {49152u, 128256u}) {
        std::normal_distribution<float> normal(0, 3);
        std::vector<Row> rows;
        for (const auto& [top_k, top_p] : {std::pair{0, 1.0f}, {50, 1.0f}, {0, 0.95f}, {50, 0.9f}}) {
            Row row{std::vector<float>(columns), {.temperature = 0.8f, .top_k = top_k, .top_p = top_p}};
            for (float& x : row.logits) x = normal(random);
            row.params.repetition_penalty = 1.1f;
            row.params.seed = random();
            rows.push_back(std::move(row));
        }
        expect_as_host(rows);
    }
}

TEST_F(CudaSample, FollowsTheDistribution) {
    const std::vector<float> logits = {0.5f, -1, 2, 0, 1.5f, -3, 2, 0.1f};
    constexpr uint32_t kDraws = storm_size(1200);
    for (const bool by_value : {false, true}) {
        const float top_p = by_value ? 0.9f : 1.0f;
        std::vector<Row> rows;
        for (uint32_t i = 1; i <= kDraws; ++i)
            rows.push_back({logits, {.temperature = 1, .top_p = top_p, .seed = 77}, {0}, {}, i});
        std::vector<size_t> order = {2, 6, 4, 0, 7, 3, 1, 5};
        double whole = 0, kept = 0;
        for (const float x : logits) whole += std::exp(double(x));
        std::map<TokenId, double> expected, found;
        for (const size_t id : order) {
            if (kept >= double(top_p) * whole) break;
            expected[static_cast<TokenId>(id)] = std::exp(double(logits[id]));
            kept += std::exp(double(logits[id]));
        }
        for (const TokenId token : sampled(rows)) found[token] += 1.0 / kDraws;
        for (auto& [id, p] : expected)
            EXPECT_NEAR(found[id], p / kept, 4 * std::sqrt(p / kept / kDraws)) << id;
        EXPECT_LE(found.size(), expected.size());
    }
}

/// A row's token depends on the row: not on its place, nor on others, nor on who came first.
TEST_F(CudaSample, NeighboursDoNotShow) {
    Random random(23);
    std::vector<Row> rows;
    for (uint32_t i = 0; i < 12; ++i) {
        rows.push_back({random_logits(1500, random), random_params(random)});
        rows.back().history = {1, 2, 3, 1};
        if (i % 2) rows.back().banned = {static_cast<TokenId>(i)};
    }
    const auto together = sampled(rows);
    EXPECT_EQ(sampled(rows), together);
    std::reverse(rows.begin(), rows.end());
    const auto reversed = sampled(rows);
    EXPECT_EQ((std::vector<TokenId>(reversed.rbegin(), reversed.rend())), together);
    for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(sampled({rows[i]}), std::vector{reversed[i]}) << i;
}

TEST_F(CudaSample, TheBestIsTheFirstOfTheLargest) {
    const uint32_t columns = 1301;
    const auto row = [&](std::initializer_list<std::pair<size_t, float>> values, float others,
                         std::vector<TokenId> banned = {}) {
        Row made{std::vector<float>(columns, others), {}};
        for (const auto& [id, value] : values) made.logits[id] = value;
        made.banned = std::move(banned);
        return made;
    };
    EXPECT_EQ(sampled({row({{1000, 99}}, 0), row({{300, 99}, {700, 99}, {301, 99}}, 1),
                       row({{5, kNan}, {900, 99}}, -1), row({}, kNan), row({}, -kInfinity), row({}, 0),
                       row({{1, kInfinity}, {999, kInfinity}, {0, 3e38f}}, 0)}),
              (std::vector<TokenId>{1000, 300, 900, 0, 0, 0, 1}));
    // The same with some banned: the largest, several of equal ones, all that are numbers.
    EXPECT_EQ(sampled({row({{1000, 99}}, 0, {1000}), row({{300, 99}, {700, 99}, {301, 99}}, 1, {300, 301}),
                       row({}, kNan, {0, 1}), row({{7, 1}}, -kInfinity, {0, 7}),
                       row({{1, kInfinity}, {999, kInfinity}}, 0, {1})}),
              (std::vector<TokenId>{0, 700, 2, 1, 999}));
    std::vector<TokenId> all(columns);
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<TokenId>(i);
    Row hot = row({}, 0, all);
    hot.params.temperature = 1;
    EXPECT_EQ(sampled({row({}, 0, all), hot}), (std::vector<TokenId>{0, 0}));
}

/// What the plan before sampled is penalised like any other token.
TEST_F(CudaSample, TokensThatOnlyTheDeviceKnowsArePenalised) {
    Row row{{1, 5, 4.9f, 0}, {.repetition_penalty = 2}};
    row.history = {0, -2};  // the second position that the plan before sampled
    EXPECT_EQ(sampled({row}, {3, 1, 2}), std::vector<TokenId>{2});
    EXPECT_EQ(sampled({row}, {1, 2, 3}), std::vector<TokenId>{1});
}

TEST_F(CudaSample, RowsThatNobodyWantsAreLeftAlone) {
    const std::vector<float> logits(100, kNan);
    const DeviceArray<float> device_logits(stream, logits);
    const DeviceArray<SampleRow> rows(stream, std::vector<SampleRow>(1));
    const DeviceArray<int32_t> out(stream, 1);
    sample_rows(stream, {device_logits.data(), 100, 100, rows.data(), nullptr, nullptr, out.data()}, 1);
    EXPECT_EQ(out.read(), std::vector<int32_t>{0});
}

/// Each position of a verification has seen the tokens up to its own, and has noise of its own.
TEST_F(CudaSample, PositionsOfASliceSeeTheirOwnPast) {
    const std::vector<TokenId> history = {7, 8, 9, 10, 11};
    abi::Slice slice =
        slice_of({std::vector<float>(20), {.temperature = 1, .repetition_penalty = 2}, history});
    slice.history = history.data();
    slice.tokens = history.data() + 2;
    slice.num_tokens = slice.samples = 3;
    slice.num_history = 2;
    slice.first_position = 2;
    slice.banned_before = 5;
    const std::vector<TokenId> banned = {3};
    slice.banned = banned.data();
    slice.num_banned = 1;
    const StepLayout layout = lay_out({nullptr, &slice, 0, 1, 0}, {kMostPositions, 20, 1}, {});
    ASSERT_EQ(layout.heads.size(), 3u);
    EXPECT_EQ(layout.listed.size(), 6u) << "what they have seen is uploaded once";
    for (uint32_t i = 0; i < 3; ++i) {
        const SampleRow& sample = layout.heads[i].sample;
        EXPECT_EQ(sample.num_seen, 3 + i);
        EXPECT_EQ(sample.uniform, engine::uniform_noise(0, 3 + i));
        EXPECT_EQ(sample.num_banned, i < 2 ? 1u : 0u);
        EXPECT_EQ(layout.listed.at(sample.first_seen + sample.num_seen - 1), history[2 + i]);
        EXPECT_EQ(layout.listed.at(sample.first_banned), 3);
    }
}

}  // namespace
}  // namespace pitwall::cuda
