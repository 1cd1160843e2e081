// SPDX-License-Identifier: GPL-3.0-or-later
//
// A store that was told of drafts by hand: steps of one and of three sequences, plain and with one to four drafts each, that
// take 1 ms and a tenth of it for each row beyond the first.
#pragma once

#include <cstring>

#include "tests/panels/support/told.h"

namespace pitwall::testing {

struct DraftSession {
    /// Making a draft takes `make_ns`.
    explicit DraftSession(Told& to, int64_t make_ns = 0,
                          telemetry::DraftMethod with = telemetry::DraftMethod::kNgram)
        : told(to), draft_ns(make_ns), method(with) {
        told.start(presets::KnobId::kSpeculativeMethod, 1);
        for (int i = 0; i < 60; ++i) step(i % 2 ? 3 : 1, uint32_t(i / 2 % 5));
    }
    telemetry::Event event(telemetry::EventKind kind) const {
        telemetry::Event e;
        e.kind = kind;
        e.t_ns = int64_t(next_step) * 100 * kMs;
        std::memset(static_cast<void*>(&e.dictionary), 0, sizeof(e.dictionary));
        return e;
    }
    void apply(const telemetry::Event& e) { told.store.apply({&e, 1}); }
    /// Of `drafts` the first half, rounded up, is accepted. It takes `more_ns` than it should.
    void step(uint32_t sequences, uint32_t drafts, int64_t more_ns = 0) {
        for (uint32_t s = 0; drafts > 0 && s < sequences; ++s) {
            telemetry::Event e = event(telemetry::EventKind::kDraft);
            e.draft.step_id = next_step;
            e.draft.request = RequestId{s + 1};
            e.draft.method = method;
            e.draft.draft_ns = drafts * draft_ns;
            e.draft.drafted = e.draft.most = drafts;
            e.draft.accepted = (drafts + 1) / 2;
            apply(e);
        }
        telemetry::Event e = event(telemetry::EventKind::kStep);
        e.step.step_id = next_step++;
        e.step.decode_tokens = e.step.running = sequences;
        e.step.draft_tokens = sequences * drafts;
        e.step.execute_ns = 1'000'000 + 100'000 * int64_t(sequences + e.step.draft_tokens - 1);
        e.step.execute_ns += more_ns;
        e.step.duration_ns = 2 * e.step.execute_ns;
        apply(e);
    }

    Told& told;
    int64_t draft_ns;
    telemetry::DraftMethod method;
    uint64_t next_step = 0;
};

}  // namespace pitwall::testing
