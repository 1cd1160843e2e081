// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/screenshots.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <QPixmap>

namespace pitwall::app {

namespace {

Status save(QWidget& widget, const QString& path) {
    if (widget.grab().save(path, "PNG")) return {};
    return Error{(QStringLiteral("cannot write ") + path).toStdString(),
                 "choose a folder that can be written to"};
}

void settle(MainWindow& window, panels::Panel& panel) {
    QCoreApplication::sendPostedEvents();
    QCoreApplication::processEvents();
    panel.refresh();
    for (panels::Panel* bar :
         std::initializer_list<panels::Panel*>{&window.figures(), &window.transport(), &window.status()})
        bar->refresh();
    QCoreApplication::processEvents();
}

/// Without its tab beside it a picture says the panel's name itself.
Status save_dock(PanelDock& dock, const QString& path) {
    const bool named = dock.title_bar()->name_shown();
    dock.title_bar()->set_name_shown(true);
    Status saved = save(dock, path);
    dock.title_bar()->set_name_shown(named);
    return saved;
}

/// Stops the clock while it lives: every picture shows the same moment.
class Still {
  public:
    explicit Still(FrameClock& clock) : clock_(clock) { clock_.stop(); }
    ~Still() { clock_.start(); }
    Still(const Still&) = delete;
    Still& operator=(const Still&) = delete;

  private:
    FrameClock& clock_;
};

QString picture_name(const PanelDock& dock) { return dock.panel()->id() + QStringLiteral(".png"); }

constexpr QLatin1String kWhole("window.png");

}  // namespace

Status prepare_screenshots(MainWindow& window, const QString& folder, bool overwrite) {
    if (!QDir().mkpath(folder))
        return Error{(QStringLiteral("cannot make the folder ") + folder).toStdString(),
                     "choose one that can be written to"};
    if (!QFileInfo(folder).isWritable())
        return Error{(QStringLiteral("cannot write to the folder ") + folder).toStdString(),
                     "choose one that can be written to"};
    const QDir dir(folder);
    QStringList names{kWhole};
    for (const PanelDock* dock : window.docks().docks()) names << picture_name(*dock);
    for (const QString& name : names)
        if (dir.exists(name) && !(overwrite && QFileInfo(dir.filePath(name)).isFile()))
            return Error{(dir.filePath(name) + QStringLiteral(" is there already")).toStdString(),
                         "choose another folder, or add --overwrite"};
    return {};
}

Status take_screenshots(MainWindow& window, const QString& folder) {
    const QDir dir(folder);
    const Still still(window.frame_clock());
    for (PanelDock* dock : window.docks().docks())
        if (dock->isVisible()) settle(window, *dock->panel());
    if (Status saved = save(window, dir.filePath(kWhole)); !saved.ok()) return saved;
    for (PanelDock* dock : window.docks().docks()) {
        dock->show();
        dock->raise();
        settle(window, *dock->panel());
        if (Status saved = save_dock(*dock, dir.filePath(picture_name(*dock))); !saved.ok()) return saved;
    }
    return {};
}

}  // namespace pitwall::app
