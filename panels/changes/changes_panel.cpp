// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/changes/changes_panel.h"

#include <QLabel>
#include <QScrollArea>
#include <QScrollBar>
#include <QVBoxLayout>

namespace pitwall::panels {

ChangesPanel::ChangesPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context.store),
      list_(new ChangesList(context.theme)),
      scroll_(new QScrollArea(this)),
      empty_(
          new QLabel(QStringLiteral("No knob has moved yet. Turn one, and what it did stands here."), this)) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(scroll_, 1);
    layout->addWidget(empty_, 1);
    scroll_->setWidget(list_);
    scroll_->setWidgetResizable(true);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll_->setFocusPolicy(Qt::NoFocus);
    scroll_->viewport()->setAutoFillBackground(false);
    list_->setAutoFillBackground(false);
    list_->set_undo_allowed(!context.replay);
    empty_->setAlignment(Qt::AlignCenter);
    empty_->setWordWrap(true);
    empty_->setMargin(12);
    setFocusProxy(list_);
    connect(list_, &ChangesList::chosen, this, &ChangesPanel::go_to);
    connect(list_, &ChangesList::undone, this, &ChangesPanel::undo);
    connect(list_, &ChangesList::current_moved, this,
            [this](int top, int height) { scroll_->ensureVisible(0, top + height / 2, 0, height / 2); });
    // The newest stays in view, unless somebody looks at an older one.
    QScrollBar* bar = scroll_->verticalScrollBar();
    connect(bar, &QScrollBar::rangeChanged, this, [this, bar](int, int maximum) {
        if (follow_) bar->setValue(maximum);
    });
    connect(bar, &QScrollBar::sliderMoved, this, [this, bar] { follow_ = bar->value() >= bar->maximum(); });
    connect(bar, &QScrollBar::actionTriggered, this,
            [this, bar] { follow_ = bar->sliderPosition() >= bar->maximum(); });
    connect(context.theme, &Theme::changed, this, [this] { gate_.force(); });
    recompute();
}

void ChangesPanel::refresh() {
    gate_.run(*context_.store, [this] { recompute(); });
}

void ChangesPanel::recompute() {
    presenter_.update();
    list_->show_rows(presenter_.rows());
    scroll_->setVisible(!presenter_.rows().empty());
    empty_->setVisible(presenter_.rows().empty());
    empty_->setFont(context_.theme->words("body"));
    QPalette palette = empty_->palette();
    palette.setColor(QPalette::WindowText, context_.theme->color("text.secondary"));
    empty_->setPalette(palette);
}

void ChangesPanel::go_to(uint32_t number) {
    const std::vector<ChangeRowView>& rows = presenter_.rows();
    for (const ChangeRowView& row : rows) {
        if (row.number != number) continue;
        if (number == rows.back().number) return context_.range->set_mode(RangeModel::Mode::kSinceChange);
        return context_.range->set_dragged({row.t_ns, context_.store->now_ns() + 1});
    }
}

void ChangesPanel::undo(uint32_t number) {
    const ChangesPresenter::Undo undo = presenter_.undo(number);
    // What came of it is told by the events, like any other change.
    if (!undo.knob.isEmpty())
        (void)context_.control->set_knob(undo.knob.toStdString(), undo.value.toStdString());
}

}  // namespace pitwall::panels
