// SPDX-License-Identifier: GPL-3.0-or-later
//
// A store that was told of a change of the KV format by hand: f16 with 100 blocks of 16,000 bytes, and at 20 s int8 with 200
// of 8,000, whose decode steps take longer by themselves and less for each token of context.
#pragma once

#include <cstring>

#include "tests/panels/support/told.h"

namespace pitwall::testing {

struct KvSession {
    explicit KvSession(Told& to, bool change = true) : told(to) {
        keyframe(0, 100, 16'000);
        run(0, 20'000, 1'000'000, 500);
        if (!change) return;
        keyframe(19'998, 200, 8'000);
        told.knob(20'000, presets::KnobId::kNumKvBlocks, 100, 200,
                  {.origin = telemetry::KnobOrigin::kEngine});
        told.knob(20'000, presets::KnobId::kKvCacheDtype, 0, 4, {.pause_ns = 5 * kMs});
        run(20'010, 40'000, 1'900'000, 200);
    }

    telemetry::Event event(telemetry::EventKind kind, int64_t t_ms) const {
        telemetry::Event e;
        e.kind = kind;
        e.t_ns = t_ms * kMs;
        std::memset(static_cast<void*>(&e.dictionary), 0, sizeof(e.dictionary));
        return e;
    }
    void apply(const telemetry::Event& e) { told.store.apply({&e, 1}); }

    void keyframe(int64_t t_ms, uint32_t blocks, uint32_t bytes_per_block) {
        for (const auto part : {telemetry::KeyframePart::kBegin, telemetry::KeyframePart::kEnd}) {
            telemetry::Event e = event(telemetry::EventKind::kKeyframe, t_ms);
            e.keyframe.part = part;
            if (part == telemetry::KeyframePart::kBegin)
                e.keyframe.begin = {1, blocks, 16, 0, bytes_per_block};
            apply(e);
        }
    }
    /// Decode steps of 1 to 4 sequences with 100 to 1,580 tokens each, every 100 ms.
    void run(int64_t from_ms, int64_t to_ms, int64_t base_ns, int64_t token_ns) {
        for (int64_t t = from_ms; t < to_ms; t += 100, ++next_step) {
            telemetry::Event e = event(telemetry::EventKind::kStep, t);
            const auto sequences = uint32_t(1 + next_step % 4);
            e.step.step_id = next_step;
            e.step.decode_tokens = e.step.running = sequences;
            e.step.slots_filled = sequences * uint32_t(100 + next_step * 37 % 75 * 20);
            e.step.execute_ns = base_ns + 200'000 * sequences + token_ns * e.step.slots_filled;
            e.step.duration_ns = e.step.execute_ns;
            e.step.blocks_held = 40, e.step.blocks_cached = 20,
            e.step.blocks_free = from_ms < 20'000 ? 40 : 140;
            apply(e);
        }
    }
    /// Of the next piece of request 1, unless told of which.
    void probe(int64_t t_ms, double mean_kl, double worst_kl, uint32_t flips,
               telemetry::KvDtype dtype = telemetry::KvDtype::kInt8, int64_t first_token = -1) {
        telemetry::Event e = event(telemetry::EventKind::kProbe, t_ms);
        e.probe.request = RequestId{1};
        e.probe.dtype = dtype;
        e.probe.reference = telemetry::KvDtype::kF16;
        e.probe.tokens = 64;
        e.probe.first_token = uint32_t(first_token >= 0 ? first_token : 64 * next_piece++);
        e.probe.positions = 15;
        e.probe.flips = flips;
        e.probe.mean_kl = mean_kl, e.probe.worst_kl = worst_kl;
        e.probe.cost_ns = 50 * kMs;
        apply(e);
    }

    Told& told;
    uint64_t next_step = 0;
    int64_t next_piece = 0;
};

}  // namespace pitwall::testing
