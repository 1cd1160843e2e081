// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/common/copy_menu.h"

#include <QApplication>
#include <QClipboard>
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QPainter>

namespace pitwall::panels {

namespace {

void ask_and_save(Panel& panel, const std::function<void(const QString&)>& report) {
    const QString filter = panel.csv().isEmpty() ? QStringLiteral("Picture (*.png)")
                                                 : QStringLiteral("Figures (*.csv);;Picture (*.png)");
    const QString proposed =
        panel.id() + (panel.csv().isEmpty() ? QStringLiteral(".png") : QStringLiteral(".csv"));
    // Not modal: the engine runs on and the window with it.
    auto* dialog = new QFileDialog(&panel, QStringLiteral("Save %1").arg(panel.title()), {}, filter);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->selectFile(proposed);
    QObject::connect(dialog, &QFileDialog::fileSelected, &panel, [&panel, report](const QString& path) {
        const Status saved = save_panel(panel, path);
        report(saved.ok() ? QStringLiteral("Saved %1").arg(path)
                          : QString::fromStdString(saved.error().text()));
    });
    dialog->open();
}

}  // namespace

QImage panel_image(Panel& panel, double pixel_ratio) {
    QImage image((QSizeF(panel.size()) * pixel_ratio).toSize(), QImage::Format_RGB32);
    image.setDevicePixelRatio(pixel_ratio);
    image.fill(panel.palette().color(QPalette::Base));
    panel.render(&image);
    return image;
}

Status save_panel(Panel& panel, const QString& path) {
    const QString ending = QFileInfo(path).suffix().toLower();
    if (ending != u"csv" && ending != u"png")
        return Error{(QStringLiteral("cannot tell the format of ") + path).toStdString(),
                     "end the name in .csv or .png"};
    if (ending == u"png") {
        if (panel_image(panel).save(path, "PNG")) return {};
        return Error{(QStringLiteral("cannot write ") + path).toStdString(),
                     "choose a folder you may write to"};
    }
    QFile file(path);
    const QByteArray text = panel.csv().toUtf8();
    if (!file.open(QIODevice::WriteOnly | QIODevice::Truncate) || file.write(text) != text.size() ||
        !file.flush())
        return Error{(QStringLiteral("cannot write ") + path).toStdString(),
                     file.errorString().toStdString()};
    return {};
}

void add_copy_actions(QMenu& menu, Panel& panel, const std::function<void(const QString&)>& report) {
    QAction* csv = menu.addAction(QStringLiteral("Copy as CSV"), &panel, [&panel, report] {
        QApplication::clipboard()->setText(panel.csv());
        report(QStringLiteral("Copied the figures of %1").arg(panel.title()));
    });
    csv->setEnabled(!panel.csv().isEmpty());
    menu.addAction(QStringLiteral("Copy as PNG"), &panel, [&panel, report] {
        QApplication::clipboard()->setImage(panel_image(panel));
        report(QStringLiteral("Copied the picture of %1").arg(panel.title()));
    });
    menu.addAction(QStringLiteral("Save\u2026"), &panel, [&panel, report] { ask_and_save(panel, report); });
}

}  // namespace pitwall::panels
