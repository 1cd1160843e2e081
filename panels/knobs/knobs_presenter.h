// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <array>
#include <cstdint>
#include <future>
#include <optional>
#include <vector>

#include "panels/knobs/knob_text.h"
#include "panels/knobs/knob_throttle.h"
#include "panels/knobs/slider_map.h"
#include "presets/knob.h"
#include "telemetry/control.h"
#include "telemetry/store/store.h"

namespace pitwall::panels {

enum class KnobWidgetKind { kSlider, kSwitch, kSegments, kMenu };
enum class KnobTag { kLive, kReload, kWas, kPending };
enum class KnobNote { kNone, kBound, kRefused };

/// Everything that one row shows.
struct KnobRowView {
    presets::KnobId id{};
    KnobWidgetKind kind = KnobWidgetKind::kSlider;
    QString name, group, number, unit;
    KnobTag tag = KnobTag::kLive;
    QString tag_text;  ///< "live", "reload", "was 768", "applying"
    KnobNote note = KnobNote::kNone;
    QString note_text;  ///< which bound holds, or why it was refused
    double value = 0;
    double position = 0, default_position = 0;  ///< on the slider, 0 to 1
    std::optional<double> was_position;
    int choice = 0;
    std::vector<QString> choices;
    bool changed = false;  ///< differs from what the session began with
    bool movable = true;   ///< false in a replay
    bool operator==(const KnobRowView&) const = default;
};

/// The knob table as rows, the values in force from events, and the hand's changes on their way to the
/// engine. GUI thread. `now_ms` is any clock that goes forward.
class KnobsPresenter {
  public:
    KnobsPresenter(const telemetry::Store& store, telemetry::Control& control, bool replay);

    /// Reads the store, sends what the throttle held and looks at answers.
    void refresh(int64_t now_ms);
    uint64_t version() const {
        return version_;
    }  ///< moves when a row, or the word beside the flush, looks different
    const std::vector<KnobRowView>& rows() const { return rows_; }  ///< in the table's order
    const KnobRowView& row(presets::KnobId id) const { return rows_[static_cast<size_t>(id)]; }
    /// Something is on its way or waits for its turn: refresh() again soon.
    bool busy() const;
    int changed_count() const;
    QString scope() const;  ///< "3 changed"
    QString csv() const;

    void drag(presets::KnobId id, double position, int64_t now_ms);
    void end_drag(presets::KnobId id, int64_t now_ms);
    void step(presets::KnobId id, int steps, int64_t now_ms);  ///< choices and switches: to the next one
    void set(presets::KnobId id, double value, int64_t now_ms);
    void reset(presets::KnobId id, int64_t now_ms);
    /// As a person types it. A text that is no value of the knob is refused here, in the row.
    void enter(presets::KnobId id, const QString& typed, int64_t now_ms);
    void flush_prefix_cache(int64_t now_ms);
    /// How the last flush went: "", "flushing", "flushed", or why not.
    QString flush_text() const { return flush_text_; }

  private:
    /// A change on its way. The row shows it until the events tell the new value.
    struct Hand {
        std::optional<double> asked;
        std::future<telemetry::Answer> answer;
        int64_t sent_ms = 0;
        std::optional<int64_t> answered_ms;
        QString refusal;
        int64_t refused_ms = 0;
        KnobThrottle throttle;
    };

    Hand& hand(presets::KnobId id) { return hands_[static_cast<size_t>(id)]; }
    const Hand& hand(presets::KnobId id) const { return hands_[static_cast<size_t>(id)]; }
    double shown_value(presets::KnobId id) const;
    void send(presets::KnobId id, double value, int64_t now_ms);
    void offer(presets::KnobId id, double value, int64_t now_ms);
    void read_answer(presets::KnobId id, int64_t now_ms);
    void read_flush(int64_t now_ms);
    void refuse(presets::KnobId id, const QString& reason, int64_t now_ms);
    KnobRowView make_row(const presets::KnobSpec& spec, int64_t now_ms) const;
    void fill_tag(KnobRowView& row, const presets::KnobSpec& spec, int64_t now_ms) const;
    void fill_note(KnobRowView& row, const presets::KnobSpec& spec) const;
    void read_changes();

    const telemetry::Store& store_;
    telemetry::Control& control_;
    KnobNumbers numbers_;
    bool replay_;
    std::vector<KnobRowView> rows_;
    std::array<Hand, presets::kKnobCount> hands_;
    struct History {
        std::optional<double> start, was;  ///< at the session's start; before the newest change
    };
    std::array<History, presets::kKnobCount> history_;
    size_t changes_read_ = 0;
    int64_t newest_change_ns_ = -1;
    uint64_t version_ = 0;
    std::future<telemetry::Answer> flush_;
    QString flush_text_;
    int64_t flush_ms_ = 0;
};

}  // namespace pitwall::panels
