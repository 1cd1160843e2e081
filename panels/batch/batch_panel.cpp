// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/batch/batch_panel.h"

#include <QHBoxLayout>
#include <algorithm>

#include "panels/batch/text_line.h"
#include "panels/common/paint.h"
#include "presets/knob.h"

namespace pitwall::panels {
namespace {

constexpr int kSwatch = 13, kNameGap = 5, kItemGap = 12;  // at scale 1

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

BatchReadout::BatchReadout(Theme* theme, const BatchPresenter& presenter, QWidget* parent)
    : QWidget(parent), theme_(theme), presenter_(presenter) {
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    setAttribute(Qt::WA_TransparentForMouseEvents);
}

QSize BatchReadout::sizeHint() const {
    // Room for five figures of four digits: it must not move the title bar with every step.
    return {theme_->scaled(520), theme_->scaled(20)};
}

void BatchReadout::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    const Theme& t = *theme_;
    const auto items = presenter_.reading();
    const QFont words = t.words("small"), numbers = t.numbers("small", 500);
    const double baseline = height() / 2.0 + t.scaled(4);
    double x = width() - t.scaled(4);
    for (auto it = items.rbegin(); it != items.rend(); ++it) {
        const double need = QFontMetricsF(numbers).horizontalAdvance(it->value) +
                            QFontMetricsF(words).horizontalAdvance(it->name) + t.scaled(kSwatch + kNameGap);
        if (x - need < 0) return;
        x -= paint_text(painter, numbers, t.color("text.primary"), x, baseline, it->value, At::kRight) +
             t.scaled(kNameGap);
        x -= paint_text(painter, words, t.color("text.secondary"), x, baseline, it->name, At::kRight) +
             t.scaled(kSwatch);
        paint_swatch(painter, t, x, height() / 2.0, t.color(token_of(it->role)),
                     it->role == BatchRole::kUnused);
        x -= t.scaled(kItemGap);
    }
    const QString title = presenter_.reading_title();
    if (x - QFontMetricsF(words).horizontalAdvance(title) >= 0)
        paint_text(painter, words, t.color("text.secondary"), x, baseline, title, At::kRight);
}

BatchPanel::BatchPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context_.store),
      chart_(new BatchChart(context_, presenter_, this)),
      title_(new QWidget(this)),
      readout_(new BatchReadout(context_.theme, presenter_, title_)),
      modes_(new SegmentedControl(context_.theme, {"Steps", "Time"}, title_)),
      empty_(new EmptyState(
          context_.theme, QStringLiteral("No steps yet. Start the workload, or send a prompt"),
          QStringLiteral("Start"),
          [this] {
              context_.control->set_knob(presets::spec(presets::KnobId::kWorkloadRunning).name, "true");
          },
          this)) {
    auto* row = new QHBoxLayout(title_);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(context_.theme->px("m"));
    row->addWidget(readout_, 1);
    row->addWidget(modes_);
    title_->hide();  // until the title bar takes it
    modes_->setToolTip(QStringLiteral("Equal steps, or as wide as they took (T)"));
    setFocusProxy(chart_);
    connect(modes_, &SegmentedControl::chosen, this, [this](int mode) {
        presenter_.set_mode(mode == 1 ? BatchAxis::Mode::kTime : BatchAxis::Mode::kSteps);
        refresh();
    });
    connect(chart_, &BatchChart::toggled, this, [this] { modes_->set_current(1 - modes_->current()); });
    connect(chart_, &BatchChart::moved, this, &BatchPanel::refresh);
    connect(chart_, &BatchChart::read, readout_, qOverload<>(&QWidget::update));
    connect(context_.selection, &SelectionModel::changed, this, [this] {
        if (isVisible()) refresh();
    });
    connect(context_.theme, &Theme::changed, this, [this] {
        presenter_.set_size(width(), height(), context_.theme->scale());
        readout_->updateGeometry();
        if (isVisible()) refresh();
    });
}

void BatchPanel::refresh() {
    const SelectionModel& s = *context_.selection;
    presenter_.set_selection(s.request(), s.has_step() ? std::optional(s.step()) : std::nullopt);
    if (presenter_.refresh()) {
        chart_->update();
        readout_->update();
    }
    empty_->setVisible(presenter_.empty());
    if (const QString now = presenter_.scope(); now != scope_) {
        scope_ = now;
        emit scope_changed();
    }
}

void BatchPanel::resizeEvent(QResizeEvent* /*event*/) {
    chart_->setGeometry(rect());
    presenter_.set_size(width(), height(), context_.theme->scale());
    refresh();
}

void BatchPanel::showEvent(QShowEvent* /*event*/) { refresh(); }

}  // namespace pitwall::panels
