// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/device/device_panel.h"

#include <QVBoxLayout>

#include "panels/common/scrolled.h"

namespace pitwall::panels {

DevicePanel::DevicePanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context_.store),
      content_(new QWidget(this)),
      bar_(new PartBar(context_.theme, content_)),
      tables_(new TablePair(context_.theme, {}, {}, content_)) {
    parts()->setAccessibleName(QStringLiteral("Where a step's time goes"));
    readings()->setAccessibleName(QStringLiteral("What the device does"));
    auto* inside = new QVBoxLayout(content_);
    inside->setContentsMargins(0, 0, 0, 0);
    inside->setSpacing(0);
    inside->addWidget(bar_);
    inside->addWidget(tables_);
    inside->addStretch(1);
    QScrollArea* area = scrolled(content_, this);
    empty_ = new EmptyState(
        context_.theme, presenter_.empty_words(), QStringLiteral("Start"),
        [this] { context_.control->set_knob("workload_running", "true"); }, area);
    auto* all = new QVBoxLayout(this);
    all->setContentsMargins(0, 0, 0, 0);
    all->addWidget(area);
    connect(context_.range, &RangeModel::changed, this, [this] { gate_.force(); });
    recompute();
}

void DevicePanel::refresh() {
    gate_.run(*context_.store, [this] { recompute(); });
}

void DevicePanel::recompute() {
    presenter_.update(context_.range->resolve(*context_.store), context_.range->label(*context_.store));
    parts()->set_rows(presenter_.part_rows());
    readings()->set_rows(presenter_.device_rows());
    bar_->show_parts(presenter_.caption(), presenter_.mean_step(), bar_parts());
    bar_->setVisible(presenter_.timed());
    content_->setVisible(!presenter_.empty());
    empty_->setVisible(presenter_.empty());
    empty_->set_sentence(presenter_.empty_words());
    empty_->offer(!context_.replay && presenter_.can_start());
    if (const QString now = scope(); now != shown_scope_) {
        shown_scope_ = now;
        emit scope_changed();
    }
}

std::vector<PartBar::Part> DevicePanel::bar_parts() const {
    std::vector<PartBar::Part> parts;
    auto row = presenter_.part_rows().begin();
    for (size_t i = 0; i < StepParts::kParts; ++i) {
        const auto part = StepParts::Part(i);
        const double ns = presenter_.parts().ns(part);
        parts.push_back({ns, StepParts::color_token(part), 1, ns > 0 ? tip_of(*row++) : QString()});
    }
    return parts;
}

void DevicePanel::showEvent(QShowEvent* /*event*/) { refresh(); }

}  // namespace pitwall::panels
