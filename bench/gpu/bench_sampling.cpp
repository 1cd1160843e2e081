// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sampling from rows of logits as wide as llama-3's vocabulary; the bytes are those of one reading.
#include <string>

#include "bench/gpu/measure.h"
#include "engine/exec/cuda/kernels/sample.h"
#include "engine/sample/sampler.h"

namespace pitwall::cuda::bench {
namespace {

constexpr uint32_t kVocab = 128256, kSeen = 2048, kTinyVocab = 320, kTinySeen = 8;

struct Way {
    const char* name;
    engine::SamplingParams params;
};
const Way kWays[] = {
    {"greedy", {}},
    {"temperature", {.temperature = 1}},
    {"top-p 0.95", {.temperature = 1, .top_p = 0.95f}},
    {"top-k 50", {.temperature = 1, .top_k = 50}},
    {"top-k 50, top-p 0.95, penalty 1.1",
     {.temperature = 1, .top_k = 50, .top_p = 0.95f, .repetition_penalty = 1.1f}},
};

std::vector<SampleRow> rows_of(const engine::SamplingParams& params, uint32_t rows, uint32_t seen) {
    std::vector<SampleRow> made;
    for (uint32_t i = 0; i < rows; ++i)
        made.push_back({engine::uniform_noise(i, 1), 1, params.temperature,
                        engine::farthest_candidate(params), params.top_p, static_cast<uint32_t>(params.top_k),
                        params.repetition_penalty, 0, engine::has_penalty(params) ? seen : 0, 0, 0});
    return made;
}

}  // namespace

void bench_sampling(Device& device) {
    const uint32_t vocab = device.tiny() ? kTinyVocab : kVocab;
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0, 3);
    std::vector<int32_t> seen(device.tiny() ? kTinySeen : kSeen);
    for (int32_t& id : seen) id = static_cast<int32_t>(random() % vocab);
    const DeviceMemory ids = device.upload(seen);
    for (const uint32_t rows : device.tiny() ? std::vector{1u} : std::vector{1u, 32u, 128u}) {
        std::vector<float> values(size_t{rows} * vocab);
        for (float& x : values) x = normal(random);
        const DeviceMemory logits = device.upload(values), out = device.allocate(rows * sizeof(int32_t));
        for (const Way& way : kWays) {
            const DeviceMemory device_rows =
                device.upload(rows_of(way.params, rows, static_cast<uint32_t>(seen.size())));
            const auto run = [&](uint32_t) {
                sample_rows(device.stream(),
                            {logits.as<float>(), vocab, vocab, device_rows.as<SampleRow>(), ids.as<int32_t>(),
                             nullptr, out.as<int32_t>()},
                            rows);
            };
            report({{"what", "sampling"}, {"way", way.name}, {"rows", rows}}, device.measure(run, 8),
                   static_cast<double>(values.size()) * sizeof(float), 0);
        }
    }
}

}  // namespace pitwall::cuda::bench
