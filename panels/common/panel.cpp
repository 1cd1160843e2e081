// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/panel.h"

#include <algorithm>
#include <limits>

#include "panels/common/format.h"

namespace pitwall::panels {

namespace {
constexpr int64_t kSecond = 1'000'000'000;

/// As the summary counts, from the first event on: what arrives before the first step belongs to the session. What the
/// store has let go, or never held after a seek, does not.
int64_t begin_of_session(const telemetry::Store& store) {
    return std::clamp(store.begin_ns(), std::min(store.history_begin_ns(), store.now_ns()), store.now_ns());
}
QString span_label(telemetry::TimeRange range) {
    return QStringLiteral("%1 to %2").arg(format_clock(range.begin_ns), format_clock(range.end_ns));
}
}  // namespace

void SelectionModel::select_request(RequestId request) {
    if (request == request_ && block_ == kNoBlock) return;
    request_ = request;
    block_ = kNoBlock;
    emit changed();
}

void SelectionModel::select_step(StepId step) {
    if (has_step_ && step == step_) return;
    step_ = step;
    has_step_ = true;
    emit changed();
}

void SelectionModel::select_block(BlockId block, RequestId owner) {
    if (block == block_ && owner == request_) return;
    block_ = block;
    request_ = owner;
    emit changed();
}

void SelectionModel::clear() {
    if (request_ == kNoRequest && block_ == kNoBlock && !has_step_) return;
    request_ = kNoRequest;
    block_ = kNoBlock;
    has_step_ = false;
    emit changed();
}

void RangeModel::set_mode(Mode mode) {
    if (mode == mode_) return;
    mode_ = mode;
    emit changed();
}

void RangeModel::set_dragged(telemetry::TimeRange range) {
    if (mode_ == Mode::kDragged && range.begin_ns == dragged_.begin_ns && range.end_ns == dragged_.end_ns)
        return;
    dragged_ = {std::min(range.begin_ns, range.end_ns), std::max(range.begin_ns, range.end_ns)};
    mode_ = Mode::kDragged;
    emit changed();
}

telemetry::TimeRange RangeModel::asked(const telemetry::Store& store) const {
    const int64_t end = store.now_ns() + 1;  // half open: the newest event belongs to it
    const auto last = [&](int64_t seconds) {
        return telemetry::TimeRange{std::max<int64_t>(0, end - seconds * kSecond), end};
    };
    switch (mode_) {
        case Mode::kLast10s:
            return last(10);
        case Mode::kLast60s:
            return last(60);
        case Mode::kLast120s:
            return last(120);
        case Mode::kSinceChange: {
            const auto changes = store.knob_changes();
            return {changes.empty() ? begin_of_session(store) : changes.back().t_ns, end};
        }
        case Mode::kSession:
            return {begin_of_session(store), end};
        case Mode::kDragged:
            return dragged_;
    }
    return last(60);
}

telemetry::TimeRange RangeModel::resolve(const telemetry::Store& store) const {
    const telemetry::TimeRange range = asked(store);
    return store.snapped(
        {std::min(std::max(range.begin_ns, store.history_begin_ns()), range.end_ns), range.end_ns});
}

QString RangeModel::label(const telemetry::Store& store) const {
    const bool since_ever = mode_ == Mode::kSession;
    const bool complete = since_ever ? store.complete_since_ns() == std::numeric_limits<int64_t>::min()
                                     : asked(store).begin_ns >= store.complete_since_ns();
    const telemetry::TimeRange range = resolve(store);  // of long ago widened to the pieces that are kept
    const QString name = mode_ == Mode::kDragged ? span_label(range) : label();
    return complete ? name : name + QStringLiteral(", incomplete");
}

QString RangeModel::label() const {
    switch (mode_) {
        case Mode::kLast10s:
            return QStringLiteral("last 10 s");
        case Mode::kLast60s:
            return QStringLiteral("last 60 s");
        case Mode::kLast120s:
            return QStringLiteral("last 120 s");
        case Mode::kSinceChange:
            return QStringLiteral("since the last change");
        case Mode::kSession:
            return QStringLiteral("whole session");
        case Mode::kDragged:
            return span_label(dragged_);
    }
    return {};
}

}  // namespace pitwall::panels
