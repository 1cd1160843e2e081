// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the window does with recordings that nobody asked for: saving the present one, opening those that were left.
#include <QAction>
#include <QDateTime>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>

#include "app/window/main_window.h"

namespace pitwall::app {

namespace {

/// "14:02", and the day where that is another: "Fri 2 Jan 14:02".
QString spoken_time(const QDateTime& then) {
    const bool today = then.date() == QDate::currentDate();
    return QLocale::c().toString(then, today ? QStringLiteral("HH:mm") : QStringLiteral("ddd d MMM HH:mm"));
}

}  // namespace

void MainWindow::ask_where_to_save() {
    if (!session_) return say(QStringLiteral("There is no session to save"), true);
    if (scratch_.busy()) return say(QStringLiteral("The session is being saved already; wait a moment"));
    const QString folder = recordings_folder();
    QDir().mkpath(folder);  // where that fails the dialog begins elsewhere
    auto* dialog = new QFileDialog(this, QStringLiteral("Save the session so far"), folder,
                                   QStringLiteral("Sessions (*.db);;All files (*)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(QStringLiteral("db"));
    dialog->selectFile(QDateTime::currentDateTime().toString(QStringLiteral("yyyy-MM-dd-HHmmss")) +
                       QStringLiteral(".db"));
    connect(dialog, &QFileDialog::fileSelected, this, &MainWindow::save_so_far);
    dialog->open();
}

void MainWindow::save_so_far(const QString& path) {
    scratch_.save(path);
    scratch_.poll(true, [this](const QString& sentence, bool bad) { say(sentence, bad); });
}

void MainWindow::offer_unfinished(const std::vector<LeftOver>& sessions) {
    for (const LeftOver& session : sessions) {
        const QString time = spoken_time(QDateTime::fromSecsSinceEpoch(session.begun_s)),
                      path = QString::fromStdString(session.path);
        QAction* open_it = unfinished_menu_->addAction(QStringLiteral("Unfinished session of %1").arg(time));
        connect(open_it, &QAction::triggered, this, [this, path] { open_replay(path); });
        commands_.push_back(open_it);
        if (&session == &sessions.front() && !session.found_before)
            scratch_.note(
                QStringLiteral("The session of %1 ended without saying goodbye: File > Open unfinished "
                               "session")
                    .arg(time),
                false);
    }
    unfinished_menu_->setEnabled(!unfinished_menu_->isEmpty());
}

}  // namespace pitwall::app
