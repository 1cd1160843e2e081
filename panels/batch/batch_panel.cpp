// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/batch/batch_panel.h"

#include <algorithm>

#include "panels/common/paint.h"
#include "panels/common/text_line.h"
#include "panels/workload/start_arrivals.h"

namespace pitwall::panels {
namespace {

constexpr int kLastWordsMs = 250;  ///< events may end just after words were shown
constexpr int kSwatch = 13, kNameGap = 5, kItemGap = 12, kReadoutWidth = 520,
              kScopeWidth = 230;  // at scale 1

const char* token_of(BatchRole role) {
    switch (role) {
        case BatchRole::kPrefill:
            return "work.prefill";
        case BatchRole::kDraft:
            return "work.draft_accepted";
        case BatchRole::kRecompute:
            return "cause.preempted";
        case BatchRole::kCached:
            return "work.cached";
        case BatchRole::kUnused:
            return "work.unused";
        default:
            return "work.decode";
    }
}

}  // namespace

BatchTitle::BatchTitle(Theme* theme, const BatchPresenter& presenter, QWidget* parent)
    : QWidget(parent),
      theme_(theme),
      presenter_(presenter),
      modes_(new SegmentedControl(theme, {"Steps", "Time"}, this)) {
    setAttribute(Qt::WA_OpaquePaintEvent);  // else what lies under it is drawn anew with every figure
    modes_->setToolTip(QStringLiteral("Equal steps, or as wide as they took (T)"));
}

QSize BatchTitle::sizeHint() const {
    // The same whatever the figures are, or the title bar would move with every step.
    const int room = (parentWidget() ? parentWidget()->width() : 0) - theme_->scaled(kScopeWidth);
    const int readout = std::clamp(room - modes_->sizeHint().width(), 0, theme_->scaled(kReadoutWidth));
    return {readout + theme_->px("m") + modes_->sizeHint().width(), theme_->scaled(20)};
}

void BatchTitle::resizeEvent(QResizeEvent* /*event*/) {
    const QSize size = modes_->sizeHint();
    modes_->setGeometry(width() - size.width(), (height() - size.height()) / 2, size.width(), size.height());
}

void BatchTitle::update_reading() { update(0, 0, modes_->x(), height()); }

void BatchTitle::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    const Theme& t = *theme_;
    painter.fillRect(rect(), t.color("bg.panel"));
    auto items = presenter_.reading();
    const QFont words = t.words("small"), numbers = t.numbers("small", 500);
    const double baseline = height() / 2.0 + t.scaled(4);
    double x = modes_->x() - t.px("m");
    const auto width_of = [&](const BatchReading& item) {
        return text_width(numbers, item.value) + text_width(words, item.name) + t.scaled(kSwatch + kNameGap);
    };
    // What was not computed goes first; prefill, decode and whose they are stay.
    const QString title = presenter_.reading_title();
    double total = text_width(words, title);
    for (const BatchReading& item : items) total += width_of(item) + t.scaled(kItemGap);
    while (items.size() > 2 && total > x) {
        total -= width_of(items.back()) + t.scaled(kItemGap);
        items.pop_back();
    }
    for (auto it = items.rbegin(); it != items.rend(); ++it) {
        if (x - width_of(*it) < 0) return;
        x -= paint_text(painter, numbers, t.color("text.primary"), x, baseline, it->value, At::kRight) +
             t.scaled(kNameGap);
        x -= paint_text(painter, words, t.color("text.secondary"), x, baseline, it->name, At::kRight) +
             t.scaled(kSwatch);
        paint_swatch(painter, t, x, height() / 2.0, t.color(token_of(it->role)),
                     it->role == BatchRole::kUnused);
        x -= t.scaled(kItemGap);
    }
    if (x - text_width(words, title) >= 0)
        paint_text(painter, words, t.color("text.secondary"), x, baseline, title, At::kRight);
}

BatchPanel::BatchPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context_.store),
      chart_(new BatchChart(context_, presenter_, this)),
      title_(new BatchTitle(context_.theme, presenter_, this)),
      empty_(make_empty_state(context_, QStringLiteral("No steps yet. Start the workload, or send a prompt"),
                              this)) {
    title_->hide();  // until the title bar takes it
    setFocusProxy(chart_);
    last_words_.setSingleShot(true);
    last_words_.setInterval(kLastWordsMs);
    connect(&last_words_, &QTimer::timeout, this, &BatchPanel::show_words);
    connect(title_->modes(), &SegmentedControl::chosen, this, [this](int mode) {
        presenter_.set_mode(mode == 1 ? BatchAxis::Mode::kTime : BatchAxis::Mode::kSteps);
        refresh_now();
    });
    connect(chart_, &BatchChart::toggled, this,
            [this] { title_->modes()->set_current(1 - title_->modes()->current()); });
    connect(chart_, &BatchChart::moved, this, &BatchPanel::refresh_now);
    connect(chart_, &BatchChart::read, title_, &BatchTitle::update_reading);
    connect(context_.selection, &SelectionModel::changed, this, [this] {
        if (isVisible()) refresh_now();
    });
    connect(context_.theme, &Theme::changed, this, [this] {
        presenter_.set_size(width(), height(), context_.theme->scale());
        title_->updateGeometry();
        if (isVisible()) refresh_now();
    });
}

/// After what a hand did, which is seen at once.
void BatchPanel::refresh_now() {
    words_.force();
    refresh();
}

void BatchPanel::refresh() {
    const SelectionModel& s = *context_.selection;
    presenter_.set_selection(s.request(), s.has_step() ? std::optional(s.step()) : std::nullopt);
    if (presenter_.refresh()) {
        chart_->look_again();
        chart_->update();
    }
    show_empty_state(*empty_, context_, presenter_.empty());
    if (!words_.run(*context_.store, [this] { show_words(); }) && !last_words_.isActive())
        last_words_.start();
}

void BatchPanel::show_words() {
    title_->update_reading();
    if (const QString now = presenter_.scope(); now != scope_) {
        scope_ = now;
        emit scope_changed();
    }
}

void BatchPanel::resizeEvent(QResizeEvent* /*event*/) {
    chart_->setGeometry(rect());
    presenter_.set_size(width(), height(), context_.theme->scale());
    if (isVisible()) refresh_now();
}

void BatchPanel::showEvent(QShowEvent* /*event*/) { refresh_now(); }

}  // namespace pitwall::panels
