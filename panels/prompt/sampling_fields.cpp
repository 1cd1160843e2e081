// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/prompt/sampling_fields.h"

#include <QVBoxLayout>
#include <limits>

namespace pitwall::panels {

namespace {
constexpr int kMostTokens = 1 << 20, kMostTopK = 1 << 20, kRowGap = 8;
}

SamplingFields::SamplingFields(Theme* theme, QWidget* parent)
    : QWidget(parent),
      theme_(theme),
      rest_(new QWidget(this)),
      more_(new QPushButton(this)),
      max_tokens_(whole(0, kMostTokens, "default")),
      priority_(whole(-1000, 1000)),
      top_k_(whole(0, kMostTopK, "0 all")),
      seed_(whole(0, std::numeric_limits<int>::max())),
      temperature_(number(0, 2, .1, 0)),
      top_p_(number(.01, 1, .05, 1)),
      min_p_(number(0, 1, .05, 0)),
      repetition_penalty_(number(.01, 10, .05, 1)),
      stop_(new QLineEdit(this)) {
    temperature_->setSpecialValueText(QStringLiteral("0 greedy"));
    stop_->setPlaceholderText(QStringLiteral("none"));
    build();
    more_->setCheckable(true);
    connect(more_, &QPushButton::toggled, this, &SamplingFields::show_all);
    show_all(false);
    take_theme();
}

QSpinBox* SamplingFields::whole(int least, int most, const char* special) {
    auto* box = new QSpinBox(this);
    box->setRange(least, most);
    if (special != nullptr) box->setSpecialValueText(QLatin1String(special));
    box->setButtonSymbols(QAbstractSpinBox::NoButtons);  // wheel and Up, Down turn them
    return box;
}

QDoubleSpinBox* SamplingFields::number(double least, double most, double step, double value) {
    auto* box = new QDoubleSpinBox(this);
    box->setRange(least, most);
    box->setSingleStep(step);
    box->setDecimals(2);
    box->setValue(value);
    box->setButtonSymbols(QAbstractSpinBox::NoButtons);
    return box;
}

QHBoxLayout* SamplingFields::add_row(QWidget* holder) {
    auto* row = new QHBoxLayout;
    row->setSpacing(kRowGap);
    static_cast<QVBoxLayout*>(holder->layout())->addLayout(row);
    return row;
}

void SamplingFields::add(QHBoxLayout* row, const char* name, QWidget* editor, const char* help) {
    auto* column = new QVBoxLayout;
    column->setSpacing(2);
    auto* label = new QLabel(QLatin1String(name), this);
    label->setBuddy(editor);
    column->addWidget(label);
    column->addWidget(editor);
    row->addLayout(column, 1);
    editor->setToolTip(QLatin1String(help));
    editor->setAccessibleName(QLatin1String(name));
    names_.push_back(label);
    editors_.push_back(editor);
}

void SamplingFields::build() {
    for (QWidget* holder : {static_cast<QWidget*>(this), rest_}) {
        auto* rows = new QVBoxLayout(holder);
        rows->setContentsMargins(0, 0, 0, 0);
        rows->setSpacing(kRowGap);
    }
    QHBoxLayout* first = add_row(this);
    add(first, "max_tokens", max_tokens_, "Output limit in tokens; default: the knob default_max_tokens");
    add(first, "temperature", temperature_, "0 takes the likeliest token, up to 2");
    add(first, "priority", priority_, "Used with scheduling_policy priority");
    layout()->addWidget(rest_);
    QHBoxLayout* second = add_row(rest_);
    add(second, "top_p", top_p_, "Among the likeliest tokens whose probabilities sum to this; 1 is all");
    add(second, "top_k", top_k_, "Among so many of the likeliest tokens");
    add(second, "min_p", min_p_, "Among tokens at least this likely, as a share of the likeliest");
    QHBoxLayout* third = add_row(rest_);
    add(third, "penalty", repetition_penalty_, "repetition_penalty: above 1 makes what was said less likely");
    add(third, "seed", seed_, "The same seed and prompt give the same answer, whatever else runs");
    add(third, "stop", stop_, "The answer ends before this text; \\n is a line end");
}

void SamplingFields::show_all(bool all) {
    rest_->setVisible(all);
    more_->setChecked(all);
    more_->setText(all ? QStringLiteral("Less") : QStringLiteral("More"));
    more_->setToolTip(all ? QStringLiteral("Hide what is rarely turned; it stays in force")
                          : QStringLiteral("top_p, top_k, min_p, penalty, seed, stop"));
}

void SamplingFields::take_theme() {
    const QString colour = theme_->color("text.secondary").name();
    for (QLabel* label : names_) {
        label->setFont(theme_->numbers("small"));
        label->setStyleSheet(QStringLiteral("color: %1").arg(colour));
    }
    for (QWidget* editor : editors_) editor->setFont(theme_->numbers("small"));
    more_->setFont(theme_->words("small", 500));
}

void SamplingFields::fill(telemetry::PromptSpec& prompt) const {
    prompt.max_tokens = static_cast<uint32_t>(max_tokens_->value());
    prompt.temperature = static_cast<float>(temperature_->value());
    prompt.priority = priority_->value();
    prompt.top_p = static_cast<float>(top_p_->value());
    prompt.top_k = top_k_->value();
    prompt.min_p = static_cast<float>(min_p_->value());
    prompt.repetition_penalty = static_cast<float>(repetition_penalty_->value());
    prompt.seed = static_cast<uint64_t>(seed_->value());
    prompt.stop.clear();
    const QString stop = stop_->text().replace(QStringLiteral("\\n"), QStringLiteral("\n"));
    if (!stop.isEmpty()) prompt.stop.push_back(stop.toStdString());
}

}  // namespace pitwall::panels
