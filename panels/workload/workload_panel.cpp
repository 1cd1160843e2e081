// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/workload/workload_panel.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QPushButton>

#include "panels/throughput/time_chart_panel.h"

namespace pitwall::panels {

using presets::KnobId;

namespace {

QStringList choices_of(KnobId id) {
    QStringList words;
    for (const std::string_view choice : presets::spec(id).choices) words << to_qstring(choice);
    return words;
}

}  // namespace

WorkloadPanel::WorkloadPanel(PanelContext context, QWidget* parent)
    : Panel(context, parent),
      presenter_(*context.store, *context.control),
      knobs_(*context.store, *context.control, context.replay),
      choices_(make_choices()),
      rate_(new KnobRow(context.theme, presets::spec(KnobId::kRequestRate), this)),
      users_(new KnobRow(context.theme, presets::spec(KnobId::kConcurrency), this)),
      figures_(new WorkloadFigures(context.theme, presenter_, this)) {
    clock_.start();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 2, 0, 0);
    layout->setSpacing(0);
    for (KnobRow* row : {rate_, users_}) layout->addWidget(row);
    layout->addWidget(figures_, 1);
    layout->addWidget(make_buttons());
    connect_load(rate_, KnobId::kRequestRate);
    connect_load(users_, KnobId::kConcurrency);
    setFocusPolicy(Qt::StrongFocus);
    tick_.setInterval(25);
    connect(&tick_, &QTimer::timeout, this, [this] {
        knobs_.refresh(now_ms());
        show_knobs();
        if (!knobs_.busy()) tick_.stop();
    });
    connect(context.theme, &Theme::changed, this, [this] { gate_.force(); });
    connect(context.range, &RangeModel::changed, this, [this] { gate_.force(); });
    recompute();
}

QWidget* WorkloadPanel::make_choices() {
    auto* box = new QWidget(this);
    auto* line = new QHBoxLayout(box);
    line->setContentsMargins(0, 0, 0, 0);
    line->setSpacing(2);
    kind_ = new MenuButton(context_.theme, box);
    process_ = new MenuButton(context_.theme, box);
    kind_->setObjectName(QStringLiteral("workload"));
    process_->setObjectName(QStringLiteral("arrival_process"));
    kind_->set_choices(choices_of(KnobId::kWorkload));
    process_->set_choices(choices_of(KnobId::kArrivalProcess));
    for (MenuButton* button : {kind_, process_}) {
        button->setEnabled(!context_.replay);
        line->addWidget(button);
    }
    connect(kind_, &MenuButton::chosen, this,
            [this](int choice) { presenter_.set_workload(choice, now_ms()); });
    connect(process_, &MenuButton::chosen, this,
            [this](int choice) { presenter_.set_process(choice, now_ms()); });
    return box;
}

QWidget* WorkloadPanel::make_buttons() {
    auto* box = new QWidget(this);
    auto* line = new QHBoxLayout(box);
    line->setContentsMargins(12, 8, 12, 8);
    line->setSpacing(6);
    burst_ = new QPushButton(QStringLiteral("Burst"), box);
    arrivals_ = new QPushButton(box);
    burst_->setObjectName(QStringLiteral("burst"));
    arrivals_->setObjectName(QStringLiteral("toggle_arrivals"));
    burst_->setToolTip(QStringLiteral("%1 requests at once (B)").arg(WorkloadPresenter::kBurstRequests));
    arrivals_->setToolTip(QStringLiteral("What is in flight finishes; nothing new arrives (P)"));
    for (QPushButton* button : {burst_, arrivals_}) {
        button->setEnabled(!context_.replay);
        button->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
        line->addWidget(button);
    }
    line->addStretch(1);
    connect(burst_, &QPushButton::clicked, this, [this] { presenter_.burst(now_ms()); });
    connect(arrivals_, &QPushButton::clicked, this, [this] { presenter_.toggle_arrivals(now_ms()); });
    return box;
}

void WorkloadPanel::connect_load(KnobRow* row, KnobId id) {
    const auto act = [this](auto hand) {
        hand();
        show_knobs();
    };
    connect(row, &KnobRow::dragged, this,
            [=, this](double position) { act([&] { knobs_.drag(id, position, now_ms()); }); });
    connect(row, &KnobRow::drag_ended, this, [=, this] { act([&] { knobs_.end_drag(id, now_ms()); }); });
    connect(row, &KnobRow::stepped, this,
            [=, this](int steps) { act([&] { knobs_.step(id, steps, now_ms()); }); });
    connect(row, &KnobRow::chosen, this,
            [=, this](double value) { act([&] { knobs_.set(id, value, now_ms()); }); });
    connect(row, &KnobRow::entered, this,
            [=, this](const QString& text) { act([&] { knobs_.enter(id, text, now_ms()); }); });
    connect(row, &KnobRow::reset, this, [=, this] { act([&] { knobs_.reset(id, now_ms()); }); });
}

void WorkloadPanel::refresh() {
    gate_.run(*context_.store, [this] { recompute(); });
}

void WorkloadPanel::recompute() {
    presenter_.update(chart_window(*context_.range, *context_.store),
                      context_.range->resolve(*context_.store), context_.range->label(*context_.store),
                      now_ms());
    knobs_.refresh(now_ms());
    show_knobs();
    kind_->set_current(presenter_.workload());
    process_->set_current(presenter_.process());
    const QFont font = context_.theme->words("small", 500);
    for (QPushButton* button : {burst_, arrivals_})
        if (button->font() != font) button->setFont(font);
    const QString verb =
        presenter_.running() ? QStringLiteral("Pause arrivals") : QStringLiteral("Start arrivals");
    if (arrivals_->text() != verb) arrivals_->setText(verb);
    figures_->update();
    if (presenter_.scope() == shown_scope_) return;
    shown_scope_ = presenter_.scope();
    emit scope_changed();
}

void WorkloadPanel::show_knobs() {
    if (knobs_.busy() && !tick_.isActive()) tick_.start();
    rate_->show_view(knobs_.row(KnobId::kRequestRate));
    users_->show_view(knobs_.row(KnobId::kConcurrency));
    rate_->setVisible(!presenter_.closed_loop());
    users_->setVisible(presenter_.closed_loop());
}

void WorkloadPanel::keyPressEvent(QKeyEvent* event) {
    if (event->modifiers() == Qt::NoModifier && !context_.replay) {
        if (event->key() == Qt::Key_B) return presenter_.burst(now_ms());
        if (event->key() == Qt::Key_P) return presenter_.toggle_arrivals(now_ms());
    }
    Panel::keyPressEvent(event);
}

}  // namespace pitwall::panels
