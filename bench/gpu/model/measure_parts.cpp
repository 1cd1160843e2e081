// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/gpu/model/measure_parts.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>

#include "bench/gpu/model/sequences.h"
#include "telemetry/names.h"
#include "telemetry/stats/quantile.h"

namespace pitwall::bench {

namespace {

using nlohmann::ordered_json;
using telemetry::KvDtype;
using Lines = std::vector<ordered_json>;

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return telemetry::quantile(values, 0.5);
}

/// Of rounds of the same work.
struct Rounds {
    std::vector<double> seconds, device_seconds;
    Work last;

    Status add(Work work) {
        if (!work.status.ok()) return work.status;
        seconds.push_back(work.seconds), device_seconds.push_back(work.device_seconds);
        const engine::KernelWorks earlier = last.kernels;
        last = std::move(work);
        if (last.kernels[0].ns == 0) last.kernels = earlier;
        return {};
    }
};

ordered_json kernels_json(const engine::KernelWorks& kernels) {
    constexpr std::array kNames = {"product", "attention", "head", "rowwise"};
    static_assert(kNames.size() == std::tuple_size_v<engine::KernelWorks>);
    ordered_json json;
    for (size_t i = 0; i < kNames.size(); ++i)
        if (kernels[i].ns > 0)
            json[kNames[i]] = {{"us", static_cast<double>(kernels[i].ns) / 1e3},
                               {"flops", kernels[i].flops},
                               {"bytes", kernels[i].bytes}};
    return json;
}

/// `tokens`: computed in a round.
ordered_json rates_json(ordered_json line, const Rounds& rounds, double tokens) {
    const double seconds = median(rounds.seconds), steps = rounds.last.steps;
    line["tokens_per_s"] = tokens / seconds;
    line["step_us"] = seconds / steps * 1e6;
    line["step_us_least"] = *std::min_element(rounds.seconds.begin(), rounds.seconds.end()) / steps * 1e6;
    line["step_us_most"] = *std::max_element(rounds.seconds.begin(), rounds.seconds.end()) / steps * 1e6;
    line["device_us"] = median(rounds.device_seconds) / steps * 1e6;
    line["step_bytes"] = rounds.last.bytes / steps;
    line["step_flops"] = rounds.last.flops / steps;
    if (rounds.last.kernels[0].ns > 0) line["kernels_of_a_step"] = kernels_json(rounds.last.kernels);
    return line;
}

Result<Lines> measure_decode(engine::Executor& executor, const Part& part, const Effort& effort) {
    auto sequences = Sequences::create(executor, part.batch, part.tokens + effort.steps);
    if (!sequences.ok()) return sequences.error();
    if (const Work filled = sequences.value().prefill(part.tokens, effort.step_tokens); !filled.status.ok())
        return filled.status.error();
    if (Status copied = sequences.value().copy_to_all(part.tokens); !copied.ok()) return copied.error();
    Rounds rounds;
    // The first round lets the steps of this shape become a graph.
    if (const Work warm = sequences.value().decode(part.tokens, effort.steps); !warm.status.ok())
        return warm.status.error();
    for (uint32_t i = 0; i < effort.rounds; ++i)
        if (Status status = rounds.add(sequences.value().decode(part.tokens, effort.steps)); !status.ok())
            return status.error();
    const ordered_json line{
        {"what", "decode"}, {"context", part.tokens}, {"batch", part.batch}, {"steps", effort.steps}};
    return Lines{rates_json(line, rounds, double(part.batch) * effort.steps)};
}

Result<Lines> measure_prefill(engine::Executor& executor, const Part& part, const Effort& effort) {
    auto sequences = Sequences::create(executor, 1, part.tokens);
    if (!sequences.ok()) return sequences.error();
    Rounds rounds;
    for (uint32_t i = 0; i <= effort.rounds; ++i) {
        Work work = sequences.value().prefill(part.tokens, effort.step_tokens);
        if (!work.status.ok()) return work.status.error();
        if (i == 0) continue;  // warms up
        if (Status status = rounds.add(std::move(work)); !status.ok()) return status.error();
    }
    ordered_json line =
        rates_json({{"what", "prefill"}, {"tokens", part.tokens}, {"step_tokens", effort.step_tokens}},
                   rounds, part.tokens);
    line["tflops"] = rounds.last.flops / median(rounds.seconds) / 1e12;
    return Lines{line};
}

/// A pool that is full, from one format to the other, by the wall clock: so long would requests wait.
Result<double> convert_once(engine::Executor& executor, KvDtype to, std::span<const BlockId> blocks) {
    const auto begun = std::chrono::steady_clock::now();
    if (Status status = executor.convert_kv(to, static_cast<uint32_t>(blocks.size()), blocks); !status.ok())
        return status.error();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

/// The pool becomes so large, and all of it holds KV. Its blocks.
Result<std::vector<BlockId>> fill_all(engine::Executor& executor, uint32_t count, const Effort& effort) {
    constexpr uint32_t kFilled = 4;
    auto sequence = Sequences::create(executor, 1, kFilled * engine::kBlockTokens);
    if (!sequence.ok()) return sequence.error();
    if (const Work filled = sequence.value().prefill(kFilled * engine::kBlockTokens, effort.step_tokens);
        !filled.status.ok())
        return filled.status.error();
    if (Status resized = executor.resize_pool(count); !resized.ok()) return resized.error();
    if (Status filled = fill_pool(executor, kFilled, count); !filled.ok()) return filled.error();
    std::vector<BlockId> blocks;
    for (uint32_t i = 0; i < count; ++i) blocks.push_back(BlockId{i});
    return blocks;
}

ordered_json conversion_json(KvDtype from, KvDtype to, uint64_t count, uint64_t before, uint64_t after,
                             double seconds) {
    return {{"what", "conversion of a pool"},
            {"from", telemetry::name(from)},
            {"to", telemetry::name(to)},
            {"blocks", count},
            {"pool_bytes", count * before},
            {"pause_ms", seconds * 1e3},
            {"gb_per_s", static_cast<double>(count * (before + after)) / seconds / 1e9}};
}

Result<Lines> measure_conversion(engine::Executor& executor, const Part& part, const Effort& effort) {
    const KvDtype from = executor.kv_cache_dtype();
    const uint64_t before = executor.bytes_per_block(), after = executor.kv_capacity(part.to).bytes_per_block;
    const uint64_t count = std::min<uint64_t>(part.pool_bytes / before, executor.capacity_blocks());
    const auto blocks = fill_all(executor, static_cast<uint32_t>(count), effort);
    if (!blocks.ok()) return blocks.error();
    std::vector<double> there, back;
    for (uint32_t i = 0; i < effort.rounds; ++i) {
        for (const bool forward : {true, false}) {
            const auto seconds = convert_once(executor, forward ? part.to : from, blocks.value());
            if (!seconds.ok()) return seconds.error();
            (forward ? there : back).push_back(seconds.value());
        }
    }
    return Lines{conversion_json(from, part.to, count, before, after, median(there)),
                 conversion_json(part.to, from, count, after, before, median(back))};
}

}  // namespace

Result<Lines> measure(engine::Executor& executor, const Part& part, const Effort& effort) {
    switch (part.kind) {
        case Part::Kind::kDecode:
            return measure_decode(executor, part, effort);
        case Part::Kind::kPrefill:
            return measure_prefill(executor, part, effort);
        case Part::Kind::kConvert:
            return measure_conversion(executor, part, effort);
        case Part::Kind::kInvariant:
        case Part::Kind::kFast:
            if (Status set = executor.set_batch_invariant(part.kind == Part::Kind::kInvariant); !set.ok())
                return set.error();
    }
    return Lines();
}

}  // namespace pitwall::bench
