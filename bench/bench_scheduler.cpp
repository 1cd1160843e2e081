// SPDX-License-Identifier: GPL-3.0-or-later
//
// What one step costs the engine itself, on a simulated device that takes no real time: 1,024 running sequences over a pool
// of a million blocks. `scheduler` is deciding, allocating and committing alone; `step` is Engine::step() with every event
// of it published to one reader, and the device's own work of pretending.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/core/engine.h"
#include "engine/exec/sim/sim_executor.h"
#include "engine/sched/scheduler.h"
#include "telemetry/bus/bus.h"
#include "telemetry/bus/reader.h"

namespace {

using namespace pitwall;
using namespace pitwall::engine;
using presets::KnobId;

constexpr uint32_t kSequences = 1024, kBlocks = 1'000'000, kSteps = 300, kPrompt = 500, kVocabulary = 32000;

/// CPU time of this thread: what else the machine does meanwhile is not the scheduler's cost.
double thread_us() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

double quantile(std::vector<double> values, double q) {
    std::sort(values.begin(), values.end());
    return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

void report(const char* what, const std::vector<double>& us) {
    fmt::print(
        "{{\"bench\": \"scheduler\", \"what\": \"{}\", \"sequences\": {}, \"blocks\": {}, \"steps\": {}, "
        "\"p50_us\": {:.1f}, \"p99_us\": {:.1f}}}\n",
        what, kSequences, kBlocks, us.size(), quantile(us, 0.5), quantile(us, 0.99));
}

std::vector<TokenId> prompt_of(uint32_t number) {
    std::vector<TokenId> tokens(kPrompt);
    for (uint32_t i = 0; i < kPrompt; ++i)
        tokens[i] = static_cast<TokenId>((number * 7919 + i * 104729) % kVocabulary);
    return tokens;
}

/// Fills the cache with prefixes nobody asks for again, so that every new block has to evict one.
void fill_cache(KvCache& kv) {
    std::vector<TokenId> tokens(kBlockTokens, 1);
    std::vector<BlockId> table;
    ChainHash lineage;
    const EpochSpan epoch;
    while (kv.available() > 0) {
        table.push_back(kv.allocate(RequestId{1}, 0));
        kv.fill(RequestId{1}, table.back(), kBlockTokens, 0);
        lineage = kv.remember(table.back(), lineage, tokens, {&epoch, 1});
    }
    kv.release(RequestId{1}, table);
}

void bench_scheduler() {
    KvCache kv(kBlocks);
    fill_cache(kv);
    SchedulerSettings settings;
    settings.max_num_seqs = kSequences;
    settings.max_num_batched_tokens = 8192;
    Scheduler scheduler(kv, settings);
    std::vector<std::unique_ptr<Sequence>> sequences;
    for (uint32_t i = 0; i < kSequences + 10000; ++i) {  // 10,000 more wait behind
        auto s = std::make_unique<Sequence>();
        s->id = RequestId{i + 1};
        s->tokens = prompt_of(i);
        s->prompt_tokens = kPrompt;
        s->max_tokens = 4000;
        s->tokens.reserve(kPrompt + s->max_tokens);
        scheduler.enqueue(*s);
        sequences.push_back(std::move(s));
    }
    std::vector<double> us;
    for (uint64_t step = 1; us.size() < kSteps; ++step) {
        const double begin = thread_us();
        std::vector<BlockCopy> copies;
        const auto slices = scheduler.apply(scheduler.propose(), copies);
        for (const ScheduledSlice& slice : slices) {
            if (slice.samples > 0) slice.sequence->tokens.push_back(static_cast<TokenId>(step % kVocabulary));
            scheduler.commit(slice);
            scheduler.end_step(slice);
        }
        const bool all_decode =
            slices.size() == kSequences && slices.front().tokens == 1 && slices.back().tokens == 1;
        if (all_decode) us.push_back(thread_us() - begin);
    }
    report("scheduler", us);
}

void bench_engine() {
    VirtualClock clock;
    ModelConfig config;
    config.num_layers = 32, config.hidden_size = 4096, config.num_heads = 32, config.num_kv_heads = 8,
    config.head_dim = 128;
    config.intermediate_size = 14336, config.vocab_size = kVocabulary;
    SimOptions options;
    options.clock = &clock;
    options.capacity_blocks = kBlocks;
    auto executor = make_sim_executor(config, "h200", options);
    presets::KnobValues knobs;
    knobs.set(KnobId::kMaxNumSeqs, kSequences);
    knobs.set(KnobId::kNumKvBlocks, kBlocks);
    knobs.set(KnobId::kMaxNumBatchedTokens, 8192);
    knobs.set(KnobId::kKeyframeIntervalSteps, 1'000'000);
    telemetry::Bus bus;
    auto reader = bus.add_reader(telemetry::Overflow::kDrop, 1 << 16);
    auto producer = bus.add_producer();
    Engine engine(std::move(executor).value(), nullptr, knobs, clock, *producer, 131072);
    engine.publish_start();
    for (uint32_t i = 0; i < kSequences; ++i) {
        GenerationRequest request;
        request.prompt = prompt_of(i);
        request.max_tokens = 4000;
        engine.submit(std::move(request), nullptr);
    }
    std::vector<double> us;
    std::vector<telemetry::Event> events;
    for (uint64_t step = 0; us.size() < kSteps; ++step) {
        const double begin = thread_us();
        engine.step();
        if (step > kSequences * kPrompt / 8192 + 4) us.push_back(thread_us() - begin);
        events.clear();
        reader->drain(events, 1 << 20);
    }
    report("step", us);
}

}  // namespace

int main() {
    bench_scheduler();
    bench_engine();
}
