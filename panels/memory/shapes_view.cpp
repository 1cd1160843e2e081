// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/shapes_view.h"

#include <QVBoxLayout>

namespace pitwall::panels {

namespace {
constexpr int kFieldsBeside = 640, kThreeColumns = 900, kFourFields = 380, kFieldsWidth = 376,
              kLeastWidth = 240;  ///< px at scale 1
}

ShapesView::ShapesView(Theme* theme, ShapesPresenter& presenter, QWidget* parent)
    : QWidget(parent),
      theme_(theme),
      presenter_(presenter),
      fields_(new ShapeFields(theme, presenter, this)),
      results_(new ValueTable(theme, QStringLiteral("Modelled, on each device"), this)),
      kinds_(
          new ValueTable(theme, QStringLiteral("Modelled: the same model, K and V shared otherwise"), this)),
      formula_(new QLabel(this)),
      page_(new QBoxLayout(QBoxLayout::LeftToRight, this)),
      answer_(new QBoxLayout(QBoxLayout::TopToBottom)),
      tables_(new QBoxLayout(QBoxLayout::TopToBottom)) {
    page_->setContentsMargins(0, 0, 0, 0);
    page_->setSpacing(0);
    answer_->setSpacing(0);
    answer_->addWidget(formula_);
    answer_->addLayout(tables_);
    answer_->addStretch(1);
    page_->addWidget(fields_, 0, Qt::AlignTop);
    page_->addLayout(answer_, 1);
    tables_->addWidget(results_, 5, Qt::AlignTop);
    tables_->addWidget(kinds_, 6, Qt::AlignTop);
    formula_->setWordWrap(true);
    formula_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    formula_->setAccessibleName(QStringLiteral("The sums"));
    connect(fields_, &ShapeFields::changed, this, &ShapesView::show_plan);
    connect(theme, &Theme::changed, this, &ShapesView::take_theme);
    take_theme();
    show_plan();
}

void ShapesView::show_plan() {
    results_->set_rows(presenter_.results());
    kinds_->set_rows(presenter_.kinds());
    formula_->setText(presenter_.token_formula() + u'\n' + presenter_.request_formula());
    emit changed();
}

void ShapesView::take_theme() {
    fields_->take_theme();
    formula_->setFont(theme_->numbers("small"));
    formula_->setContentsMargins(theme_->scaled(12), theme_->scaled(2), theme_->scaled(12),
                                 theme_->scaled(4));
    formula_->setStyleSheet(QStringLiteral("color: %1").arg(theme_->color("text.secondary").name()));
}

void ShapesView::resizeEvent(QResizeEvent* /*event*/) {
    const bool beside = width() >= theme_->scaled(kFieldsBeside);
    page_->setDirection(beside ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
    fields_->setMaximumWidth(beside ? theme_->scaled(kFieldsWidth) : QWIDGETSIZE_MAX);
    fields_->setMinimumWidth(beside ? theme_->scaled(kFieldsWidth) : 0);
    fields_->set_columns(width() >= theme_->scaled(kFourFields) ? 4 : 2);
    const bool three = width() >= theme_->scaled(kThreeColumns);
    tables_->setDirection(three ? QBoxLayout::LeftToRight : QBoxLayout::TopToBottom);
    tables_->setSpacing(beside ? 0 : theme_->scaled(4));
    // Long lines go above the figures where they are short enough to leave these in sight.
    if (answer_->indexOf(formula_) != (three ? 0 : 1)) answer_->insertWidget(three ? 0 : 1, formula_);
}

QSize ShapesView::minimumSizeHint() const {
    return {theme_->scaled(kLeastWidth), QWidget::minimumSizeHint().height()};
}

}  // namespace pitwall::panels
