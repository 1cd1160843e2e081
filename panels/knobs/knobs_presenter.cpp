// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/knobs/knobs_presenter.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "panels/changes/change_groups.h"
#include "presets/byte_size.h"

namespace pitwall::panels {

using presets::KnobId;
using presets::KnobSpec;
using presets::KnobType;
using telemetry::Answer;

namespace {

constexpr int64_t kApplyingShownAfterMs = 150;  ///< quicker answers would only flicker
constexpr int64_t kEventsLagMs = 1000;          ///< an accepted value that no event confirms is let go
constexpr int64_t kRefusalShownMs = 12'000;
constexpr size_t kMostSegments = 3;
constexpr qsizetype kSegmentLetters = 22;  ///< what fits where the slider would be

bool ready(std::future<Answer>& answer) {
    return answer.valid() && answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

KnobWidgetKind kind_of(const KnobSpec& spec) {
    if (spec.type == KnobType::kBoolean) return KnobWidgetKind::kSwitch;
    if (spec.type != KnobType::kChoice) return KnobWidgetKind::kSlider;
    qsizetype letters = 0;
    for (const std::string_view choice : spec.choices) letters += qsizetype(choice.size());
    return spec.choices.size() <= kMostSegments && letters <= kSegmentLetters ? KnobWidgetKind::kSegments
                                                                              : KnobWidgetKind::kMenu;
}

}  // namespace

KnobsPresenter::KnobsPresenter(const telemetry::Store& store, telemetry::Control& control, bool replay)
    : store_(store), control_(control), numbers_(store), replay_(replay) {
    refresh(0);
}

void KnobsPresenter::refresh(int64_t now_ms) {
    const QString flush_before = flush_text_;
    read_changes();
    read_flush(now_ms);
    std::vector<KnobRowView> rows;
    rows.reserve(presets::kKnobCount);
    for (const KnobSpec& spec : presets::knob_table()) {
        if (const auto value = hand(spec.id).throttle.due(now_ms)) send(spec.id, *value, now_ms);
        read_answer(spec.id, now_ms);
        rows.push_back(make_row(spec, now_ms));
    }
    if (rows != rows_ || flush_text_ != flush_before) ++version_;
    rows_ = std::move(rows);
}

bool KnobsPresenter::busy() const {
    return flush_.valid() || std::any_of(hands_.begin(), hands_.end(), [](const Hand& h) {
               return h.asked.has_value() || h.throttle.holding() || !h.refusal.isEmpty();
           });
}

void KnobsPresenter::read_changes() {
    const auto changes = store_.knob_changes();
    const int64_t newest_ns = changes.empty() ? -1 : changes.back().t_ns;
    // The same number of them after a seek may be others.
    if (changes.size() == changes_read_ && newest_ns == newest_change_ns_) return;
    changes_read_ = changes.size();
    newest_change_ns_ = newest_ns;
    history_ = {};
    for (const telemetry::KnobChange& change : changes) {
        const KnobSpec* spec = numbers_.spec(change.event.knob);
        if (!spec) continue;
        History& history = history_[static_cast<size_t>(spec->id)];
        const bool at_start = change.event.origin == telemetry::KnobOrigin::kStart;
        if (!history.start) history.start = at_start ? change.event.effective_value : change.event.old_value;
    }
    for (const ChangeGroup& group : group_changes(changes))
        if (const KnobSpec* spec = numbers_.spec(group.knob))
            history_[static_cast<size_t>(spec->id)].was = group.old_value;
}

// ---------------------------------------------------------------------------------------------- what a row
// shows

double KnobsPresenter::shown_value(KnobId id) const { return hand(id).asked.value_or(numbers_.value(id)); }

KnobRowView KnobsPresenter::make_row(const KnobSpec& spec, int64_t now_ms) const {
    const SliderMap slider(spec);
    KnobRowView row;
    row.id = spec.id;
    row.kind = kind_of(spec);
    row.name = to_qstring(spec.name);
    row.group = to_qstring(spec.group);
    row.value = shown_value(spec.id);
    const Quantity quantity = knob_quantity(spec, row.value);
    row.number = quantity.number;
    row.unit = quantity.unit;
    row.position = slider.position(row.value);
    row.default_position = slider.position(spec.default_value);
    row.choice = int(std::lround(row.value));
    for (const std::string_view choice : spec.choices) row.choices.push_back(to_qstring(choice));
    row.movable = !replay_;
    const History& history = history_[static_cast<size_t>(spec.id)];
    row.changed = history.start && *history.start != row.value;
    if (row.changed && history.was) row.was_position = slider.position(*history.was);
    fill_tag(row, spec, now_ms);
    fill_note(row, spec);
    return row;
}

void KnobsPresenter::fill_tag(KnobRowView& row, const KnobSpec& spec, int64_t now_ms) const {
    const Hand& own = hand(spec.id);
    const History& history = history_[static_cast<size_t>(spec.id)];
    if (own.answer.valid() && now_ms - own.sent_ms >= kApplyingShownAfterMs) {
        row.tag = KnobTag::kPending;
        row.tag_text = QStringLiteral("applying");
    } else if (row.changed && history.was && *history.was != row.value) {
        row.tag = KnobTag::kWas;
        row.tag_text = QStringLiteral("was ") + knob_quantity(spec, *history.was).number;
        if (presets::is_size(spec))
            row.tag_text = QStringLiteral("was ") + knob_quantity(spec, *history.was).text();
    } else {
        row.tag = spec.live ? KnobTag::kLive : KnobTag::kReload;
        row.tag_text = spec.live ? QStringLiteral("live") : QStringLiteral("reload");
    }
}

void KnobsPresenter::fill_note(KnobRowView& row, const KnobSpec& spec) const {
    const Hand& own = hand(spec.id);
    if (!own.refusal.isEmpty()) {
        row.note = KnobNote::kRefused;
        row.note_text = own.refusal;
        return;
    }
    const telemetry::KnobState& state = numbers_.state(spec.id);
    if (!state.known || own.asked) return;
    row.note_text = bound_text(spec, state.last.bound, state.last.effective_value);
    if (!row.note_text.isEmpty()) row.note = KnobNote::kBound;
}

int KnobsPresenter::changed_count() const {
    return int(std::count_if(rows_.begin(), rows_.end(), [](const KnobRowView& row) { return row.changed; }));
}

QString KnobsPresenter::scope() const {
    if (replay_) return QStringLiteral("as recorded");
    const int changed = changed_count();
    return changed ? QStringLiteral("%1 changed").arg(changed) : QStringLiteral("none changed");
}

QString KnobsPresenter::csv() const {
    QString text = QStringLiteral("knob,value,unit,default,live\n");
    for (const KnobSpec& spec : presets::knob_table()) {
        const auto plain = [&](double value) {
            return QString::fromStdString(presets::format_value(spec, value));
        };
        text += QStringLiteral("%1,%2,%3,%4,%5\n")
                    .arg(to_qstring(spec.name), plain(numbers_.value(spec.id)), to_qstring(spec.unit),
                         plain(spec.default_value),
                         spec.live ? QStringLiteral("live") : QStringLiteral("reload"));
    }
    return text;
}

// ---------------------------------------------------------------------------------------------- what a hand
// does

void KnobsPresenter::drag(KnobId id, double position, int64_t now_ms) {
    const double value = SliderMap(presets::spec(id)).value(position);
    if (value != shown_value(id)) offer(id, value, now_ms);
}

void KnobsPresenter::end_drag(KnobId id, int64_t now_ms) {
    if (const auto value = hand(id).throttle.flush()) send(id, *value, now_ms);
    refresh(now_ms);
}

void KnobsPresenter::step(KnobId id, int steps, int64_t now_ms) {
    const KnobSpec& spec = presets::spec(id);
    const double value = shown_value(id);
    if (spec.type == KnobType::kBoolean) return offer(id, steps > 0 ? 1 : 0, now_ms);
    if (spec.type == KnobType::kChoice)
        return offer(id, std::clamp(value + (steps > 0 ? 1 : -1), spec.minimum, spec.maximum), now_ms);
    offer(id, SliderMap(spec).stepped(value, steps), now_ms);
}

void KnobsPresenter::set(KnobId id, double value, int64_t now_ms) { offer(id, value, now_ms); }

void KnobsPresenter::reset(KnobId id, int64_t now_ms) { set(id, presets::spec(id).default_value, now_ms); }

void KnobsPresenter::enter(KnobId id, const QString& typed, int64_t now_ms) {
    if (replay_) return;
    const KnobSpec& spec = presets::spec(id);
    const auto value = presets::parse_value(spec, typed_knob_text(spec, typed));
    if (value.ok())
        set(id, value.value(), now_ms);
    else
        refuse(id, QString::fromStdString(value.error().text()), now_ms);
    refresh(now_ms);
}

void KnobsPresenter::offer(KnobId id, double value, int64_t now_ms) {
    if (replay_) return;
    Hand& own = hand(id);
    own.refusal.clear();
    if (value == shown_value(id) && !own.throttle.holding()) return void(refresh(now_ms));
    own.asked = value;
    if (const auto now = own.throttle.offer(value, now_ms)) send(id, *now, now_ms);
    refresh(now_ms);
}

void KnobsPresenter::send(KnobId id, double value, int64_t now_ms) {
    const KnobSpec& spec = presets::spec(id);
    Hand& own = hand(id);
    own.asked = value;
    own.answered_ms.reset();
    own.sent_ms = now_ms;
    own.answer = control_.set_knob(spec.name, presets::format_value(spec, value));
}

void KnobsPresenter::read_answer(KnobId id, int64_t now_ms) {
    Hand& own = hand(id);
    if (ready(own.answer)) {
        const Answer answer = own.answer.get();
        own.answered_ms = now_ms;
        if (answer.verdict == telemetry::Verdict::kRefused) {
            refuse(id, QString::fromStdString(answer.reason), now_ms);
        } else if (!own.throttle.holding()) {
            own.asked = answer.verdict == telemetry::Verdict::kClamped ? answer.effective_value : own.asked;
        }
    }
    // The events are the truth: once they tell the value, or stay silent for long, the row is theirs again.
    const bool told = own.asked && numbers_.state(id).known && numbers_.value(id) == *own.asked;
    if (own.answered_ms && !own.throttle.holding() && (told || now_ms - *own.answered_ms >= kEventsLagMs)) {
        own.asked.reset();
        own.answered_ms.reset();
    }
    if (!own.refusal.isEmpty() && now_ms - own.refused_ms >= kRefusalShownMs) own.refusal.clear();
}

void KnobsPresenter::refuse(KnobId id, const QString& reason, int64_t now_ms) {
    Hand& own = hand(id);
    own.refusal = reason.isEmpty() ? QStringLiteral("refused") : reason;
    own.refused_ms = now_ms;
    own.asked.reset();
    own.answered_ms.reset();
    (void)own.throttle.flush();
}

void KnobsPresenter::flush_prefix_cache(int64_t now_ms) {
    flush_ = control_.flush_prefix_cache();
    flush_text_ = QStringLiteral("flushing");
    ++version_;
    refresh(now_ms);
}

void KnobsPresenter::read_flush(int64_t now_ms) {
    constexpr int64_t kShownMs = 4000;
    if (ready(flush_)) {
        const Answer answer = flush_.get();
        flush_text_ = answer.verdict == telemetry::Verdict::kRefused ? QString::fromStdString(answer.reason)
                                                                     : QStringLiteral("flushed");
        flush_ms_ = now_ms;
    } else if (!flush_.valid() && !flush_text_.isEmpty() && now_ms - flush_ms_ >= kShownMs) {
        flush_text_.clear();
    }
}

}  // namespace pitwall::panels
