// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/statusbar/status_bar.h"

#include <QFontMetricsF>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "panels/common/paint.h"
#include "panels/common/text_line.h"
#include "panels/knobs/knob_text.h"
#include "telemetry/stats/range_stats.h"

namespace pitwall::panels {

namespace {
constexpr int64_t kWindowNs = 10'000'000'000;
constexpr int64_t kLagWorthAWarningNs = 1'000'000'000;
/// The knob's word where it is in use, and what is in use beside it or instead: of a model without weights that the word is
/// for it must not be said that it computes so. Older recordings do not tell what weights there are.
QString activations_in_use(const QString& word, std::string_view weights, std::string_view tier) {
    const bool of_floats = word == QLatin1String("bf16");
    const bool of_all =
        word == QLatin1String("f32") || word == QLatin1String("f16") || (of_floats && tier == "amx");
    if (of_all || weights.empty() || weights == (of_floats ? "float" : "quantized"))
        return QStringLiteral("%1 activations").arg(word);
    if (weights == (of_floats ? "quantized" : "float"))
        return QStringLiteral("f32 activations (%1: no %2 weights)")
            .arg(word, of_floats ? QStringLiteral("float") : QStringLiteral("quantized"));
    return QStringLiteral("%1 and f32 activations").arg(word);
}

/// "fp8 weights, " where the device holds them otherwise than the file does.
QString weights_in_use(const KnobNumbers& numbers) {
    const auto id = presets::KnobId::kWeightDtype;
    if (!numbers.state(id).known || numbers.value(id) == static_cast<double>(presets::WeightDtype::kFile))
        return {};
    return to_qstring(presets::format_value(presets::spec(id), numbers.value(id))) +
           QStringLiteral(" weights, ");
}

/// What weights meet, and how far that takes the answers from what the weights say. A simulated device computes nothing.
std::optional<StatusCell> activations_cell(const telemetry::Store& store) {
    const KnobNumbers numbers(store);
    const auto id = presets::KnobId::kActivationDtype;
    const std::string_view tier = store.session("kernel_tier");
    if (tier.empty() || tier == "simulated" || !numbers.state(id).known) return std::nullopt;
    const QString word = to_qstring(presets::format_value(presets::spec(id), numbers.value(id)));
    return StatusCell{
        weights_in_use(numbers) + activations_in_use(word, store.session("weight_kinds"), tier),
        {},
        false,
        QStringLiteral("knobs"),
        QStringLiteral(
            "What weights are multiplied with (the knob activation_dtype): integers are for quantized "
            "weights, bf16 for float weights, with AMX for all, and all others meet f32. On the reference "
            "texts of SmolLM2-135M the next token's distribution is off by 1.5e-3 nats with i8, 1.4e-4 with "
            "bf16 (1.9e-4 with AMX), 1.6e-6 with i16 and 5e-7 with f32 (mean KL divergence, measured with KV "
            "in f16)")};
}

/// Where one was lost on the way, that stays to be seen: what computes now may be another, and slower.
StatusCell device_cell(const telemetry::Store& store, const QString& device) {
    const QString why = to_qstring(store.session("device_reason"));
    StatusCell cell{
        device,
        {},
        false,
        {},
        QStringLiteral("Device and kernel tier") + (why.isEmpty() ? why : QStringLiteral(": ") + why)};
    const auto& marks = store.marks();
    const auto lost = std::find_if(marks.rbegin(), marks.rend(), [](const telemetry::MarkRow& mark) {
        return mark.mark == telemetry::MarkKind::kDeviceLost;
    });
    if (lost == marks.rend()) return cell;
    cell.warn = true;
    cell.words += QStringLiteral(", GPU lost at ") + format_clock_short(lost->t_ns);
    if (lost->value > 1) cell.tip += QStringLiteral(". Lost %1 times so far").arg(format_count(lost->value));
    return cell;
}

}  // namespace

std::vector<StatusCell> status_cells(const telemetry::Store& store, const StatusFacts& facts) {
    std::vector<StatusCell> cells;
    if (!facts.model.isEmpty()) cells.push_back({facts.model, {}, false, {}, QStringLiteral("Model")});
    if (!facts.device.isEmpty()) cells.push_back(device_cell(store, facts.device));
    if (const auto cell = activations_cell(store); cell && !facts.device.isEmpty()) cells.push_back(*cell);
    const int64_t known = std::max<int64_t>(0, store.history_begin_ns());
    const telemetry::TimeRange last{std::max(known, store.now_ns() - kWindowNs), store.now_ns() + 1};
    std::vector<double> durations;
    uint64_t steps = 0;
    for (auto it = store.steps().rbegin(); it != store.steps().rend() && it->start_ns >= last.begin_ns;
         ++it, ++steps)
        durations.push_back(double(it->step.duration_ns));
    const double seconds = std::max(1e-9, double(last.end_ns - last.begin_ns) / 1e9);
    const telemetry::RangeStats stats = telemetry::range_stats(store, last);
    cells.push_back({{},
                     format_rate(double(steps) / seconds, QStringLiteral("steps/s")),
                     false,
                     QStringLiteral("batch"),
                     QStringLiteral("Engine steps, last 10 s")});
    const telemetry::Percentiles step = telemetry::percentiles(durations);
    cells.push_back(
        {QStringLiteral("step p50"),
         step.n > 0 ? format_duration(step.p50) : Quantity{kNoValue, QStringLiteral("ms")}, false,
         QStringLiteral("batch"),
         QStringLiteral("Median duration of a step, last 10 s, n = %1").arg(format_count(int64_t(step.n)))});
    cells.push_back({{},
                     format_rate(stats.output_tokens_per_s(), QStringLiteral("tok/s")),
                     false,
                     QStringLiteral("throughput"),
                     QStringLiteral("Output tokens, last 10 s")});
    cells.push_back({{},
                     format_rate(facts.events_per_s, QStringLiteral("events/s")),
                     false,
                     {},
                     QStringLiteral("Events that came over the bus, last 10 s")});
    const uint64_t dropped = store.events_dropped();
    cells.push_back({QStringLiteral("dropped"),
                     {format_count(int64_t(dropped)), QStringLiteral("events")},
                     dropped > 0,
                     {},
                     store.incomplete()
                         ? QStringLiteral("Events are missing until the next keyframe")
                         : QStringLiteral("Events that the window left out because it could not keep up")});
    if (facts.recording)
        cells.push_back({QStringLiteral("recorder behind"),
                         format_duration(double(facts.recorder_lag_ns)),
                         facts.recorder_lag_ns > kLagWorthAWarningNs,
                         {},
                         QStringLiteral("How far the file is behind the engine")});
    return cells;
}

StatusBar::StatusBar(PanelContext context, QWidget* parent) : Panel(context, parent) {
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(context_.theme, &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void StatusBar::refresh() {
    cells_ = status_cells(*context_.store, facts_);
    places_.clear();
    const double limit = width() - context_.theme->px("l");
    double x = context_.theme->px("l");
    for (const StatusCell& cell : cells_) {
        const double wide = cell_width(cell);
        if (x + wide > limit) break;  // when it is narrow, cells go from the right
        places_.emplace_back(x, 0, wide, height());
        x += wide + context_.theme->scaled(28);
    }
    update();
}

void StatusBar::set_facts(const StatusFacts& facts) {
    const bool said =
        facts.message != facts_.message || facts.model != facts_.model || facts.device != facts_.device;
    facts_ = facts;
    if (said) refresh();
}

QSize StatusBar::sizeHint() const { return {400, context_.theme->px("status")}; }

double StatusBar::cell_width(const StatusCell& cell) const {
    const Theme& theme = *context_.theme;
    const QFont words = theme.words("small"), numbers = theme.numbers("small");
    double width = cell.words.isEmpty() ? 0 : text_width(words, cell.words);
    if (cell.figure.number.isEmpty()) return width;
    if (!cell.words.isEmpty()) width += theme.scaled(5);
    width += text_width(numbers, cell.figure.number);
    return cell.figure.unit.isEmpty() ? width : width + theme.scaled(4) + text_width(words, cell.figure.unit);
}

double StatusBar::paint_cell(QPainter& painter, const StatusCell& cell, double x) const {
    const Theme& theme = *context_.theme;
    const double baseline = height() / 2.0 + theme.scaled(4);
    if (!cell.words.isEmpty())
        x += paint_text(painter, theme.words("small"),
                        theme.color(cell.warn ? "signal.warn" : "text.secondary"), x, baseline, cell.words) +
             theme.scaled(5);
    if (!cell.figure.number.isEmpty())
        x += paint_quantity(painter, theme, x, baseline, cell.figure, Side::kLeft, "small", 400);
    return x;
}

void StatusBar::paintEvent(QPaintEvent* /*event*/) {
    const Theme& theme = *context_.theme;
    QPainter painter(this);
    painter.fillRect(rect(), theme.color("bg.window"));
    const QFont font = theme.words("small");
    const QString message = QFontMetricsF(font).elidedText(facts_.message, Qt::ElideRight, width() * 0.5);
    const double said =
        message.isEmpty() ? 0 : QFontMetricsF(font).horizontalAdvance(message) + theme.px("xxl");
    for (size_t i = 0; i < places_.size() && i < cells_.size(); ++i) {
        if (places_[i].right() > width() - theme.px("l") - said) break;
        paint_cell(painter, cells_[i], places_[i].left());
        if (i == 0) continue;  // a line between two cells, none after the last
        const int line = int(places_[i - 1].right()) + theme.scaled(14);
        painter.setPen(theme.color("line.border"));
        painter.drawLine(line, theme.scaled(7), line, height() - theme.scaled(6));
    }
    if (message.isEmpty()) return;
    double x = width() - theme.px("l") - QFontMetricsF(font).horizontalAdvance(message);
    if (facts_.message_bad)
        paint_verdict(painter, theme, QPointF(x - theme.scaled(10), height() / 2.0), Verdict::kWarn);
    painter.setFont(font);
    painter.setPen(theme.color(facts_.message_bad ? "text.primary" : "text.secondary"));
    painter.drawText(QPointF(x, height() / 2.0 + theme.scaled(4)), message);
}

const StatusCell* StatusBar::cell_at(QPointF position) const {
    for (size_t i = 0; i < places_.size() && i < cells_.size(); ++i)
        if (places_[i].contains(position)) return &cells_[i];
    return nullptr;
}

void StatusBar::mousePressEvent(QMouseEvent* event) {
    const StatusCell* cell = cell_at(event->position());
    if (cell != nullptr && !cell->panel_id.isEmpty()) emit panel_wanted(cell->panel_id);
}

bool StatusBar::event(QEvent* event) {
    if (event->type() == QEvent::Resize) refresh();
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        if (const StatusCell* cell = cell_at(help->pos()))
            QToolTip::showText(help->globalPos(), cell->tip, this);
        return true;
    }
    return Panel::event(event);
}

}  // namespace pitwall::panels
