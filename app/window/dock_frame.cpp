// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/dock_frame.h"

#include <QCloseEvent>
#include <QContextMenuEvent>
#include <QFontMetrics>
#include <QHelpEvent>
#include <QMenu>
#include <QPaintEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolButton>
#include <QToolTip>
#include <QVBoxLayout>
#include <algorithm>

#include "panels/common/copy_menu.h"

namespace pitwall::app {

namespace {

/// The panel's surface below the title: round at the bottom, which the panel itself need not know about.
class Surface : public QWidget {
  public:
    Surface(panels::Panel* panel, panels::Theme* theme) : theme_(theme), layout_(new QVBoxLayout(this)) {
        setAttribute(Qt::WA_OpaquePaintEvent);
        layout_->setSpacing(0);
        layout_->addWidget(panel);
        setMinimumSize(80, 24);
        const auto restyle = [this] {
            layout_->setContentsMargins(0, 0, 0, theme_->px("radius"));
            update();
        };
        connect(theme_, &panels::Theme::changed, this, restyle);
        restyle();
    }

  protected:
    void paintEvent(QPaintEvent* event) override {
        QPainter painter(this);
        const QRect wanted = event->rect();
        if (wanted.bottom() < height() - theme_->px("radius"))  // no corner: filled at once
            return painter.fillRect(wanted, theme_->color("bg.panel"));
        painter.fillRect(rect(), theme_->color("bg.window"));
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(theme_->color("bg.panel"));
        const int radius = theme_->px("radius");
        painter.drawRoundedRect(rect().adjusted(0, -2 * radius, 0, 0), radius, radius);
    }

  private:
    panels::Theme* theme_;
    QVBoxLayout* layout_;
};

QFont title_font(const panels::Theme& theme) { return theme.words("title", 600); }

QString elided(const QString& text, const QFont& font, int room) {
    return QFontMetrics(font).elidedText(text, Qt::ElideRight, std::max(0, room));
}

}  // namespace

DockTitle::DockTitle(panels::Panel* panel, panels::Theme* theme, QDockWidget* dock)
    : QWidget(dock), panel_(panel), theme_(theme), dock_(dock) {
    setAttribute(Qt::WA_OpaquePaintEvent);
    float_ =
        make_button(QStringLiteral("Float or dock"), [this] { dock_->setFloating(!dock_->isFloating()); });
    close_ = make_button(QStringLiteral("Close (View brings it back)"), [this] { dock_->close(); });
    if (QWidget* control = panel_->title_control()) {
        control->setParent(this);
        control->show();
        control->installEventFilter(this);
    }
    connect(panel_, &panels::Panel::scope_changed, this, [this] { update(0, 0, text_right_, height()); });
    connect(theme_, &panels::Theme::changed, this, &DockTitle::restyle);
    connect(dock_, &QDockWidget::topLevelChanged, this, &DockTitle::restyle);
    restyle();
}

QToolButton* DockTitle::make_button(const QString& tip, std::function<void()> action) {
    auto* button = new QToolButton(this);
    button->setToolTip(tip);
    button->setAccessibleName(tip);
    button->setAutoRaise(true);
    button->setFocusPolicy(Qt::TabFocus);
    button->installEventFilter(this);
    connect(button, &QToolButton::clicked, this, std::move(action));
    return button;
}

void DockTitle::restyle() {
    show_buttons(buttons_shown_);
    updateGeometry();
    place_children();
    update();
}

void DockTitle::set_name_shown(bool shown) {
    if (shown == name_shown_) return;
    name_shown_ = shown;
    update();
}

void DockTitle::set_marked(bool marked) {
    if (marked == marked_) return;
    marked_ = marked;
    update();
}

QSize DockTitle::sizeHint() const { return {theme_->scaled(120), theme_->px("title_bar")}; }
QSize DockTitle::minimumSizeHint() const { return {theme_->scaled(60), theme_->px("title_bar")}; }

void DockTitle::place_children() {
    int right = width() - theme_->px("m");
    if (QWidget* control = panel_->title_control(); control != nullptr && control->parentWidget() == this) {
        const QSize size = control->sizeHint();
        control->setGeometry(right - size.width(), (height() - size.height()) / 2, size.width(),
                             size.height());
        right = control->x() - theme_->px("s");
    }
    text_right_ = right;
    const int side = theme_->px("control") - theme_->scaled(4);
    for (QToolButton* button : {close_, float_}) {
        button->setGeometry(right - side, (height() - side) / 2, side, side);
        right -= side;
    }
    update();  // how much room the words have decides which are said
}

void DockTitle::resizeEvent(QResizeEvent* /*event*/) { place_children(); }
void DockTitle::enterEvent(QEnterEvent* /*event*/) { show_buttons(true); }
void DockTitle::leaveEvent(QEvent* /*event*/) { show_buttons(float_->hasFocus() || close_->hasFocus()); }

/// Kept alive but see-through while not wanted: a hidden button cannot be reached by Tab.
void DockTitle::show_buttons(bool shown) {
    // The focus still moves while the dock is taken down, which is a bare widget by then.
    if (qobject_cast<QDockWidget*>(parentWidget()) == nullptr) return;
    buttons_shown_ = shown;
    const QString sheet = QStringLiteral("QToolButton { background: %1; border: none; padding: 0; }");
    const char* float_icon = dock_->isFloating() ? "dock" : "float";
    float_->setIcon(shown ? theme_->icon(float_icon, "text.secondary") : QIcon());
    close_->setIcon(shown ? theme_->icon("close", "text.secondary") : QIcon());
    for (QToolButton* button : {float_, close_}) {
        button->setIconSize({theme_->px("icon"), theme_->px("icon")});
        button->setStyleSheet(
            sheet.arg(shown ? theme_->color("bg.panel").name() : QStringLiteral("transparent")));
    }
    update();
}

bool DockTitle::eventFilter(QObject* watched, QEvent* event) {
    if (watched == float_ || watched == close_) {
        if (event->type() == QEvent::FocusIn) show_buttons(true);
        if (event->type() == QEvent::FocusOut) show_buttons(underMouse());
    } else if (event->type() == QEvent::LayoutRequest || event->type() == QEvent::Show ||
               event->type() == QEvent::Hide) {
        place_children();  // the mode switch has another size in another theme
    }
    return QWidget::eventFilter(watched, event);
}

int DockTitle::scope_left() const {
    if (!name_shown_) return theme_->px("l");
    return theme_->px("l") + QFontMetrics(title_font(*theme_)).horizontalAdvance(panel_->title()) +
           theme_->px("m");
}

QString DockTitle::shown_scope() const {
    const QFont font = theme_->words("small");
    const int room = text_right_ - scope_left() - theme_->px("s");
    QString phrase = panel_->scope();
    for (const QString& shorter : panel_->shorter_scopes()) {
        if (QFontMetrics(font).horizontalAdvance(phrase) <= room) break;
        phrase = shorter;
    }
    return elided(phrase, font, room);
}

/// Where the title had no room for the whole phrase, the mouse over it says it.
bool DockTitle::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const bool cut = help->pos().x() < text_right_ && shown_scope() != panel_->scope();
    QToolTip::showText(help->globalPos(), cut ? panel_->scope() : QString(), this);
    return true;
}

void DockTitle::paintEvent(QPaintEvent* /*event*/) {
    QPainter painter(this);
    painter.fillRect(rect(), theme_->color("bg.window"));
    painter.setRenderHint(QPainter::Antialiasing);
    const int radius = theme_->px("radius");
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme_->color("bg.panel"));
    painter.drawRoundedRect(rect().adjusted(0, 0, 0, 2 * radius), radius, radius);
    if (marked_)
        painter.fillRect(QRectF(0, radius, theme_->px("xs"), height() - radius),
                         theme_->color("signal.focus"));
    const int middle = height() / 2 + theme_->scaled(1);
    const auto write = [&](const QString& text, int x, const QFont& font, const char* token) {
        const QFontMetrics metrics(font);
        painter.setFont(font);
        painter.setPen(theme_->color(token));
        painter.drawText(x, middle + (metrics.ascent() - metrics.descent()) / 2, text);
    };
    if (name_shown_)
        write(elided(panel_->title(), title_font(*theme_), text_right_ - theme_->px("l") - theme_->px("s")),
              theme_->px("l"), title_font(*theme_), "text.primary");
    write(shown_scope(), scope_left(), theme_->words("small"), "text.secondary");
}

PanelDock::PanelDock(panels::Panel* panel, panels::Theme* theme, QWidget* parent)
    : QDockWidget(panel->title(), parent), panel_(panel), theme_(theme) {
    setObjectName(QStringLiteral("dock_") + panel->id());
    setFeatures(DockWidgetClosable | DockWidgetMovable | DockWidgetFloatable);
    title_ = new DockTitle(panel, theme, this);
    setTitleBarWidget(title_);
    setWidget(new Surface(panel, theme));
    panel->setAccessibleName(panel->title());
}

void PanelDock::closeEvent(QCloseEvent* event) {
    QDockWidget::closeEvent(event);
    if (event->isAccepted()) emit closed();
}

void PanelDock::contextMenuEvent(QContextMenuEvent* event) {
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    panels::add_copy_actions(*menu, *panel_, [this](const QString& sentence) { emit said(sentence); });
    menu->addSeparator();
    menu->addAction(isFloating() ? QStringLiteral("Dock") : QStringLiteral("Float"), this,
                    [this] { setFloating(!isFloating()); });
    menu->addAction(QStringLiteral("Close"), this, &QWidget::close);
    menu->popup(event->globalPos());
    event->accept();
}

}  // namespace pitwall::app
