// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDoubleSpinBox>
#include <QGridLayout>
#include <QLabel>
#include <QSpinBox>
#include <vector>

#include "panels/knobs/menu_button.h"
#include "panels/memory/shapes_presenter.h"

namespace pitwall::panels {

/// The question of "Other shapes": which model, stored how, on what, for which requests. What one types of the shape makes
/// it an own one.
class ShapeFields : public QWidget {
    Q_OBJECT
  public:
    ShapeFields(Theme* theme, ShapesPresenter& presenter, QWidget* parent);
    void take_theme();
    void show_question();  ///< what the presenter has, in the fields
    /// 4 where there is the room, 2 in a narrow panel.
    void set_columns(int columns);

  signals:
    void changed();

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    MenuButton* menu(const char* object, const QStringList& choices, const QStringList& tips = {});
    QSpinBox* whole(int least, int most, int step = 1);
    QDoubleSpinBox* number(double least, double most, double step, int decimals, const char* suffix);
    void add(const char* name, QWidget* editor, const char* help, int span = 1);
    void build();
    void connect_menus();
    void take_fields();
    void show_choices();

    Theme* theme_;
    ShapesPresenter& presenter_;
    QGridLayout* grid_;
    bool showing_ = false;  ///< the presenter writes into the fields: nobody types
    MenuButton *model_, *weights_, *kv_, *device_;
    QSpinBox *layers_, *heads_, *kv_heads_, *head_dim_, *sliding_, *window_, *latent_, *rope_, *devices_,
        *context_, *prompt_, *output_;
    QDoubleSpinBox *parameters_, *memory_, *fraction_;
    struct Field {
        QLabel* name;
        QWidget* editor;
        int span;  ///< columns
    };
    std::vector<Field> fields_;
    int columns_ = 0;
};

}  // namespace pitwall::panels
