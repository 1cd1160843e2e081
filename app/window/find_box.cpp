// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/find_box.h"

#include <QAction>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "presets/knob.h"

namespace pitwall::app {

FindBox::FindBox(panels::Theme* theme, const std::vector<QAction*>& commands, QWidget* parent)
    : QDialog(parent, Qt::Popup), words_(new QLineEdit(this)), list_(new QListWidget(this)) {
    setAttribute(Qt::WA_DeleteOnClose);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(theme->px("m"), theme->px("m"), theme->px("m"), theme->px("m"));
    layout->addWidget(words_);
    layout->addWidget(list_);
    words_->setPlaceholderText(QStringLiteral("Find a command, a panel or a knob"));
    words_->installEventFilter(this);
    for (QAction* action : commands)
        if (action->isEnabled())
            entries_.push_back({action->text().remove(u'&'), action->shortcut().toString(), {}, {}, action});
    for (const presets::KnobSpec& spec : presets::knob_table()) {
        const QString name = QString::fromUtf8(spec.name.data(), qsizetype(spec.name.size()));
        entries_.push_back({name, QStringLiteral("knob"), {}, name, nullptr});
    }
    resize(theme->scaled(420), theme->scaled(360));
    connect(words_, &QLineEdit::textChanged, this, &FindBox::list);
    connect(list_, &QListWidget::itemActivated, this, [this] { run(list_->currentRow()); });
    connect(list_, &QListWidget::itemClicked, this, [this] { run(list_->currentRow()); });
    list();
}

void FindBox::add_panels(const std::vector<std::pair<QString, QString>>& panels) {
    for (const auto& [id, title] : panels)
        entries_.push_back({title, QStringLiteral("panel"), id, {}, nullptr});
    list();
}

void FindBox::popup_under(QWidget* bar) {
    const QPoint corner = bar->mapToGlobal(QPoint(bar->width(), bar->height()));
    move(corner.x() - width() - 8, corner.y());
    show();
    words_->setFocus();
}

void FindBox::list() {
    list_->clear();
    const QStringList wanted = words_->text().split(u' ', Qt::SkipEmptyParts);
    for (size_t i = 0; i < entries_.size(); ++i) {
        const bool all = std::all_of(wanted.begin(), wanted.end(), [&](const QString& w) {
            return entries_[i].text.contains(w, Qt::CaseInsensitive);
        });
        if (!all) continue;
        auto* item = new QListWidgetItem(
            entries_[i].kind.isEmpty() ? entries_[i].text
                                       : QStringLiteral("%1    %2").arg(entries_[i].text, entries_[i].kind));
        item->setData(Qt::UserRole, static_cast<int>(i));
        list_->addItem(item);
    }
    list_->setCurrentRow(0);
}

QStringList FindBox::listed() const {
    QStringList texts;
    for (int i = 0; i < list_->count(); ++i) texts << list_->item(i)->text();
    return texts;
}

void FindBox::run(int row) {
    if (row < 0 || row >= list_->count()) return;
    const Entry entry = entries_[list_->item(row)->data(Qt::UserRole).toULongLong()];
    close();
    if (entry.action != nullptr) entry.action->trigger();
    if (!entry.panel_id.isEmpty()) emit panel_wanted(entry.panel_id);
    if (!entry.knob.isEmpty()) emit knob_wanted(entry.knob);
}

bool FindBox::eventFilter(QObject* watched, QEvent* event) {
    if (watched == words_ && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Down || key == Qt::Key_Up) {
            const int step = key == Qt::Key_Down ? 1 : -1;
            list_->setCurrentRow(std::clamp(list_->currentRow() + step, 0, std::max(0, list_->count() - 1)));
            return true;
        }
        if (key == Qt::Key_Return || key == Qt::Key_Enter) {
            run(list_->currentRow());
            return true;
        }
    }
    return QDialog::eventFilter(watched, event);
}

}  // namespace pitwall::app
