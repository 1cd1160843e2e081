// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whatever a damaged recording or a lossy connection may send: no panel crashes, hangs or reads past its rows.
#include <gtest/gtest.h>

#include <QPixmap>
#include <QTest>
#include <cmath>
#include <cstring>

#include "panels/batch/batch_panel.h"
#include "panels/device/device_panel.h"
#include "panels/kv_block_map/kv_block_map_panel.h"
#include "panels/kv_precision/kv_precision_panel.h"
#include "panels/memory/memory_panel.h"
#include "panels/prompt/prompt_panel.h"
#include "panels/requests/requests_panel.h"
#include "panels/speculation/speculation_panel.h"
#include "tests/panels/support/scene_desk.h"
#include "tests/storm.h"

namespace pitwall::testing {
namespace {

using namespace panels;
using telemetry::Event;
using telemetry::EventKind;

class Storm {
  public:
    explicit Storm(uint32_t seed) : random_(seed) {}
    uint64_t number(uint64_t below) { return random_() % below; }
    /// Mostly small, now and then as large as the type.
    uint32_t odd() {
        return number(12) ? static_cast<uint32_t>(number(60)) : static_cast<uint32_t>(random_());
    }
    int64_t time() {
        return number(20) ? t_ += static_cast<int64_t>(number(30'000'000))
                          : static_cast<int64_t>(random_() >> 8) - (int64_t{1} << 54);
    }

    Event event() {
        Event e;
        e.kind = static_cast<EventKind>(number(static_cast<uint64_t>(EventKind::kCount)));
        std::memset(static_cast<void*>(&e.dictionary), 0, sizeof(e.dictionary));
        e.t_ns = time();
        switch (e.kind) {
            case EventKind::kDictionary:
                fill(e.dictionary);
                break;
            case EventKind::kStep:
                fill(e.step);
                break;
            case EventKind::kStepMember:
                e.member = {
                    step_, RequestId{odd()}, static_cast<telemetry::WorkKind>(number(4)), {}, odd(), odd(),
                    odd()};
                break;
            case EventKind::kRequest:
                fill(e.request);
                break;
            case EventKind::kBlock:
                fill(e.block);
                break;
            case EventKind::kCause:
                e.cause = {RequestId{odd()},
                           static_cast<telemetry::Cause>(number(15)),
                           {},
                           static_cast<int64_t>(odd()) * 1000,
                           0};
                break;
            case EventKind::kKnob:
                e.knob = {};
                e.knob.knob = static_cast<uint16_t>(number(40));
                e.knob.origin = static_cast<telemetry::KnobOrigin>(number(5));
                e.knob.effective_value = odd();
                break;
            case EventKind::kKeyframe:
                e.keyframe.part = static_cast<telemetry::KeyframePart>(number(6));
                if (e.keyframe.part == telemetry::KeyframePart::kBegin)
                    e.keyframe.begin = {odd(), static_cast<uint32_t>(number(3000)), odd(), 0, odd()};
                break;
            case EventKind::kDraft:
                fill(e.draft);
                break;
            case EventKind::kProbe:
                fill(e.probe);
                break;
            case EventKind::kKernels:
                fill(e.kernels);
                break;
            case EventKind::kGpu:
                fill(e.gpu);
                break;
            case EventKind::kMark:
                e.mark = {static_cast<telemetry::MarkKind>(
                              number(static_cast<uint64_t>(telemetry::MarkKind::kReplayJump))),
                          {},
                          static_cast<int64_t>(odd())};
                break;
            default:
                e.kind = EventKind::kDevice;
                e.device = {.resident_bytes = random_(),
                            .kv_bytes = random_(),
                            .weight_bytes = random_() >> number(64),
                            .activation_bytes = random_() >> number(64),
                            .draft_bytes = random_() >> number(64),
                            .cpu_ns = 0,
                            .threads = 1,
                            .reserved = 0};
        }
        return e;
    }

  private:
    void fill(telemetry::DictionaryEvent& d) {
        d.dictionary = static_cast<telemetry::DictionaryKind>(number(7));
        d.id = odd();
        d.total_bytes = d.length = static_cast<uint8_t>(number(60));
        for (char& c : d.bytes) c = static_cast<char>(random_());
    }
    void fill(telemetry::StepEvent& s) {
        s.step_id = number(40) ? step_++ : random_();
        s.duration_ns = number(30) ? static_cast<int64_t>(number(40'000'000))
                                   : static_cast<int64_t>(random_() >> 6) - (int64_t{1} << 56);
        s.prefill_tokens = odd(), s.decode_tokens = odd(), s.cached_tokens = odd(), s.draft_tokens = odd();
        s.recompute_tokens = odd(), s.budget_tokens = odd(), s.running = odd(), s.waiting = odd();
        s.blocks_free = static_cast<uint32_t>(number(2000));
        s.execute_ns = static_cast<int64_t>(number(9) ? number(40'000'000) : random_());
        s.slots_filled = odd();
    }
    void fill(telemetry::DraftEvent& d) {
        d.step_id = number(3) ? step_ : random_();
        d.request = RequestId{odd()};
        d.method = static_cast<telemetry::DraftMethod>(number(5));
        d.drafted = odd(), d.accepted = odd();
        d.draft_ns = static_cast<int64_t>(random_());
    }
    void fill(telemetry::ProbeEvent& p) {
        p.dtype = static_cast<telemetry::KvDtype>(number(9));
        p.reference = static_cast<telemetry::KvDtype>(number(9));
        p.tokens = odd(), p.positions = odd(), p.flips = odd();
        p.mean_kl = number(9) ? 1.0 / double(1 + odd()) : std::nan("");
        p.worst_kl = number(9) ? odd() : HUGE_VAL;
        p.cost_ns = static_cast<int64_t>(random_());
    }
    void fill(telemetry::KernelsEvent& k) {
        k.step_id = number(9) ? step_ : random_();
        for (telemetry::KernelWork& work : k.kinds)
            work = {static_cast<int64_t>(number(9) ? number(20'000'000) : random_()),
                    number(9) ? odd() : HUGE_VAL, number(9) ? odd() : std::nan("")};
    }
    void fill(telemetry::GpuEvent& g) {
        const auto reading = [&] { return number(9) ? static_cast<int32_t>(odd()) : -1; };
        g = {.memory_used_bytes = static_cast<int64_t>(random_() >> number(64)),
             .memory_total_bytes = static_cast<int64_t>(random_() >> number(64)),
             .busy_percent = reading(),
             .memory_busy_percent = reading(),
             .power_mw = reading(),
             .power_limit_mw = reading(),
             .clock_mhz = reading(),
             .max_clock_mhz = reading(),
             .memory_clock_mhz = reading(),
             .temperature_c = reading(),
             .throttle_reasons = static_cast<int64_t>(random_()),
             .pcie_sent_bytes_s = reading(),
             .pcie_received_bytes_s = reading()};
    }
    void fill(telemetry::RequestEvent& r) {
        r.request = RequestId{odd()};
        r.phase = static_cast<telemetry::RequestPhase>(number(12));
        r.reason = static_cast<telemetry::FinishReason>(number(7));
        r.arrival_ns = number(9) ? t_ : -1;
        r.prompt_tokens = odd(), r.cached_tokens = odd(), r.output_tokens = odd(), r.blocks = odd();
        r.token = static_cast<int32_t>(number(60));
        r.origin = static_cast<telemetry::TokenOrigin>(number(6));
    }
    void fill(telemetry::BlockEvent& b) {
        b.block = BlockId{static_cast<uint32_t>(number(3000))};
        b.request = RequestId{odd()};
        b.phase = static_cast<telemetry::BlockPhase>(number(9));
        b.state = static_cast<telemetry::BlockState>(number(3));
        b.owners = static_cast<uint16_t>(random_());
        b.filled_tokens = static_cast<uint16_t>(number(40));
        b.table_index = odd() % 5000;
    }

    std::mt19937_64 random_;
    int64_t t_ = 0;
    uint64_t step_ = 0;
};

void poke(QWidget* target, Storm& storm) {
    const QPoint at(static_cast<int>(storm.number(700)), static_cast<int>(storm.number(220)));
    static constexpr Qt::Key kKeys[] = {
        Qt::Key_Left, Qt::Key_Right, Qt::Key_Up, Qt::Key_Down,   Qt::Key_Return, Qt::Key_Plus, Qt::Key_Minus,
        Qt::Key_T,    Qt::Key_J,     Qt::Key_K,  Qt::Key_Escape, Qt::Key_0,      Qt::Key_End};
    switch (storm.number(4)) {
        case 0:
            QTest::mouseMove(target, at);
            break;
        case 1:
            QTest::mouseClick(target, Qt::LeftButton, storm.number(2) ? Qt::ShiftModifier : Qt::NoModifier,
                              at);
            break;
        case 2:
            QTest::keyClick(target, kKeys[storm.number(std::size(kKeys))]);
            break;
        default: {
            QWheelEvent wheel(at, target->mapToGlobal(at), {}, {0, storm.number(2) ? 120 : -240},
                              Qt::NoButton, storm.number(4) ? Qt::NoModifier : Qt::ShiftModifier,
                              Qt::NoScrollPhase, false);
            QCoreApplication::sendEvent(target, &wheel);
        }
    }
}

TEST(PanelStorm, NothingThatArrivesBreaksAPanel) {
    for (const uint32_t seed : StormSeeds(4)) {
        Storm storm(seed);
        SceneDesk top;
        KvBlockMapPanel map(top.context());
        BatchPanel batch(top.context());
        RequestsPanel requests(top.context());
        PromptPanel prompt(top.context());
        MemoryPanel memory(top.context());
        KvPrecisionPanel precision(top.context());
        SpeculationPanel speculation(top.context());
        DevicePanel device(top.context());
        const std::vector<Panel*> all = {&map,    &batch,     &requests,    &prompt,
                                         &memory, &precision, &speculation, &device};
        const std::vector<QWidget*> targets = {map.view(),
                                               batch.chart(),
                                               requests.view(),
                                               precision.now()->first(),
                                               speculation.positions(),
                                               device.parts(),
                                               precision.title_control(),
                                               speculation.title_control()};
        for (Panel* panel : all) {
            panel->resize(680, 192);
            panel->show();
        }
        for (int round = 0; round < 120; ++round) {
            std::vector<Event> events;
            for (int i = 0; i < 60; ++i) events.push_back(storm.event());
            top.store.apply(events);
            if (storm.number(30) == 0) top.store.clear();
            if (storm.number(20) == 0) top.store.note_dropped(storm.number(1000));
            if (storm.number(10) == 0)
                poke(targets[storm.number(targets.size())], storm);  // before they refreshed
            Panel* panel = all[storm.number(all.size())];
            if (storm.number(12) == 0)
                panel->resize(static_cast<int>(40 + storm.number(900)),
                              static_cast<int>(20 + storm.number(400)));
            for (Panel* p : all) p->refresh();
            poke(targets[storm.number(targets.size())], storm);
            if (round % 6 == 0) {
                for (Panel* p : all) EXPECT_FALSE(p->grab().isNull());
                for (Panel* p : all) p->csv();
            }
        }
    }
}

}  // namespace
}  // namespace pitwall::testing
