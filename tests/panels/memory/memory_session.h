// SPDX-License-Identifier: GPL-3.0-or-later
//
// A store that was told of memory by hand: a pool of 100 blocks of 16 tokens, 16,000 bytes each.
#pragma once

#include <cstring>

#include "tests/panels/support/told.h"

namespace pitwall::testing {

struct MemorySession {
    explicit MemorySession(Told& to) : told(to) {
        begin_keyframe();
        device();
        step(20, 30, 50, 200, 4);
    }

    telemetry::Event event(telemetry::EventKind kind) const {
        telemetry::Event e;
        e.kind = kind;
        e.t_ns = 1000 * kMs;
        return e;
    }
    void apply(const telemetry::Event& e) { told.store.apply({&e, 1}); }

    void begin_keyframe(uint32_t bytes_per_block = 16'000) {
        for (const auto part : {telemetry::KeyframePart::kBegin, telemetry::KeyframePart::kEnd}) {
            telemetry::Event e = event(telemetry::EventKind::kKeyframe);
            std::memset(static_cast<void*>(&e.keyframe), 0, sizeof(e.keyframe));
            e.keyframe.part = part;
            if (part == telemetry::KeyframePart::kBegin) e.keyframe.begin = {1, 100, 16, 0, bytes_per_block};
            apply(e);
        }
    }
    void device(uint64_t resident = 5'000'000, uint64_t activations = 0, uint64_t draft = 0) {
        telemetry::Event e = event(telemetry::EventKind::kDevice);
        e.device = {.resident_bytes = resident,
                    .kv_bytes = 2'000'000,
                    .weight_bytes = 1'000'000,
                    .activation_bytes = activations,
                    .draft_bytes = draft,
                    .cpu_ns = 0,
                    .threads = 2,
                    .reserved = 0};
        apply(e);
    }
    void step(uint32_t held, uint32_t cached, uint32_t free, uint32_t slots_filled, uint32_t running) {
        telemetry::Event e = event(telemetry::EventKind::kStep);
        e.step = {};
        e.step.step_id = next_step++;
        e.step.blocks_held = held, e.step.blocks_cached = cached, e.step.blocks_free = free;
        e.step.slots_filled = slots_filled;
        e.step.running = running;
        apply(e);
    }
    void finished(uint32_t blocks, telemetry::FinishReason reason = telemetry::FinishReason::kStop) {
        telemetry::Event e = event(telemetry::EventKind::kRequest);
        e.request = {};
        e.request.request = RequestId{next_request++};
        e.request.arrival_ns = 500 * kMs;
        e.request.blocks = blocks;
        e.request.token = -1;
        e.request.phase = telemetry::RequestPhase::kFinished;
        e.request.reason = reason;
        apply(e);
    }

    Told& told;
    uint64_t next_step = 0;
    uint32_t next_request = 1;
};

}  // namespace pitwall::testing
